"""What is remembered between passes: one protocol, one file per place to keep it."""
