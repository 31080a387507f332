"""Admission: small plugins that complete or refuse a write before it is stored, in Kubernetes' order."""
