"""What the align stage makes: one GMM-HMM pass, trained on data directories."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.hmm.network_features import base_features
from asr_prune.hmm.options import PassOptions
from asr_prune.hmm.pass_files import TIMES
from asr_prune.hmm.passes import Speech, train_pass


def train_pass_on(
    sets: Sequence[Path],
    lang: Path,
    out: Path,
    options: PassOptions,
    before: Path | None,
    features: HmmFeatureOptions,
    seed: int,
    label_all: bool,
    nj: int = 1,
) -> list[Path]:
    """Trains one pass on the data directories `sets` together, from the labels of the pass in
    folder `before`, and writes `out` as `train_pass` does. Returns the file of its times. Raises
    UserError as `train_pass`.
    """
    data = [DataDir.read(folder) for folder in sets]
    speech = Speech(
        feats=reduce(or_, (base_features(directory.path, features) for directory in data)),
        text={utt: words for directory in data for utt, words in directory.text.items()},
        speakers={utt: speaker for directory in data for utt, speaker in directory.utt2spk.items()},
        deltas=features.deltas,
        means=features.normalised,
        variance=features.normalised and features.cmvn_variance,
        frame_shift=features.frame_shift_ms / 1000,
    )
    train_pass(lang, speech, out, options, before, seed, label_all, nj)
    return [out / TIMES]
