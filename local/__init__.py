"""Local scripts, each of which prepares a corpus as Kaldi data directories."""
