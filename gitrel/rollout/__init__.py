"""The rollout core: what to do next, decided from values alone. Standard library only, no IO, no clock."""
