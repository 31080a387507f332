"""Secrets that hold the token of a service account, for those who still ask for them that way."""
