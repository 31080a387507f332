"""Custom resources: what a CustomResourceDefinition says, and how objects are held to it."""
