"""Tests of the cluster's kinds."""
