"""Corpora as Kaldi data directories: reading, writing, checking, mending, and the audio that they point at."""
