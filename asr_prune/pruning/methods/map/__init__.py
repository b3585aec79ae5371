"""Magnitude attention based dynamic pruning."""
