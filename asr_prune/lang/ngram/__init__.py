"""n-gram language models: estimation from text, smoothing, pruning, perplexity, ARPA files."""
