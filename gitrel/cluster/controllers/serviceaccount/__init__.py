"""The default account of every namespace."""
