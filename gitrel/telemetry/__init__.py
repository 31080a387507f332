"""What gitrel tells about itself: log lines, sinks of the event stream, and the masking of secrets."""
