"""The same scripts on a real control plane and on the bundled cluster, and what they show compared."""
