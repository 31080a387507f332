"""The reconciler as a service: passes for as long as nobody says stop."""
