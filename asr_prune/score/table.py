"""Tables of a score: per speaker to read, per utterance for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.score.align import ErrorCounts, Pair
from asr_prune.score.wer import Utterance
from asr_prune.text import fields, file_lines

UTTERANCE_COLUMNS = (
    *("utterance", "speaker", "words", "correct", "sub", "ins", "del", "wer"),
    *("ops", "ref", "hyp"),
)
#: the reference with sclite's markup; a last column, only if a reference has some
_MARKUP = "markup"
_HEAD = ("#SENT", "#WORD", "Corr", "Sub", "Ins", "Del", "Err", "S.Err")


def _speaker_rows(name: str, width: int, sentences: Sequence[ErrorCounts]) -> list[str]:
    counts, wrong = sum(sentences, ErrorCounts()), sum(one.errors > 0 for one in sentences)
    kinds = counts.correct, counts.substitutions, counts.insertions, counts.deletions, counts.errors
    start = f"{len(sentences):10d} {counts.words:10d}"
    rows = [f"{name:<{width}s} raw {start} {' '.join(f'{kind:10d}' for kind in kinds)} {wrong:10d}"]
    if counts.words:
        shares = [*(100 * kind / counts.words for kind in kinds), 100 * wrong / len(sentences)]
        columns = " ".join(f"{share:10.2f}" for share in shares)
        rows.append(f"{name:<{width}s} sys {start} {columns}")
    return rows


def per_speaker(utterances: Sequence[Utterance]) -> str:
    """The table of Kaldi's wer_per_spk_details.pl.

    Each speaker, and the SUM, has a line of counts (raw) and, unless it has no words, of % (sys).
    """
    speakers: dict[str, list[ErrorCounts]] = {}
    for utterance in utterances:
        speakers.setdefault(utterance.speaker, []).append(utterance.counts)
    width = max(15, *map(len, speakers))
    rows = [f"{'SPEAKER':<{width}s} id  {' '.join(f'{name:>10s}' for name in _HEAD)}"]
    everything = [counts for sentences in speakers.values() for counts in sentences]
    for name, sentences in [*sorted(speakers.items()), ("SUM", everything)]:
        rows += _speaker_rows(name, width, sentences)
    return "".join(row + "\n" for row in rows)


def per_utterance_table(utterances: Sequence[Utterance]) -> str:
    """UTTERANCE_COLUMNS separated by tabs, words by spaces; `read_utterances` reads it.

    ops has a letter per column of the alignment; wer is in %, empty for an empty reference. If a
    reference has sclite's markup, a last column has it.
    """
    extra = (_MARKUP,) if any(one.markup for one in utterances) else ()
    rows = ["\t".join((*UTTERANCE_COLUMNS, *extra))]
    for one in utterances:
        counts = one.counts
        errors = counts.substitutions, counts.insertions, counts.deletions
        numbers = counts.words, counts.correct, *errors
        wer = f"{counts.wer:.2f}" if counts.words else ""
        texts = wer, one.ops, " ".join(one.ref), " ".join(one.hyp)
        rows.append(
            "\t".join(
                [
                    one.name,
                    one.speaker,
                    *map(str, numbers),
                    *texts,
                    *(" ".join(one.markup) for _ in extra),
                ]
            )
        )
    return "".join(row + "\n" for row in rows)


def pairs_of_ops(ops: str, ref: Sequence[str], hyp: Sequence[str]) -> list[Pair]:
    """The columns of an alignment from its ops (C, O, S, I, D).

    Raises ValueError if the ops do not fit the number of words.
    """
    refs, hyps = iter(ref), iter(hyp)
    pairs = []
    for op in ops:
        ref_word = None if op == "I" else next(refs, None)
        pairs.append(Pair(op, ref_word, None if op in "DO" else next(hyps, None)))
    words = len(ops) - ops.count("I"), len(ops) - ops.count("D") - ops.count("O")
    if not set(ops) <= set("COSID") or words != (len(ref), len(hyp)):
        raise ValueError(f"{ops!r} does not align {len(ref)} words with {len(hyp)}")
    return pairs


def read_utterances(path: Path) -> list[Utterance]:
    """Reads `per_utterance_table`. Raises UserError if the file is missing or damaged."""
    try:
        head, *lines = file_lines(path) or [""]
        columns = tuple(head.split("\t"))
        if columns not in (UTTERANCE_COLUMNS, (*UTTERANCE_COLUMNS, _MARKUP)):
            raise ValueError("its first line does not name the columns")
        return [_utterance(line.split("\t"), columns) for line in lines]
    except FileNotFoundError:
        if not _has_words(path.with_suffix("").with_suffix(".json")):
            what = f"{path} is missing, because the set has no transcripts"
            raise UserError(f"{what}; give --on dev, or transcripts.") from None
        raise UserError(_missing(path)) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); rerun the stage score.") from None


def _missing(path: Path) -> str:
    """What to do about a table that is not there: sets with noise are scored on request only."""
    if not path.parent.is_dir():
        return f"{path.parent} does not exist; give the folder of a run, such as exp/demo/runs/dense."
    noisy = re.match(r"score_test_(.+)db\.", path.name)
    how = f"run the recipe with --set 'noise.snr=[{noisy[1]}]'" if noisy else "run the stage score"
    return f"{path} is missing; {how}, which writes it."


def _has_words(score: Path) -> bool:
    """Whether the score's set has transcripts, as far as is known."""
    return not score.is_file() or json.loads(score.read_text(encoding="utf-8")).get("words") != 0


def _utterance(row: Sequence[str], columns: Sequence[str]) -> Utterance:
    if len(row) != len(columns):
        raise ValueError(f"the row of {row[0]!r} has {len(row)} columns, not {len(columns)}")
    cells = dict(zip(columns, row, strict=True))
    pairs = pairs_of_ops(cells["ops"], fields(cells["ref"]), fields(cells["hyp"]))
    return Utterance(cells["utterance"], cells["speaker"], pairs, tuple(fields(cells.get(_MARKUP, ""))))
