"""Group lasso on the vectors of nodes."""
