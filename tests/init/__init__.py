"""A new repository, from `gitrel init` to a promotion."""
