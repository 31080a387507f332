"""The verbs, one file a group; each file is imported only when one of its verbs is called."""
