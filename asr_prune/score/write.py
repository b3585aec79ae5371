"""A score's files: figures for programs, alignments to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from asr_prune.files import atomic
from asr_prune.score.align import CORRECT, ErrorCounts
from asr_prune.score.files import SUFFIXES
from asr_prune.score.listing import confusions, error_listing
from asr_prune.score.table import per_speaker, per_utterance_table
from asr_prune.score.text import merge, merge_markup, representatives
from asr_prune.score.trn import trn
from asr_prune.score.wer import Score, Utterance


def per_utterance(utterance: Utterance) -> str:
    """Kaldi's wer_per_utt_details.pl: ref, hyp and op in columns, then the counts of C S I D."""
    columns = [(pair.ref or "***", pair.hyp or "***", pair.op) for pair in utterance.pairs]
    widths = [max(map(len, column)) for column in columns]
    ops = [pair.op for pair in utterance.pairs]
    rows = {}
    for row, name in enumerate(("ref", "hyp", "op")):
        cells = (column[row].center(w) for column, w in zip(columns, widths, strict=True))
        rows[name] = "  ".join(cells)
    kinds = (CORRECT, "S", "I", "D")
    rows["#csid"] = " ".join(str(sum(op in kind for op in ops)) for kind in kinds)
    lines = (f"{utterance.name} {name:<5} {text}".rstrip(" ") for name, text in rows.items())
    return "".join(f"{line}\n" for line in lines)


def as_dict(score: Score) -> dict[str, object]:
    """The content of the JSON file; rates and bounds in %."""
    return {
        "wer": score.wer,
        "low": score.low,
        "high": score.high,
        "wer_raw": score.wer_raw,
        "words": score.words,
        "errors": score.counts.as_errors(),
        "errors_raw": score.counts_raw.as_errors(),
        "cer": score.cer,
        "characters": score.characters.words,
        "errors_characters": score.characters.as_errors(),
        "kaldi_line": score.kaldi_line,
        "kaldi_line_raw": score.kaldi_line_raw,
        "utterances": len(score.utterances),
        "utterances_wrong": score.wrong_utterances,
        "normalise": score.options.normalise,
        "equivalents": score.options.equivalents,
        "confusions": confusions(score.utterances),
        "missing": score.missing,
        "unknown": score.unknown,
        "speakers": {name: _speaker(counts) for name, counts in score.speakers.items()},
    }


def _speaker(counts: ErrorCounts) -> dict[str, object]:
    wer = counts.wer if counts.words else None
    return {"wer": wer, "words": counts.words, **counts.as_errors()}


def _details(score: Score) -> dict[str, str]:
    """Suffix -> text. The trn files have the words as `wer` counts them: normalised and merged, with markup."""
    same = representatives(score.options)
    marked = {u.name for u in score.utterances if u.markup}
    refs = trn(
        ((u.name, u.speaker, merge_markup(u.markup or u.ref, same)) for u in score.utterances),
        marked,
    )
    hyps = trn((u.name, u.speaker, merge(u.hyp, same)) for u in score.utterances)
    texts = (
        "".join(map(per_utterance, score.utterances)),
        per_speaker(score.utterances),
        error_listing(score),
        per_utterance_table(score.utterances),
        refs,
        hyps,
    )
    return dict(zip(SUFFIXES, texts, strict=True))


def write_unscored(path: Path, utterances: int, details: Mapping[str, object]) -> None:
    """Writes `path` (.json) for a set without transcripts, with `details`; tables of an earlier score are removed."""
    for suffix in SUFFIXES:
        path.with_suffix(suffix).unlink(missing_ok=True)
    with atomic(path) as file:
        json.dump({"wer": None, "words": 0, "utterances": utterances, **details}, file, indent=1)
        file.write("\n")


def write_score(path: Path, score: Score, details: Mapping[str, object] | None = None) -> None:
    """Writes `as_dict` and `details`, such as the LM weight, to `path` (.json).

    Files of the same name with other suffixes get alignments and tables: .per_utt, .per_spk,
    .errors and .utts.tsv, and for NIST's tools .ref.trn and .hyp.trn. Raises UserError if a file
    cannot be written.
    """
    for suffix, text in _details(score).items():
        with atomic(path.with_suffix(suffix)) as file:
            file.write(text)
    content = {**as_dict(score), **(details or {})}
    with atomic(path) as file:
        json.dump(content, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
