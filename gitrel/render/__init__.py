"""Catalog × (component, version, environment) → ordered manifests and their digest."""
