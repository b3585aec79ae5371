"""Tying of triphone states by a decision tree built from an alignment (Kaldi: train_deltas.sh)."""

from asr_prune.hmm.tying.tie import Tied, tie

__all__ = ["Tied", "tie"]
