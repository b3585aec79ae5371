"""State tying: from the labels of one pass to a tree of triphone states and a first model on it (Kaldi: build-tree)."""

from asr_prune.hmm.tying.tie import Tied, tie

__all__ = ["Tied", "tie"]
