"""Checks of what was released or is about to be: each kind in a file of its own."""
