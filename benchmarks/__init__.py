"""What gitrel measures of itself. `python -m benchmarks [NAME …]` prints and writes `results.json`."""
