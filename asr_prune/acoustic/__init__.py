"""The acoustic network: spliced frames in, posteriors of pdfs or tokens out. Needs torch, numpy and nothing else."""
