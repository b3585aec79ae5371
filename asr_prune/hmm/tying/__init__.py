"""States of phones in context share pdfs: a decision tree of an alignment, as train_deltas.sh does."""

from asr_prune.hmm.tying.tie import Tied, tie

__all__ = ["Tied", "tie"]
