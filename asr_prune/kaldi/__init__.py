"""Exchange with Kaldi: export of GMM-HMMs, import of features, labels and lang folders."""
