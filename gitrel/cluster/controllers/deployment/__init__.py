"""Moves from one template to the next by scaling ReplicaSets: never pods."""
