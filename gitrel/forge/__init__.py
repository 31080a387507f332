"""Code forges: where a change is proposed to people instead of being made."""
