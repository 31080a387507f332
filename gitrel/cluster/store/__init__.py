"""The state of a cluster: one revision log, the current objects, indexes over them, and cursors into the
log.
"""
