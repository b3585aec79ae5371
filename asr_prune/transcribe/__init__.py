"""Audio files to words, with the shrunk network of a run."""
