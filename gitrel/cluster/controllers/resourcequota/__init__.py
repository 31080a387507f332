"""What is used of a ResourceQuota, told in its status."""
