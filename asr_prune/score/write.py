"""A score on disk: numbers for programs, alignments for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from asr_prune.files import atomic
from asr_prune.score.listing import confusions, error_listing
from asr_prune.score.table import per_speaker, per_utterance_table
from asr_prune.score.text import classes, merge
from asr_prune.score.trn import trn
from asr_prune.score.wer import Score, Utterance

#: what stands beside score_<set>.json, under its name with these endings
SUFFIXES = (".per_utt", ".per_spk", ".errors", ".utts.tsv", ".ref.trn", ".hyp.trn")


def per_utterance(utterance: Utterance) -> str:
    """Four lines as of Kaldi's wer_per_utt_details.pl: ref, hyp and op in columns, then the counts of C S I D."""
    columns = [(pair.ref or "***", pair.hyp or "***", pair.op) for pair in utterance.pairs]
    widths = [max(map(len, column)) for column in columns]
    ops = [pair.op for pair in utterance.pairs]
    rows = {
        name: "  ".join(column[row].center(width) for column, width in zip(columns, widths, strict=True))
        for row, name in enumerate(("ref", "hyp", "op"))
    }
    rows["#csid"] = " ".join(str(ops.count(op)) for op in "CSID")
    return "".join(f"{utterance.name} {name:<5} {text}".rstrip() + "\n" for name, text in rows.items())


def as_dict(made: Score) -> dict[str, object]:
    """What score_<set>.json holds; WERs and bounds in per cent."""
    return {
        "wer": made.wer,
        "low": made.low,
        "high": made.high,
        "wer_raw": made.wer_raw,
        "words": made.words,
        "errors": made.counts.as_errors(),
        "errors_raw": made.counts_raw.as_errors(),
        "cer": made.cer,
        "characters": made.characters.words,
        "errors_characters": made.characters.as_errors(),
        "kaldi_line": made.kaldi_line,
        "kaldi_line_raw": made.kaldi_line_raw,
        "utterances": len(made.utterances),
        "utterances_wrong": made.wrong_utterances,
        "normalise": made.options.normalise,
        "equivalents": made.options.equivalents,
        "confusions": confusions(made.utterances),
        "missing": made.missing,
        "unknown": made.unknown,
        "speakers": {
            name: {"wer": counts.wer if counts.words else None, "words": counts.words, **counts.as_errors()}
            for name, counts in made.speakers.items()
        },
    }


def score_files(path: Path) -> list[Path]:
    """All that `write_score` writes to `path`."""
    return [path, *map(path.with_suffix, SUFFIXES)]


def _details(made: Score) -> dict[str, str]:
    """Suffix -> text. The trn files hold the words as `wer` counts them: normalised, equivalents merged."""
    same = classes(made.options)
    refs = trn((u.name, u.speaker, merge(u.ref, same)) for u in made.utterances)
    hyps = trn((u.name, u.speaker, merge(u.hyp, same)) for u in made.utterances)
    texts = (
        "".join(map(per_utterance, made.utterances)),
        per_speaker(made.utterances),
        error_listing(made),
        per_utterance_table(made.utterances),
        refs,
        hyps,
    )
    return dict(zip(SUFFIXES, texts, strict=True))


def write_score(path: Path, made: Score, details: Mapping[str, object] | None = None) -> None:
    """Writes `path` (score_<set>.json: `as_dict` and `details`, as the LM weight) and beside it, for people and NIST's
    tools, score_<set>.per_utt, .per_spk, .errors, .utts.tsv, .ref.trn and .hyp.trn.

    Raises UserError where the folder cannot be written.
    """
    for suffix, text in _details(made).items():
        with atomic(path.with_suffix(suffix)) as file:
            file.write(text)
    with atomic(path) as file:
        json.dump({**as_dict(made), **(details or {})}, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
