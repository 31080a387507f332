"""Reads, decides by calling the core, records, acts: the one story that every way in shares."""
