"""The scheduler: which node each pod goes to, computed over all nodes at once in columns of numbers."""
