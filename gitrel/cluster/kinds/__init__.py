"""What an object *is*: per kind its names, defaults, validation and strategy; a file a family."""
