"""Claims and volumes are let go when nobody uses them any more."""
