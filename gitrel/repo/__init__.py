"""The config repository: files → facts."""
