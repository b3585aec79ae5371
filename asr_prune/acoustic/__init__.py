"""Acoustic networks: spliced frames in, logits of pdfs or CTC tokens out."""
