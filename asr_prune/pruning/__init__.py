"""Choosing nodes and removing them exactly. Needs torch, numpy and the acoustic network."""
