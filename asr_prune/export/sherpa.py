"""A CTC run as a folder that sherpa-onnx loads."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.network_scores import with_token_priors
from asr_prune.decode.options import Point
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed
from asr_prune.export.forward import Forward, Likeness, Outputs, liken, torch_forward
from asr_prune.export.onnx_run import Session, need_onnx, quantise
from asr_prune.export.places import EXPORT_MARK, export_dir, take_over
from asr_prune.export.scored import scored_point
from asr_prune.export.sherpa_graph import sherpa_graph
from asr_prune.export.sherpa_model import BATCH, LENGTHS, LOG_PROBS, sherpa_model
from asr_prune.export.trained_run import TrainedRun
from asr_prune.lang.symbols import write_symbols
from asr_prune.layout import SCORED_SETS

log = logging.getLogger(__name__)

#: files of the folder
TOKENS, GRAPH, WORDS = "tokens.txt", "HLG.fst", "words.txt"
NETWORKS = {"float32": "model.onnx", "int8": "model.int8.onnx"}
#: UTF-8's largest byte in texts that sherpa-onnx takes for byte-level pieces
_BYTE_PIECES = 0xC6


def export_sherpa(trained: TrainedRun, out: Path, decoding: Decoding) -> dict[str, Likeness]:
    """Writes `out`, whole or not at all: model.onnx, model.int8.onnx, tokens.txt and check.json.

    A run that searches words in a graph also gets HLG.fst, with the LM weight and the penalty that
    were chosen on dev, and words.txt. Returns how far the log-probabilities of each form, run by
    onnxruntime on dev and test, are from torch's. Raises UserError if the run has no CTC network,
    sherpa-onnx cannot compute its features or would read its tokens otherwise, it has a graph and
    has not been scored, float32 differs by more than float32 explains, or packages are missing.
    """
    need_onnx()
    deployed = trained.deployed()
    tokens = _tokens(deployed)
    point = scored_point(trained.run) if decoding.options.search == "graph" else None
    with export_dir(out, "sherpa") as partial:
        _write_networks(partial, deployed, point)
        write_symbols({token: number for number, token in enumerate(tokens)}, partial / TOKENS)
        if point:
            _write_graph(partial, decoding, deployed.model, point)
        likenesses = _checked_forms(trained, partial, point)
    log.info(
        "%s: nodes %s, %s",
        out,
        "/".join(map(str, deployed.model.network.widths)),
        ", ".join(_names(out)),
    )
    return likenesses


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != EXPORT_MARK)


def _tokens(deployed: Deployed) -> list[str]:
    """The text of each output. Raises UserError if there is none, or sherpa-onnx changes it."""
    tokens = deployed.model.tokens
    if not tokens:
        what = "sherpa-onnx runs CTC networks, and this run learned labels"
        raise UserError(f"{what}; export it with --vosk or --onnx.")
    if max("".join(tokens).replace("\u2581", "").encode()) == _BYTE_PIECES:
        raise UserError(
            "sherpa-onnx would take these tokens for byte-level pieces, as their last letter is"
            " between U+0180 and U+01BF; export the run with --onnx."
        )
    return tokens


def _write_networks(folder: Path, deployed: Deployed, point: Point | None) -> None:
    model = sherpa_model(deployed, point[0] if point else 1.0)
    (folder / NETWORKS["float32"]).write_bytes(model.SerializeToString())
    quantise(model, folder / NETWORKS["int8"])


def _write_graph(folder: Path, decoding: Decoding, model: Model, point: Point) -> None:
    priors = with_token_priors(decoding, model).priors.numpy()
    graph = FstArrays.of(sherpa_graph(decoding.lang, point, priors))
    (folder / GRAPH).write_bytes(graph.bytes())
    take_over(decoding.lang / WORDS, folder / WORDS, "lang")
    log.info(
        "%s: %d states, %d arcs, LM weight %g, penalty %g",
        GRAPH,
        len(graph.finals),
        len(graph.arcs),
        *point,
    )


def _checked_forms(trained: TrainedRun, folder: Path, point: Point | None) -> dict[str, Likeness]:
    feats = {name: each for part in SCORED_SETS for name, each in trained.features(part).items()}
    reference = _log_probs(torch_forward(trained.model), 1 / point[0] if point else 1.0)
    forms = {form: _forward(folder / name) for form, name in NETWORKS.items()}
    found = {form: liken(forward, reference, feats, {}) for form, forward in forms.items()}
    exact = found["float32"]
    if exact.difference > exact.allowed:
        raise UserError(
            f"onnxruntime's outputs differ from torch's by {exact.difference:.2e}, allowed"
            f" {exact.allowed:.2e}; install the onnxruntime that pyproject.toml names."
        )
    rows = [row_of(folder / NETWORKS[form], form, likeness) for form, likeness in found.items()]
    (folder / "check.json").write_text(json.dumps(rows, indent=1))
    return found


def row_of(path: Path, form: str, likeness: Likeness) -> dict[str, Any]:
    """A row of check.json: form, frames, difference, same_best (share), seconds, bytes."""
    names = ("frames", "difference", "same_best", "seconds")
    return {
        "form": form,
        **{name: getattr(likeness, name) for name in names},
        "bytes": path.stat().st_size,
    }


def _log_probs(forward: Forward, scale: float) -> Forward:
    """Of a network's log-posteriors, times `scale`, as if they were logits."""

    def scaled(features: np.ndarray) -> Outputs:
        logits = torch.from_numpy(forward(features).logits)
        posteriors = (scale * logits.log_softmax(-1)).numpy()
        return Outputs(posteriors, posteriors)

    return scaled


def _forward(path: Path) -> Forward:
    session = Session(path, torch.get_num_threads()).session

    def forward(features: np.ndarray) -> Outputs:
        inputs = {BATCH: features[None], LENGTHS: np.array([len(features)])}
        [posteriors] = session.run([LOG_PROBS], inputs)
        return Outputs(posteriors[0], posteriors[0])

    return forward


def format_likenesses(found: Mapping[str, Likeness], out: Path) -> list[str]:
    """Lines for the terminal."""
    lines = ["form     outputs differ  same best      bytes"]
    for form, likeness in found.items():
        size = (out / NETWORKS[form]).stat().st_size
        figures = f"{likeness.difference:14.2e}  {100 * likeness.same_best:7.2f} %"
        lines.append(f"{form:8} {figures}  {size:9d}")
    return lines
