"""Agreement of runs with the dense network, for a test set without transcripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asr_prune.decode.words_files import read_words_file
from asr_prune.errors import UserError
from asr_prune.report.results import Result, is_dense, references
from asr_prune.report.runs import FinishedRun
from asr_prune.run_dir import words_file
from asr_prune.score.align import distance
from asr_prune.score.options import ScoreOptions
from asr_prune.score.text import merge, normalise, representatives


def with_agreement(
    runs: Sequence[FinishedRun],
    decoded: Mapping[str, Path],
    options: ScoreOptions,
    skipped: list[str],
) -> list[FinishedRun]:
    """`runs` with `agreement_test` where the test set has no transcripts: the word edits that lead
    from the words of the dense network, at its LM weight and penalty, to those of the run, at its
    own.

    decoded: the folder of each run's words of test; options: normalisation and equivalents, as for
    a WER; skipped: gets a sentence for each run whose words are missing. Of several dense runs one
    of the same seed is preferred.
    """
    dense = references([run.result for run in runs if not run.result.words_test])
    if not dense and any(run.result.words_test == 0 for run in runs):
        skipped.append("no dense run (prune.method none) to compare the words of a test set without transcripts with")
    compared = []
    for run in runs:
        row = run.result
        reference = min(dense, key=lambda one: (one.seed != row.seed, -one.nodes, one.run), default=None)
        if row.words_test or reference is None or is_dense(row):
            compared.append(run)
            continue
        try:
            found = _edits(*(_words(one, decoded, options) for one in (reference, row)))
            compared.append(replace(run, result=replace(row, agreement_test={"run": reference.run, **found})))
        except UserError as error:
            skipped.append(f"{row.run}: no agreement with {reference.run}: {error}")
            compared.append(run)
    return compared


def _words(row: Result, decoded: Mapping[str, Path], options: ScoreOptions) -> dict[str, list[str]]:
    words, same = (
        read_words_file(words_file(decoded[row.run], row.lm_weight, row.penalty)),
        representatives(options),
    )
    return {utt: merge(normalise(said, options.normalise), same) for utt, said in words.items()}


def _edits(dense: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> dict[str, Any]:
    names = sorted(dense)
    edits = distance([dense[name] for name in names], [other.get(name, []) for name in names])
    return {"edits": edits, "words": sum(map(len, dense.values()))}
