"""Which pods stand behind a Service, in slices of at most a hundred."""
