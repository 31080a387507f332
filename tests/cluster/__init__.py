"""Tests of the bundled cluster."""
