"""Dense-sparse-dense training."""
