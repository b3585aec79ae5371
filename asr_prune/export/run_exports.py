"""The shrunk network of a run for other programs: ONNX, Kaldi's nnet1, log-likelihoods."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.priors import log_likelihoods
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.lattice_set import lattice_set
from asr_prune.decode.pace import audio_of
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed
from asr_prune.export.forward import Forward, liken, torch_forward
from asr_prune.export.nnet1 import write_nnet1
from asr_prune.export.onnx_graph import onnx_model
from asr_prune.export.onnx_run import Session, need_onnx, quantise
from asr_prune.export.places import export_dir
from asr_prune.export.trained_run import TrainedRun
from asr_prune.features.archive import write_matrices
from asr_prune.hmm.labels import read_labels
from asr_prune.integrity import checked
from asr_prune.layout import SCORED_SETS
from asr_prune.report.cells import decimals
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score

log = logging.getLogger(__name__)

#: the exported forms of the network, besides torch's own
FORMS = {"float32": "network.onnx", "int8": "network.int8.onnx"}


@dataclass(frozen=True)
class Judging:
    """How the words of an exported network are decoded and scored."""

    decoding: Decoding
    score: ScoreOptions
    nj: int


def export_nnet1(trained: TrainedRun, out: Path) -> None:
    """Writes `out` as `write_nnet1` does, with final.mdl and tree if the labels came with an HMM.

    Raises UserError as `write_nnet1`, or if `out` is something other than an earlier export.
    """
    deployed = trained.deployed()
    with export_dir(out, "nnet1") as partial:
        write_nnet1(partial, deployed)
        for name in ("final.mdl", "tree"):
            if (trained.hmm / name).is_file():
                shutil.copyfile(checked(trained.hmm / name), partial / name)
    if not (out / "final.mdl").is_file():
        log.warning("the labels came without an HMM: there is no final.mdl to decode with")
    log.info("%s: nodes %s, %s", out, _widths(deployed), deployed.card()["input"])


def export_loglikes(trained: TrainedRun, out: Path, parts: Sequence[str]) -> None:
    """Writes <part>.ark and <part>.scp into `out` for each set, input of latgen-faster-mapped.

    By utterance log p(frame | pdf) up to a constant, float32 [frames, pdfs]: priors divided out,
    not scaled. A pdf without training frames stays at about log posterior - 10. The scp files have
    absolute paths. Raises UserError if a set is missing, or if `out` is something other than an
    earlier export.
    """
    model = trained.model
    with export_dir(out, "loglikes") as partial:
        for part in parts:
            feats = trained.features(part)
            loglikes = log_likelihoods(model.network, model.priors, feats, model.context)
            write_matrices(partial / part, loglikes, place=out.absolute() / part)
            log.info("%s.scp: %d utterances, %d pdfs", out / part, len(feats), model.network.outputs)


def export_onnx(trained: TrainedRun, out: Path, judging: Judging | None) -> list[dict[str, Any]]:
    """Writes network.onnx, network.int8.onnx and check.json into `out`, whole or not at all.

    judging: for the words; None leaves them out. Returns the rows of check.json, one for torch and one for each file,
    as `_rows` says. Raises UserError if float32 ONNX and torch differ by more than float32 explains, if packages are
    missing, or if `out` is something other than an earlier export.
    """
    need_onnx()
    deployed = trained.deployed()
    with export_dir(out, "onnx") as partial:
        model = onnx_model(deployed)
        (partial / FORMS["float32"]).write_bytes(model.SerializeToString())
        quantise(model, partial / FORMS["int8"])
        rows = _rows(trained, partial, judging)
        (partial / "check.json").write_text(json.dumps(rows, indent=1))
    log.info("%s: nodes %s, %s", out, _widths(deployed), deployed.card()["input"])
    return rows


def _widths(deployed: Deployed) -> str:
    return "/".join(map(str, deployed.model.network.widths))


def _rows(trained: TrainedRun, folder: Path, judging: Judging | None) -> list[dict[str, Any]]:
    """For each form of the network: form, frames (of dev and test), difference (largest, of logits,
    from torch's), same_best (share of frames), accuracy (of dev's labels), seconds_per_hour (of
    speech, utterance by utterance), bytes; and if the run has been decoded wer_test,
    utterances_changed.
    """
    threads = torch.get_num_threads()
    forms: dict[str, Forward] = {"torch": torch_forward(trained.model)}
    forms |= {form: Session(folder / name, threads) for form, name in FORMS.items()}
    feats = {part: trained.features(part) for part in SCORED_SETS}
    rows = [_likeness(trained, form, forms, feats["dev"] | feats["test"]) for form in forms]
    for row in rows:
        path = folder / FORMS[row["form"]] if row["form"] in FORMS else trained.run.shrunk
        row["bytes"] = path.stat().st_size
    if judging is not None:
        _add_words(rows, forms, trained, judging, feats["test"])
    return rows


def _likeness(
    trained: TrainedRun, form: str, forms: Mapping[str, Forward], feats: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    shift = trained.source.frame_shift * trained.model.network.stride
    labels = {} if trained.model.tokens else read_labels(trained.hmm / "pdf.ark")
    known = {name: labels[name] for name in feats.keys() & labels.keys()}
    result = liken(forms[form], forms["torch"], feats, known)
    if form == "float32" and result.difference > result.allowed:
        raise UserError(
            f"onnxruntime's logits differ from torch's by {result.difference:.2e}, allowed {result.allowed:.2e}; "
            "install the onnxruntime that pyproject.toml names."
        )
    return {
        "form": form,
        "frames": result.frames,
        "difference": result.difference,
        "same_best": result.same_best,
        "accuracy": result.accuracy,
        "seconds_per_hour": result.seconds * 3600 / (result.frames * shift),
    }


def _add_words(
    rows: list[dict[str, Any]],
    forms: Mapping[str, Forward],
    trained: TrainedRun,
    judging: Judging,
    feats: Mapping[str, np.ndarray],
) -> None:
    """WER of test at the LM weight and penalty that were chosen on dev."""
    chosen = json.loads(checked(trained.run.score("test")).read_text(encoding="utf-8"))
    point = chosen["lm_weight"], chosen["penalty"]
    decoding, options = judging.decoding, judging.decoding.options
    audio = audio_of(feats, decoding.features.frame_shift, trained.model.network.stride)
    test, by_form = DataDir.read(decoding.set("test")), dict[str, dict[str, list[str]]]()
    for row in rows:
        scores = ((name, forms[row["form"]](matrix).loglikes) for name, matrix in feats.items())
        if decoding.graph is None:
            words = {name: greedy_words(matrix, trained.model.tokens) for name, matrix in scores}
        else:
            found = lattice_set(decoding.graph, scores, options, [point], judging.nj, audio=audio)
            words = found.words[point]
        by_form[row["form"]] = words
        row["wer_test"] = None if test.silent else score(words, test.text, test.utt2spk, judging.score).wer
        row["utterances_changed"] = sum(words[name] != by_form["torch"][name] for name in words)


def format_checks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines for the terminal."""
    lines = ["form     logits differ  same best  accuracy dev  s/hour      bytes  WER test  utterances changed"]
    for row in rows:
        accuracy = "-" if row["accuracy"] is None else f"{100 * row['accuracy']:.2f} %"
        figures = f"{row['difference']:13.2e}  {100 * row['same_best']:7.2f} %  {accuracy:>12}"
        words = f"{decimals(row['wer_test'], 2):>8}  {row['utterances_changed']:18d}" if "wer_test" in row else ""
        lines.append(f"{row['form']:8} {figures}  {row['seconds_per_hour']:6.2f}  {row['bytes']:9d}  {words}".rstrip())
    return lines
