"""Corpora as Kaldi data directories: reading, writing, checking and repairing them; audio."""
