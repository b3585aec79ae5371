"""Verification of a shrunk network against the masked one, and the effect of the cut."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.decode.decode_set import decode_set
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.network_scores import NetworkScores, greedy_set
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.hmm.network_features import Feats, NetworkFeatures
from asr_prune.integrity import checked
from asr_prune.pruning.registry import is_dense_method
from asr_prune.pruning.verify import compare_networks
from asr_prune.run_dir import RunDir
from asr_prune.score.align import distance

log = logging.getLogger(__name__)

#: the search by which networks are compared
NARROW = DecodeOptions(beam=11.0, max_active=1500)


def verified_run(run: RunDir, decoding: Decoding, nj: int) -> None:
    """As `verify_run`. Raises UserError if the two networks differ."""
    if not verify_run(run, decoding, nj):
        raise UserError(f"{run.path}: the shrunk network is not the masked one; see {run.verify}.")


def verify_run(run: RunDir, decoding: Decoding, nj: int = 1) -> bool:
    """Whether the masked and the shrunk network of a run agree; writes verify.json.

    Compares logits on random inputs and all test frames, and the words of the test set; and
    records what the cut changed on dev, unless the run is dense. Without an HMM to decode with, words
    are null. nj: number of processes for decoding.
    """
    masked, small = load_model(run.network), load_model(run.shrunk)
    source = NetworkFeatures.from_plain(small.features)
    feats = {part: source.stored(decoding.set(part), decoding.align) for part in ("dev", "test")}
    agreements = compare_networks(masked, small, feats["test"])
    for agreement in agreements:
        log.info("  %s", agreement)
    differ, cut = None, None
    if decoding.decodable:
        differ = _words_that_differ(masked, small, feats["test"], decoding.graph, nj)
        cut = None if _is_dense(run) else _what_the_cut_changed(run, feats["dev"], decoding.graph, nj)
    holds = not differ and all(agreement.holds for agreement in agreements)
    with atomic(run.verify) as file:
        rows = [asdict(agreement) | {"holds": agreement.holds} for agreement in agreements]
        content = {"holds": holds, "logits": rows, "utterances_that_differ": differ, "cut": cut}
        json.dump(content, file, indent=1)
    return holds


def _is_dense(run: RunDir) -> bool:
    """Whether the run's method cuts nothing."""
    return is_dense_method(yaml.safe_load(run.recipe.read_bytes())["prune"]["method"])


def words_for_comparison(model: Model, feats: Feats, graph: Path | None, nj: int = 1) -> dict[str, list[str]]:
    """Words of every utterance under one network, at a usual LM weight and a narrow beam.

    graph: its folder; without one a network trained with CTC is decoded greedily.
    """
    if graph is None:
        return greedy_set(model, feats)
    weight = comparison_weight(bool(model.tokens))
    hyps = decode_set(graph, NetworkScores(model, feats), NARROW, weight, nj, total=len(feats))
    return {utt: hyp.words for utt, hyp in hyps.items()}


def comparison_weight(ctc: bool) -> int:
    """The LM weight at which networks are compared."""
    return 2 if ctc else 12


def _words_that_differ(masked: Model, small: Model, test: Feats, graph: Path | None, nj: int) -> list[str]:
    one, other = (words_for_comparison(model, test, graph, nj) for model in (masked, small))
    differ = sorted(name for name in one if one[name] != other[name])
    log.info("  words on the test set: %d of %d utterances differ", len(differ), len(one))
    return differ


def _what_the_cut_changed(run: RunDir, dev: Feats, graph: Path | None, nj: int) -> dict[str, Any]:
    figures = json.loads(checked(run.train).read_text(encoding="utf-8"))
    before = words_for_comparison(load_model(run.before_cut), dev, graph, nj)
    after = words_for_comparison(load_model(run.shrunk), dev, graph, nj)
    names = sorted(before)
    changed = distance([before[name] for name in names], [after[name] for name in names])
    total = sum(map(len, before.values()))
    ces = [figures[f"dev_ce_{when}"] for when in ("before_cut", "after_cut", "final")]
    log.info("  cut: dev cross-entropy %.4f before, %.4f after, %.4f at the end of the run", *ces)
    share = 100 * changed / max(total, 1)
    text = "  from before the cut to the shrunk network: %d word edits on dev, %.1f %% of %d words before the cut"
    log.info(text, changed, share, total)
    words = {"words_dev": total, "words_changed_dev": changed}
    return words | {key: figures[key] for key in ("norm_mass_removed", "converged")}
