"""The shrunk network of a run in other programs' formats: ONNX, Kaldi's nnet1, archives of log-likelihoods."""
