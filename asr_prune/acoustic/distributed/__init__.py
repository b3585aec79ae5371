"""Training by several processes at once."""
