"""Log-likelihoods to words: the decoding graph and the beam search in it."""
