"""What a CI system is told about a run: annotations at lines, a summary, outputs for the next step."""
