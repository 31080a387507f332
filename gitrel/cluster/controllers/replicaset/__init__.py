"""Keeps as many pods as asked: creates what is missing, deletes what is too many, reports what is there."""
