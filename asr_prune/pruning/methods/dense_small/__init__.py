"""A small network trained from scratch."""
