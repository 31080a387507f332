"""The StatefulSet controller: pods with names of their own, in their order, and storage that stays theirs."""
