"""Every map factored by singular value decomposition."""
