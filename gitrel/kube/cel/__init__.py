"""The Common Expression Language as Kubernetes speaks it: parsed, type-checked, evaluated under a budget.

Written here because rules come from strangers and run inside the write path: every step is counted, so that
no rule can hold up a cluster, and values are Kubernetes' own (quantities, addresses, sets). Pure.
"""
