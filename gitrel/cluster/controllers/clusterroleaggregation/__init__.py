"""Cluster roles that are made of other ones."""
