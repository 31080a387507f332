"""The command line: turns words into calls, and results into text. Nothing below knows that it exists."""
