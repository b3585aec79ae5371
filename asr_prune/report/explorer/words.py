"""The words of all runs on the test set, small: each distinct hypothesis of an utterance once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from asr_prune.score.align import CORRECT, Pair
from asr_prune.score.wer import Utterance

#: characters of the words in a page at most
BUDGET = 500_000


def slots(pairs: Sequence[Pair]) -> tuple[tuple[str, ...], tuple[tuple[int, str], ...]]:
    """An alignment as its reference words and its errors.

    An error is (place, words): place 2 i + 1 is reference word i (from 0), empty if deleted; place
    2 i the gap before it, with the words inserted there. Equivalent words are no error.
    """
    ref: list[str] = []
    errors: dict[int, str] = {}
    for pair in pairs:
        if pair.ref is None:
            place = 2 * len(ref)
            errors[place] = f"{errors[place]} {pair.hyp}" if place in errors else pair.hyp or ""
            continue
        if pair.op not in CORRECT:
            errors[2 * len(ref) + 1] = pair.hyp or ""
        ref.append(pair.ref)
    return tuple(ref), tuple(errors.items())


def word_table(runs: Mapping[str, Sequence[Utterance]], budget: int = BUDGET) -> dict[str, Any]:
    """The words of `runs` (by name) as JSON values.

    runs: the names that have words, in order; utterances: a list of objects for those that some run
    got wrong, with name n, speaker s, variants v ([reference, errors] as `slots`) and for each run
    the place of its variant in v, i; left_out: how many such utterances did not fit into `budget`
    characters: those on which the runs differ least.
    """
    names = [name for name, utterances in runs.items() if utterances]
    by_name = [{one.name: one for one in runs[name]} for name in names]
    every = sorted(set().union(*by_name)) if by_name else []
    rows = [row for utterance in every if (row := _row(utterance, by_name))["wrong"]]
    chosen = _within(sorted(rows, key=lambda row: -len(row["v"])), budget)
    kept = [{key: row[key] for key in "nsvi"} for row in rows if row["n"] in chosen]
    return {"runs": names, "utterances": kept, "left_out": len(rows) - len(kept)}


def _row(name: str, runs: Sequence[Mapping[str, Utterance]]) -> dict[str, Any]:
    """The utterance `name`; a run that lacks it has place -1."""
    known = [run.get(name) for run in runs]
    aligned = [None if one is None else slots(one.pairs) for one in known]
    variants = list(dict.fromkeys(each for each in aligned if each is not None))
    speaker = next(one.speaker for one in known if one is not None)
    places = [-1 if each is None else variants.index(each) for each in aligned]
    wrong = any(errors for _, errors in variants)
    return {"n": name, "s": speaker, "v": variants, "i": places, "wrong": wrong}


def _within(rows: Sequence[Mapping[str, Any]], budget: int) -> set[str]:
    """Names of the first of `rows` that together have at most `budget` characters."""
    chosen = set()
    for row in rows:
        budget -= len(json.dumps(row, ensure_ascii=False))
        if budget < 0:
            break
        chosen.add(row["n"])
    return chosen
