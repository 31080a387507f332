"""What a CI system is told, and the workflows that tell it."""
