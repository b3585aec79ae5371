"""Lattice search with a bound, as Kaldi's LatticeFasterDecoder: graph, tokens, expansion, pruning,
lattice.
"""
