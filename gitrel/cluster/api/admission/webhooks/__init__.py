"""Webhooks: who is asked about a write, what is sent, and what an answer means. Calling is done elsewhere."""
