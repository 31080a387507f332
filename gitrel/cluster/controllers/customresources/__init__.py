"""Definitions of custom resources: their names, and the end of their objects."""
