"""The acoustic network: spliced frames in, pdf posteriors out. Needs torch, numpy and nothing else."""
