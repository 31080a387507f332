"""Tests of the cluster's store."""
