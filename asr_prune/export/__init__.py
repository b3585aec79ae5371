"""Export of a shrunk network: ONNX, Kaldi's nnet1, archives of log-likelihoods."""
