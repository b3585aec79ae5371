"""No pruning: the dense network."""
