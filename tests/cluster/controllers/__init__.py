"""The controllers: their sums on plain dicts, and their stories on a virtual clock."""
