"""Decoding graphs, and fMLLR transforms for the speakers of dev and test."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.adapt import Adapter
from asr_prune.decode.graph import make_graph
from asr_prune.decode.kaldi_graph import take_graph
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.token_graph import make_token_graph
from asr_prune.features.archive import write_matrices
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.hmm.network_features import adapting, pass_features, transform_file
from asr_prune.lang.lang import Lang

log = logging.getLogger(__name__)


def make_pass_graph(lang: Path, hmm: Path, out: Path, scales: Mapping[str, Any]) -> None:
    """Writes HCLG of the GMM-HMM `hmm` to `out`.

    scales: transition_scale and self_loop_scale of DecodeOptions. Raises UserError as `make_graph`.
    """
    log.info("  HCLG: %s", make_graph(lang, hmm, out, replace(DecodeOptions(), **scales)))


def take_pass_graph(source: Path, hmm: Path, out: Path) -> None:
    """Copies Kaldi's graph directory `source` to `out`. Raises UserError as `take_graph`."""
    log.info("  HCLG: %s", take_graph(source, hmm, out))


def make_ctc_graph(lang: Path, out: Path) -> None:
    """Writes the graph of tokens and words to `out`. Raises UserError as `make_token_graph`."""
    size = make_token_graph(lang, out)
    log.info("  %d states, %d arcs, %d tokens", size.states, size.arcs, size.tokens)
    if size.unspelled:
        words, count = " ".join(size.unspelled[:10]), len(size.unspelled)
        log.warning("  %d words of the LM cannot be spelled, left out: %s", count, words)


def adapt_speakers(
    sets: Mapping[str, Path],
    lang: Path,
    hmm: Path,
    graph: Path,
    search: Mapping[str, Any],
    features: HmmFeatureOptions,
    min_frames: float,
    nj: int,
) -> None:
    """Writes fMLLR transforms of speakers, estimated on first-pass hypotheses, not transcripts.

    sets: data directories by name; hmm: folder of a speaker-adaptive GMM-HMM, which gets the
    transforms; search: options of the two passes, named as in DecodeOptions. Goes on with what an
    interrupted adaptation of the same found. Raises UserError as `Adapter`.
    """
    shift = features.frame_shift_ms / 1000
    adapter = Adapter(hmm, graph, Lang.read(lang).silence, DecodeOptions(**search), nj, shift)
    for part, folder in sets.items():
        feats = dict(pass_features(folder, features, hmm, adapt=False))
        kept = adapting(hmm) / part
        transforms = adapter.transforms(feats, DataDir.read(folder).utt2spk, min_frames, kept)
        write_matrices(transform_file(hmm, part).with_suffix(""), sorted(transforms.items()))
        log.info("  %s: transforms for %d speakers", part, len(transforms))
    shutil.rmtree(adapting(hmm), ignore_errors=True)
