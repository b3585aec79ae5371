"""Guided regularisation: some nodes are penalised more than others."""
