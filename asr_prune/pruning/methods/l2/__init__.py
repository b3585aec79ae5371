"""L2 regularisation, cut by node norms."""
