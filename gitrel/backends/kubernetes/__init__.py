"""A real cluster: the official client's configuration and TLS, raw JSON, a deadline on every call."""
