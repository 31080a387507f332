"""The same story on a virtual clock, with embedded clusters, faults, and a report."""
