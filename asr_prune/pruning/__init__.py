"""Which nodes go, and their exact removal. Needs torch, numpy and the acoustic network."""
