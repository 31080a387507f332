"""Empties a namespace that is being deleted: pods first, then everything else, then itself."""
