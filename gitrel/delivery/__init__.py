"""One release on one cluster: what is owned, what would change, how well it is, and what has drifted."""
