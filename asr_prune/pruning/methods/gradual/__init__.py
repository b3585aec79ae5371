"""Gradual magnitude pruning of nodes."""
