"""One pass of the GMM-HMM, decoded and scored: a row of the ladder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr_prune.decode.gmm import gmm_log_likelihoods
from asr_prune.decode.lattice_set import kept_searched, kept_words
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import SetSearch
from asr_prune.decode.words_files import Words
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.files import atomic
from asr_prune.hmm.gmm import Floats
from asr_prune.hmm.network_features import pass_features
from asr_prune.hmm.pass_files import TIMES
from asr_prune.integrity import checked
from asr_prune.score.files import score_files
from asr_prune.score.grids import score_grids
from asr_prune.score.options import ScoreOptions


@dataclass(frozen=True)
class Rung:
    """A trained pass and how it is decoded. hmm, graph: its folders; features: that it reads."""

    hmm: Path
    graph: Path
    features: HmmFeatureOptions
    decode: DecodeOptions


def score_pass(
    rung: Rung,
    sets: Mapping[str, Path],
    outs: Mapping[str, Path],
    score: ScoreOptions,
    out: Path,
    kept: Path,
    nj: int,
) -> list[Path]:
    """Decodes and scores dev and test with a pass; writes its row of the ladder to `out`.

    sets: data directories; outs: the scores of the sets; kept: folder for what an interrupted
    search found. The row has: pass, pdfs, gaussians, the figures of `score_grids`, and seconds (of
    training). Returns the tables beside the scores. Raises UserError if a file is missing or
    damaged.
    """
    words = {part: _words(rung, folder, kept / part, nj) for part, folder in sets.items()}
    summary = json.loads(checked(rung.hmm / "summary.json").read_text(encoding="utf-8"))
    row = {"pass": rung.hmm.name, "pdfs": summary["pdfs"], "gaussians": summary["gaussians"]}
    times = json.loads(checked(rung.hmm / TIMES).read_text(encoding="utf-8"))
    row |= score_grids(words, sets, outs, score) | times
    with atomic(out) as file:
        json.dump(row, file, indent=1)
    shutil.rmtree(kept, ignore_errors=True)
    return [path for place in outs.values() for path in score_files(place)[1:] if path.is_file()]


def _words(rung: Rung, folder: Path, kept: Path, nj: int) -> Words:
    """Words of a set, by LM weight and penalty."""
    feats = pass_features(folder, rung.features, rung.hmm)
    search = SetSearch(f"decoding {folder.name} with {rung.hmm.name}", rung.decode)
    found = kept_searched(kept, feats, rung.features.frame_shift_ms / 1000)

    def scores(names: Sequence[str]) -> Iterator[tuple[str, Floats]]:
        return gmm_log_likelihoods(rung.hmm, feats.only(names))

    return kept_words(rung.graph, scores, search, nj, found)
