"""States of phones in context share pdfs: a decision tree from an alignment (Kaldi: train_deltas.sh up to convert-ali)."""

from asr_prune.hmm.tying.tie import Tied, tie

__all__ = ["Tied", "tie"]
