"""Long stories as scripts with their recorded output, read in review and rewritten by a flag."""
