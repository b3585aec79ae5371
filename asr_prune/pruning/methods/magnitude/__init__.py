"""One-shot pruning of nodes by a score."""
