"""Lexicon, phone and word tables, HMM topology, and the FSTs L and G."""
