"""The features of an imported model, as Kaldi's online2 computes them."""
