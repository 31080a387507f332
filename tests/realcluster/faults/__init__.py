"""Faults between gitrel and a real API server, each on purpose and on cue."""
