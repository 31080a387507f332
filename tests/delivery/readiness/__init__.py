"""Tests of readiness: one situation a row, and the word and sentence that kstatus has for it."""
