"""Hypotheses and references -> word error rate, its interval, and error listings."""
