"""L1 regularisation, cut by node norms."""
