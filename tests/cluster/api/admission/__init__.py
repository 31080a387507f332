"""Tests of what stands between a request and the store: policies and webhooks."""
