"""What becomes of CertificateSigningRequests: some are approved by themselves, the approved ones signed."""
