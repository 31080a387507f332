"""Runs pods until enough of them have succeeded, and counts every one of them exactly once."""
