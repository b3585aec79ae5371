"""The schema of results.json: a `Result` per run, shared by writer, report and readers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from asr_prune.integrity import checked
from asr_prune.pruning.registry import is_dense_method


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run's row of results.json; the fields stand in the order of its keys.

    A row that an earlier version wrote may lack keys: `from_dict` fills them with None. Read
    numbers through `finite`, which maps None, NaN and infinity to None.
    """

    #: name of the run's folder
    run: str
    #: name of the recipe
    recipe: str
    #: pruning method
    method: str
    #: weight vectors whose norm is penalised or ranked: "incoming" or "outgoing"
    vectors: str | None
    #: options of the method that differ from its defaults, as text; None if there are none
    variant: str | None
    #: run whose layer widths were copied
    like: str | None
    #: requested weight of the penalty
    strength: float | None
    #: requested fraction of hidden nodes to keep, 0 to 1
    keep_asked: float | None
    #: requested cost, in place of `keep_asked`: "params 0.2"; not stored if empty
    budget_asked: str | None = None
    #: requested fraction of zero weights, 0 to 1
    sparsity_asked: float | None
    #: fraction of the updates spent on fine-tuning after the cut, 0 to 1
    release: float
    #: random seed of initialisation and data order
    seed: int
    #: hidden layers left after removal
    hidden_layers: int
    #: hidden nodes left in each layer, input side first
    nodes_per_layer: list[int]
    #: hidden nodes left, all layers
    nodes: int
    #: hidden nodes of the dense network
    nodes_dense: int
    #: weights and biases of the shrunk network
    params: int
    #: multiply-accumulate operations per frame of the shrunk network
    macs_per_frame: int
    #: weights of the shrunk network that are not exactly zero
    nonzero_weights: int
    #: coefficients of the spliced frame that the shrunk network reads
    inputs: int | None = None
    #: those that the dense network reads
    inputs_dense: int | None = None
    #: rank of the shrunk network's output layer if it is factored, else None
    output_rank: int | None = None
    #: cross-entropy on dev just before the cut, nats per frame (CTC: of the transcript)
    dev_ce_before_cut: float
    #: the same just after the cut, before fine-tuning
    dev_ce_after_cut: float
    #: the same at the end of training
    dev_ce_final: float
    #: fraction of dev frames whose label is the most likely output at the end of training, 0 to 1
    #: (CTC: 1 minus the token error rate of greedy decoding)
    frame_accuracy_dev: float
    #: share of the summed node norms that the cut removed, 0 to 1
    norm_mass_removed: float
    #: whether the cut removed at most 5 % of the norm mass and raised dev_ce by at most a tenth;
    #: None for methods without a penalty
    converged: bool | None
    #: number of updates done when the cut was made
    cut_at_update: int
    #: number of updates of the whole training
    updates: int
    #: weights and biases of the dense network
    params_dense: int
    #: multiply-accumulate operations per frame of the dense network
    macs_dense: int
    #: time spent in training epochs, seconds
    train_seconds: float
    #: the same, mean per epoch
    train_seconds_per_epoch: float
    #: wall-clock time from the start of training to its end, seconds
    train_wall_seconds: float
    #: torch device that trained the network: "cpu" or "cuda"
    device: str
    #: further figures of the run's method under names of its choice, any JSON value
    extra: dict[str, Any] = field(default_factory=dict)
    #: word error rate on dev, %, equivalent words merged
    wer_dev: float
    #: word error rate on test, %, at the LM weight and penalty chosen on dev, equivalents merged
    wer_test: float
    #: lower end of the 95 % bootstrap interval of `wer_test` over speakers, %; None for one speaker
    wer_test_low: float | None
    #: upper end of that interval, %
    wer_test_high: float | None
    #: word error rate, %, of the test speaker for whom it is highest; this and the next two only in
    #: the report
    wer_test_worst: float | None = None
    #: that speaker
    worst_speaker_test: str | None = None
    #: of each test set with noise, such as test_20db: test_20db_wer, its interval _low and _high,
    #: and _worst for the worst speaker, %; not stored if empty
    noise_test: dict[str, Any] = field(default_factory=dict)
    #: word error rate on test, %, without merging equivalent words
    wer_raw_test: float
    #: character error rate on dev, %
    cer_dev: float
    #: character error rate on test, %
    cer_test: float
    #: word error rate on test, %, at the LM weight and penalty chosen on test itself
    wer_test_tuned: float
    #: the same without merging equivalent words
    wer_raw_test_tuned: float
    #: words of the test references
    words_test: int
    #: word errors on test by kind: "sub", "ins", "del"
    errors_test: dict[str, int]
    #: for a test set without transcripts, which has no WER: `edits`, the word edits from the words
    #: of the dense run `run` to those of this run, and `words`, the number of the dense run's
    #: words; not stored if empty
    agreement_test: dict[str, Any] = field(default_factory=dict)
    #: LM weight chosen on dev
    lm_weight: int
    #: word insertion penalty chosen on dev
    penalty: float
    #: real-time factor of searching the test set: CPU time / duration of the audio
    rtf_decode: float
    #: time of the network's forward pass, seconds per hour of audio
    am_forward_seconds_per_hour: float
    #: real-time factor of the forward pass; this and the next three only in the report
    rtf_network: float | None = None
    #: of reading audio and computing features, one core
    rtf_front_end: float | None = None
    #: of adapting the features to speakers, one core; None without adaptation
    rtf_adaptation: float | None = None
    #: of all: front end, adaptation, network and search
    rtf_total: float | None = None
    #: commit of the checkout that scored the run, 12 hexadecimal digits; None outside a checkout
    commit: str | None
    #: command that trained the run
    command: str
    #: works whose outputs were kept although their code had changed; not stored if empty
    code_accepted: tuple[str, ...] = ()
    #: networks whose posteriors the run learned from beside the labels; not stored if empty
    teachers: tuple[str, ...] = ()
    #: whether its labels, features, graph or transcripts have been made anew since; only in the
    #: report, and not stored if false
    former: bool | None = None

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Result:
        """The result that `row` stores; keys outside the schema go to `extra`.

        Raises ValueError if `run` or `method` is missing or a value does not have its field's type.
        """
        known: dict[str, Any] = {name: row.get(name) for name in _TYPES}
        for name in ("code_accepted", "teachers"):
            known[name] = known[name] or []
        for name in ("agreement_test", "noise_test"):
            known[name] = known[name] or {}
        for name, value in known.items():
            _check(name, value)
        for name in ("code_accepted", "teachers"):
            known[name] = tuple(known[name])
        return cls(**known, extra={key: row[key] for key in row if key not in _TYPES})

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON values in the order of results.json, `extra` spread in its place."""
        row: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            row |= value if each.name == "extra" else {each.name: value}
        for name in ("budget_asked", "agreement_test", "noise_test", "code_accepted", "teachers", "former"):
            value = row.pop(name)
            row |= {name: list(value) if isinstance(value, tuple) else value} if value else {}
        return row


def _stored_types(hint: Any) -> tuple[type, ...]:
    """Classes of the JSON values that a field of type `hint` takes; None is allowed everywhere."""
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    classes = [get_origin(option) or option for option in options]
    stored = {int: (int, float), float: (int, float), tuple: (list, tuple)}
    return tuple(part for each in classes for part in stored.get(each, (each,)))


_HINTS = get_type_hints(Result).items()
_TYPES = {name: _stored_types(hint) for name, hint in _HINTS if name != "extra"}
_WORDS = {str: "text", int: "a number", bool: "true or false", list: "a list", dict: "an object"}


def _check(name: str, value: object) -> None:
    """Raises ValueError if `value` does not have the type of the field `name`."""
    types = _TYPES[name]
    if value is None and name not in ("run", "method"):
        return
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(f"{name} is {value!r} and not {_WORDS[types[0]]}")


def finite(value: float | None) -> float | None:
    """`value`, or None if it is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None


def is_dense(row: Result) -> bool:
    """Whether the run pruned nothing: the reference of the others."""
    return is_dense_method(row.method)


def references(rows: Sequence[Result]) -> list[Result]:
    """The dense runs among `rows`; those of now, without a teacher and of no variant, if there are
    such.
    """
    dense = of_now([row for row in rows if is_dense(row)])
    usual = [row for row in dense if not row.variant] or dense
    return [row for row in usual if not row.teachers] or usual


def of_now(rows: Sequence[Result]) -> list[Result]:
    """The rows that are not of former runs; all, if there are no others."""
    return [row for row in rows if not row.former] or list(rows)


def read_result(path: Path, run: str) -> Result:
    """The result stored in the file `path`; run: the name of its folder, which may be another than
    that under which it was made.

    Raises ValueError if the file is not a valid result.
    """
    row = json.loads(checked(path).read_text(encoding="utf-8"))
    if not isinstance(row, dict):
        raise ValueError("it is not an object")
    return Result.from_dict({**row, "run": run})
