"""n-gram language models from text: counted, smoothed, pruned, measured, written as ARPA files."""
