"""Decoding of a run: the words of sets at each LM weight and word insertion penalty."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.kept_greedy import kept_greedy_words
from asr_prune.decode.lattice_set import Decoded
from asr_prune.decode.network_scores import placed_model, shared_device, with_token_priors
from asr_prune.decode.options import DecodeOptions, grid
from asr_prune.decode.portioned import PortionedSet
from asr_prune.decode.sweep_archive import sweep_archive
from asr_prune.decode.words_files import write_words
from asr_prune.features.stored import frames_of
from asr_prune.files import atomic_dir
from asr_prune.run_dir import decode_info, lattices_file, portions_of

log = logging.getLogger(__name__)


def decode_run(
    decoding: Decoding,
    network: Path,
    outs: Mapping[str, Path],
    options: DecodeOptions,
    nj: int,
) -> None:
    """Decodes sets with the network in the file `network`.

    outs: a folder per set, which gets the figures and either lattices (decode.lattice) or the words
    at each point; options: replace those of `decoding`. Goes on from the portions that an
    interrupted decoding of the same left beside `outs`. Raises UserError as `lattice_set`, or if the
    network was trained on other features.
    """
    decoding, model = replace(decoding, options=options), load_model(network)
    decoding.check_features(model.features, network)
    model = placed_model(with_token_priors(decoding, model), shared_device(options.device))
    for part, out in outs.items():
        if decoding.options.search == "greedy":
            _greedy_part(decoding, model, part, out)
        else:
            _decode_part(decoding, model, part, out, nj)
    for out in outs.values():
        shutil.rmtree(portions_of(out), ignore_errors=True)


def _decode_part(decoding: Decoding, model: Model, part: str, out: Path, nj: int) -> None:
    options, shift = decoding.options, decoding.features.frame_shift
    points = [] if options.lattice else grid(options)
    assert decoding.graph is not None
    feats, folder = decoding.stored(part), portions_of(out)
    whole = PortionedSet(decoding.graph, model, feats, options, points, shift, folder)
    store = whole.decode(nj)
    with atomic_dir(out) as partial:
        decoded = whole.join(store, partial)
        info = decode_figures(decoded, store.forward(), shift * model.network.stride)
        decode_info(partial).write_text(json.dumps(info, indent=1))
    log.info("  %s: %s", part, decoded.summary(shift * model.network.stride))


def _greedy_part(decoding: Decoding, model: Model, part: str, out: Path) -> None:
    feats, shift = decoding.stored(part), decoding.features.frame_shift
    found = kept_greedy_words(model, feats, shift, portions_of(out))
    words, frames = {utt: own.words for utt, own in found.items()}, sum(frames_of(feats).values())
    hours, seconds = frames * shift / 3600, sum(own.seconds for own in found.values())
    info = {
        "frames": frames,
        "rtf_decode": 0.0,
        "sweep_seconds": 0.0,
        "am_forward_seconds_per_hour": seconds / hours,
        "utterances": len(words),
        "no_final_state": [],
        "no_path": [],
    }
    with atomic_dir(out) as partial:
        write_words(partial, {(1, 0.0): words})
        decode_info(partial).write_text(json.dumps(info, indent=1))
    log.info("  %s: %d utterances decoded greedily", part, len(words))


def sweep_run(
    graph: Path,
    outs: Mapping[str, Path],
    lm_weights: Sequence[int],
    penalties: Sequence[float],
    nj: int,
) -> None:
    """Writes the words at each LM weight and penalty from the lattices in the folders `outs`.

    Raises UserError as `sweep_archive`.
    """
    points = list(product(lm_weights, penalties))
    for out in outs.values():
        write_words(out, sweep_archive(lattices_file(out), graph, points, nj))


def decode_figures(decoded: Decoded, forward: float, shift: float) -> dict[str, Any]:
    """The figures of a decoded set; forward: seconds in the network; shift: of frames, seconds."""
    return {
        "frames": decoded.frames,
        "rtf_decode": decoded.rtf(shift),
        "am_forward_seconds_per_hour": forward / (decoded.frames * shift / 3600),
        "sweep_seconds": decoded.sweep_seconds,
        "log_likelihood_per_frame": decoded.score / decoded.frames,
        "utterances": decoded.utterances,
        "no_final_state": decoded.partial,
        "no_path": decoded.failed,
    }
