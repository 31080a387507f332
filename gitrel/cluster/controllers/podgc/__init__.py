"""Removes the pods of nodes that are no longer there."""
