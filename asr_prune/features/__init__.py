"""Features of audio: MFCC or log-mel filterbanks, CMVN and deltas, in Kaldi's archives."""
