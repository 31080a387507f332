"""Deletes what nobody owns any more, and holds owners until what they own is gone."""
