"""The kubelets of all nodes: what pods do once they are bound, computed from instant to instant without
ticking.
"""
