"""Custom resources: definitions, schemas, and the life of what they define."""
