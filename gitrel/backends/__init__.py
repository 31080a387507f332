"""Clusters that gitrel can change: one protocol, one file per technology."""
