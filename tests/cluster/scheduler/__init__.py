"""Where pods go, in which order, and why not elsewhere."""
