"""What an object causes: one folder a controller; the shell in controller.py, the sums in pure siblings."""
