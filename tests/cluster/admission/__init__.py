"""Admission: who may be stored, and as what."""
