"""Models of Kaldi's nnet3: what their files hold."""
