"""PodDisruptionBudgets: how many pods a drain may take away now."""
