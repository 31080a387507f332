"""Nodes that fall silent: marked, tainted, and in the end emptied."""
