"""Verification of a shrunk network against the masked one, and the effect of the cut."""

from __future__ import annotations

import json
import logging
import shutil
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.network_scores import decode_device, placed_model, shared_device
from asr_prune.decode.two_networks import words_of_two
from asr_prune.errors import UserError
from asr_prune.features.stored import Stored
from asr_prune.files import atomic
from asr_prune.hmm.network_features import NetworkFeatures
from asr_prune.integrity import checked
from asr_prune.pruning.registry import is_dense_method
from asr_prune.pruning.verify import compare_networks
from asr_prune.run_dir import RunDir
from asr_prune.score.align import distance
from asr_prune.score.options import COMPARED_SECONDS

log = logging.getLogger(__name__)

_SEED = 0


def verified_run(run: RunDir, decoding: Decoding, nj: int) -> None:
    """As `verify_run`. Raises UserError if the two networks differ."""
    if not verify_run(run, decoding, nj, resume=True):
        raise UserError(f"{run.path}: the shrunk network is not the masked one; see {run.verify}.")


def verify_run(run: RunDir, decoding: Decoding, nj: int = 1, resume: bool = False) -> bool:
    """Whether the masked and the shrunk network of a run agree; writes verify.json.

    Compares logits on random inputs and all test frames, on the CPU, and the words of the test set;
    and records what the cut changed on dev, unless the run is dense. Words are those of `sample`,
    scored on `decode.device`. Without an HMM to decode with, words are null. nj: number of processes
    for decoding; resume: whether to go on with what an interrupted comparison of the same found.
    Raises UserError if the networks were trained on other features, or the device is not there.
    """
    if not resume:
        shutil.rmtree(run.verifying, ignore_errors=True)
    masked, small = load_model(run.network), load_model(run.shrunk)
    decoding.check_features(small.features, run.shrunk)
    device = shared_device(decoding.options.device)
    decode_device(device)  # refused now, not after the comparison of logits
    source = NetworkFeatures.from_plain(small.features)
    feats = {part: source.stored(decoding.set(part), decoding.align) for part in ("dev", "test")}
    agreements = compare_networks(masked, small, feats["test"])
    for agreement in agreements:
        log.info("  %s", agreement)
    content: dict[str, Any] = {
        "utterances_that_differ": None,
        "rounded": None,
        "cut": None,
        "words": None,
    }
    if decoding.decodable:
        test = sample("test", feats["test"], source.frame_shift)
        dev = None if _is_dense(run) else sample("dev", feats["dev"], source.frame_shift)
        masked, small = placed_model(masked, device), placed_model(small, device)
        differ, rounded = _words_that_differ(masked, small, test, decoding.graph, nj, run.verifying)
        content = {
            "utterances_that_differ": differ,
            "rounded": rounded,
            "cut": _what_the_cut_changed(run, small, dev, decoding.graph, nj) if dev else None,
            "words": {"test": test.figures} | ({"dev": dev.figures} if dev else {}),
        }
    holds = not content["utterances_that_differ"] and all(agreement.holds for agreement in agreements)
    with atomic(run.verify) as file:
        rows = [asdict(agreement) | {"holds": agreement.holds} for agreement in agreements]
        json.dump({"holds": holds, "logits": rows, **content}, file, indent=1)
    shutil.rmtree(run.verifying, ignore_errors=True)
    return holds


def _is_dense(run: RunDir) -> bool:
    """Whether the run's method cuts nothing."""
    return is_dense_method(yaml.safe_load(run.recipe.read_bytes())["prune"]["method"])


@dataclass(frozen=True)
class Sample:
    """Utterances of a set whose words are compared.

    figures: of verify.json, see `sample`.
    """

    feats: Stored
    figures: dict[str, Any]


def sample(part: str, feats: Stored, frame_shift: float) -> Sample:
    """All utterances of a set, or of one of more than half an hour a random half hour, always the
    same.

    frame_shift: in seconds. The figures are utterances, seconds, and those of the whole set,
    utterances_of and seconds_of; whoever compares adds `same_scores`, the utterances to which both
    networks gave the same log-likelihoods bit by bit, so that their words need no comparison.
    """
    seconds = {utt: frames * frame_shift for utt, frames in feats.frames.items()}
    names, total = sorted(seconds), sum(seconds.values())
    if total > COMPARED_SECONDS:
        order = np.random.default_rng(_SEED).permutation(len(names))
        ends = np.cumsum([seconds[names[i]] for i in order])
        names = sorted(names[i] for i in order[: int((ends < COMPARED_SECONDS).sum()) + 1])
    took = sum(seconds[name] for name in names)
    if len(names) < len(feats):
        text = "  words of %s: compared on a random sample of %d of %d utterances, %.0f of %.0f minutes"
        log.info(text, part, len(names), len(feats), took / 60, total / 60)
    whole = {"utterances_of": len(feats), "seconds_of": round(total, 2)}
    return Sample(feats.only(names), {"utterances": len(names), "seconds": round(took, 2), **whole})


def _words_that_differ(
    masked: Model, small: Model, test: Sample, graph: Path | None, nj: int, kept: Path
) -> tuple[list[str], list[str]]:
    """Utterances whose words differ, and those of which they do in float32 alone.

    Sums of fewer terms are rounded otherwise, so that two paths of nearly the same cost may change
    places. Scores computed in float64 are equal then.
    """
    words = words_of_two(masked, small, test.feats, graph, nj, "verifying test", kept / "test", unlike=True)
    _note_alike(test, len(test.feats) - len(words), "test")
    doubtful = sorted(utt for utt, own in words.items() if own.one != own.other)
    log.info("  words on the test set: %d of %d utterances differ", len(doubtful), len(test.feats))
    if not doubtful:
        return [], []
    pair, feats = (_precise(masked), _precise(small)), {utt: test.feats[utt] for utt in doubtful}
    precise = words_of_two(*pair, feats, graph, nj, "in float64", kept / "float64")
    differ = [utt for utt in doubtful if precise[utt].one != precise[utt].other]
    rounded = sorted({*doubtful} - {*differ})
    if rounded:
        text = "  %d of these by rounding: scored in float64, both networks give the same words"
        log.info(text, len(rounded))
    return differ, rounded


def _precise(model: Model) -> Model:
    return replace(model, network=deepcopy(model.network).double())


def _what_the_cut_changed(run: RunDir, small: Model, dev: Sample, graph: Path | None, nj: int) -> dict[str, Any]:
    figures = json.loads(checked(run.train).read_text(encoding="utf-8"))
    before, kept = load_model(run.before_cut), run.verifying / "dev"
    before.network.to(small.network.shift.device)
    words = words_of_two(before, small, dev.feats, graph, nj, "verifying dev", kept)
    _note_alike(dev, sum(own.alike for own in words.values()), "dev")
    pairs = [words[utt] for utt in sorted(words)]
    changed = distance([own.one for own in pairs], [own.other for own in pairs])
    total = sum(len(own.one) for own in pairs)
    ces = [figures[f"dev_ce_{when}"] for when in ("before_cut", "after_cut", "final")]
    log.info("  cut: dev cross-entropy %.4f before, %.4f after, %.4f at the end of the run", *ces)
    log.info("  from before the cut to the shrunk network: %s", _edits_on_dev(changed, total))
    of = {"words_dev": total, "words_changed_dev": changed}
    return of | {key: figures[key] for key in ("norm_mass_removed", "converged")}


def _edits_on_dev(edits: int, words: int) -> str:
    """words: those before the cut, of which a network that says nothing has none."""
    of = f"{100 * edits / words:.1f} % of {words} words" if words else "no words"
    return f"{edits} word edits on dev, {of} before the cut"


def _note_alike(of: Sample, alike: int, part: str) -> None:
    of.figures["same_scores"] = alike
    if alike:
        text = "  %s: the networks give %d of %d utterances the same log-likelihoods bit by bit; not searched twice"
        log.info(text, part, alike, len(of.feats))
