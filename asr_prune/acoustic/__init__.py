"""The acoustic network: spliced frames in, logits of pdfs or tokens out. Needs only torch and numpy."""
