"""One plugin a file: a pure predicate that says the rule for one node, beside the same rule over all nodes in
columns.

A filter answers with one boolean per row of the snapshot, a score with one integer per row. Weights and order
are in `cycle`.
"""
