"""What is told of a policy's expressions in its status."""
