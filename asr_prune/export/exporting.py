"""The shrunk network of a run for other programs: ONNX, Kaldi's nnet1, log-likelihoods. After stage 5 (shrink)."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asr_prune.errors import UserError
from asr_prune.files import atomic_dir
from asr_prune.hmm.network_features import NetworkFeatures
from asr_prune.stages.decoding import JUDGED, Words
from asr_prune.workflow.context import Context

if TYPE_CHECKING:
    from asr_prune.acoustic.checkpoint import Model
    from asr_prune.export.deployed import Deployed
    from asr_prune.export.forward import Forward

log = logging.getLogger(__name__)

Utterances = dict[str, np.ndarray]
NETWORK = "shrunk/network.pt"
#: by its marker file an earlier export is known, which may be replaced
MARKERS = {"onnx": "network.onnx", "nnet1": "final.nnet"}
#: the network's forms, and their files beside the first, which is torch's
FORMS = {"float32": "network.onnx", "int8": "network.int8.onnx"}


@dataclass(frozen=True)
class Trained:
    """A run's folder, exp/<name>/runs/<run>, and what lies around it."""

    folder: Path

    @property
    def exp(self) -> Path:
        return self.folder.parent.parent

    @property
    def data(self) -> Path:
        return Path("data") / self.exp.name

    @cached_property
    def model(self) -> Model:
        """Its shrunk network. Raises UserError where that is missing or damaged."""
        from asr_prune.acoustic.checkpoint import load_model

        return load_model(self.folder / NETWORK)

    @property
    def source(self) -> NetworkFeatures:
        return NetworkFeatures.from_plain(self.model.features)

    @property
    def hmm(self) -> Path:
        """The folder of the pass whose pdfs the network gives."""
        return self.exp / "align" / self.source.hmm

    def deployed(self) -> Deployed:
        """The network with what it must tell. Raises UserError where the front end of its pass is damaged."""
        from asr_prune.export.deployed import Deployed
        from asr_prune.hmm.frontend import FrontEnd

        options = self.source.options
        if self.source.kind == "network":
            return Deployed(self.model, options.network)
        return Deployed(self.model, options.hmm, FrontEnd.load(self.hmm), (self.hmm / "trans.scp").is_file())

    def features(self, part: str) -> Utterances:
        """What the network hears of a set, float32 [frames, dim] by utterance. Raises UserError where it is missing."""
        if not (self.data / part / "utt2spk").is_file():
            raise UserError(f"{self.data / part} is no data directory; run the stages corpus and features.")
        return self.source.load(self.data / part, self.exp / "align")


def refuse_foreign(out: Path, kind: str) -> None:
    """Raises UserError where `out` is there and neither empty nor an earlier export of this kind."""
    if out.exists() and not (out / MARKERS[kind]).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is there and is not an earlier {kind} export; name a folder that may be replaced.")


def export_nnet1(trained: Trained, out: Path) -> None:
    """Writes `out` as `write_nnet1` says, with final.mdl and tree where the labels came with an HMM.

    Raises UserError as `write_nnet1`, or where `out` is something else than an earlier export.
    """
    from asr_prune.export.nnet1 import write_nnet1

    refuse_foreign(out, "nnet1")
    deployed = trained.deployed()
    with atomic_dir(out) as partial:
        write_nnet1(partial, deployed)
        for name in ("final.mdl", "tree"):
            if (trained.hmm / name).is_file():
                shutil.copyfile(trained.hmm / name, partial / name)
    if not (out / "final.mdl").is_file():
        log.warning("the labels came without an HMM: there is no final.mdl to decode with")
    log.info("%s: nodes %s, %s", out, _widths(deployed), deployed.card()["input"])


def export_loglikes(trained: Trained, out: Path, parts: Sequence[str]) -> None:
    """Writes <part>.ark and <part>.scp into `out` for each set: by utterance log p(frame | pdf) up to a constant,
    float32 [frames, pdfs], priors divided out, not scaled: latgen-faster-mapped --acoustic-scale reads them.

    A pdf that no training frame had stays at about log posterior - 10. Raises UserError where a set is missing.
    """
    from asr_prune.acoustic.priors import log_likelihoods
    from asr_prune.features.archive import write_matrices

    model = trained.model
    for part in parts:
        feats = trained.features(part)
        write_matrices(out / part, log_likelihoods(model.network, model.priors, feats, model.context))
        log.info("%s.scp: %d utterances, %d pdfs", out / part, len(feats), model.network.outputs)


def export_onnx(trained: Trained, out: Path, context: Context | None) -> list[dict[str, Any]]:
    """Writes network.onnx, network.int8.onnx and check.json into `out`, whole or not at all.

    context: of the recipe that decoded the run, for the words; None leaves them out. Returns the rows of check.json,
    one for torch and one for each file, as `_rows` says. Raises UserError where float32 ONNX and torch are further
    apart than float32 explains, where packages are missing, or `out` is something else than an earlier export.
    """
    from asr_prune.export.onnx_graph import onnx_model
    from asr_prune.export.onnx_run import need_onnx, quantise

    need_onnx()
    refuse_foreign(out, "onnx")
    deployed = trained.deployed()
    with atomic_dir(out) as partial:
        model = onnx_model(deployed)
        (partial / FORMS["float32"]).write_bytes(model.SerializeToString())
        quantise(model, partial / FORMS["int8"])
        rows = _rows(trained, partial, context)
        (partial / "check.json").write_text(json.dumps(rows, indent=1))
    log.info("%s: nodes %s, %s", out, _widths(deployed), deployed.card()["input"])
    return rows


def _widths(deployed: Deployed) -> str:
    return "/".join(map(str, deployed.model.network.widths))


def _rows(trained: Trained, folder: Path, context: Context | None) -> list[dict[str, Any]]:
    """For each form of the network: form, frames (of dev and test), difference (largest, of logits, from torch's),
    same_best (share of frames), accuracy (of dev's labels), seconds_per_hour (of speech, utterance by utterance),
    bytes; and where the run has been decoded wer_test, utterances_changed.
    """
    import torch

    from asr_prune.export.forward import torch_forward
    from asr_prune.export.onnx_run import Session

    threads = torch.get_num_threads()
    forms: dict[str, Forward] = {"torch": torch_forward(trained.model)}
    forms |= {form: Session(folder / name, threads) for form, name in FORMS.items()}
    feats = {part: trained.features(part) for part in JUDGED}
    rows = [_likeness(trained, form, forms, feats["dev"] | feats["test"]) for form in forms]
    for row in rows:
        path = folder / FORMS[row["form"]] if row["form"] in FORMS else trained.folder / NETWORK
        row["bytes"] = path.stat().st_size
    if context is not None:
        _add_words(rows, forms, trained, context, feats["test"])
    return rows


def _likeness(trained: Trained, form: str, forms: Mapping[str, Forward], feats: Utterances) -> dict[str, Any]:
    from asr_prune.export.forward import liken
    from asr_prune.hmm.labels import read_labels

    shift = trained.source.frame_shift * trained.model.network.stride
    labels = {} if trained.model.tokens else read_labels(trained.hmm / "pdf.ark")
    found = liken(forms[form], forms["torch"], feats, {name: labels[name] for name in feats.keys() & labels.keys()})
    if form == "float32" and found.difference > found.allowed:
        raise UserError(
            f"onnxruntime's logits differ from torch's by {found.difference:.2e}, allowed {found.allowed:.2e}; "
            "install the onnxruntime that pyproject.toml names."
        )
    return {
        "form": form,
        "frames": found.frames,
        "difference": found.difference,
        "same_best": found.same_best,
        "accuracy": found.accuracy,
        "seconds_per_hour": found.seconds * 3600 / (found.frames * shift),
    }


def _add_words(
    rows: list[dict[str, Any]], forms: Mapping[str, Forward], trained: Trained, context: Context, feats: Utterances
) -> None:
    """WER of test at the LM weight and penalty that dev chose."""
    from asr_prune.corpus.datadir import DataDir
    from asr_prune.decode.greedy import greedy_words
    from asr_prune.decode.lattice_set import lattice_set
    from asr_prune.score.wer import score

    chosen = json.loads((trained.folder / "score_test.json").read_text())
    point = chosen["lm_weight"], chosen["penalty"]
    test, said = DataDir.read(trained.data / "test"), dict[str, Words]()
    for row in rows:
        loglikes = ((name, forms[row["form"]](own).loglikes) for name, own in feats.items())
        if context.recipe.decode.search == "greedy":
            words = {name: greedy_words(own, trained.model.tokens) for name, own in loglikes}
        else:
            words = lattice_set(context.graph, loglikes, context.recipe.decode, [point], context.nj).words[point]
        said[row["form"]] = words
        row["wer_test"] = score(words, test.text, test.utt2spk, context.recipe.score).wer
        row["utterances_changed"] = sum(words[name] != said["torch"][name] for name in words)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines for the terminal."""
    lines = ["form     logits differ  same best  accuracy dev  s/hour      bytes  WER test  utterances changed"]
    for row in rows:
        accuracy = "-" if row["accuracy"] is None else f"{100 * row['accuracy']:.2f} %"
        figures = f"{row['difference']:13.2e}  {100 * row['same_best']:7.2f} %  {accuracy:>12}"
        words = f"{row['wer_test']:8.2f}  {row['utterances_changed']:18d}" if "wer_test" in row else ""
        lines.append(f"{row['form']:8} {figures}  {row['seconds_per_hour']:6.2f}  {row['bytes']:9d}  {words}".rstrip())
    return lines
