"""Policies in CEL: what is refused, warned of or changed by expressions that are stored in the cluster."""
