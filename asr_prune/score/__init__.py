"""Hypotheses and references -> word error rate, its interval, and a readable account of every error."""
