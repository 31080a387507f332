"""Every namespace gets the certificate by which its pods know the API server."""
