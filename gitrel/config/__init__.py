"""What can be set, in one table that flags, variables and reference pages are made from."""
