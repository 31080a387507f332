"""What pods do on their nodes, and when."""
