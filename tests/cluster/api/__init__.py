"""Tests of the cluster's api."""
