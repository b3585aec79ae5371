"""Sentences of the test set that also stand in the text of the language model."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asr_prune.files import atomic
from asr_prune.lang.ngram.build import Text

log = logging.getLogger(__name__)

#: file of the lang folder with the counts
OVERLAP = "lm_overlap.json"


def count_overlap(text: Text, test: Text) -> dict[str, int]:
    """sentences: of `test`, those without words not counted; in_lm_text: those that stand in `text`
    word for word.
    """
    sentences = [tuple(words) for words in test.sentences()]
    wanted = set(sentences)
    found = {words for line in text.sentences() if (words := tuple(line)) in wanted}
    return {"sentences": len(sentences), "in_lm_text": sum(words in found for words in sentences)}


def write_overlap(text: Text, test: Text, out: Path) -> None:
    """Counts, writes the counts to the folder `out`, and warns if there are any."""
    counts = count_overlap(text, test)
    with atomic(out / OVERLAP) as file:
        json.dump(counts, file)
    if said := overlap_sentence(counts):
        log.warning("  %s", said)


def pool_overlap(sources: Sequence[Path], shared: Sequence[str], out: Path) -> None:
    """Writes to the folder `out` the counts of all folds together, and what came with the corpus.

    sources: the counts of the folds, as far as there are some; shared: names of lexicon and
    language model, which are the same in all folds.
    """
    counts = [json.loads(path.read_text(encoding="utf-8")) for path in sources if path.is_file()]
    sums = {key: sum(own[key] for own in counts) for key in ("sentences", "in_lm_text")}
    with atomic(out / OVERLAP) as file:
        json.dump(sums | {"shared": list(shared)}, file)
    if said := overlap_sentence(sums | {"shared": list(shared)}):
        log.warning("  %s", said)


def overlap_sentence(counts: Mapping[str, Any]) -> str:
    """What the counts mean; empty if no sentence of test is in the text and no file is shared."""
    said, (found, total) = [], (counts["in_lm_text"], counts["sentences"])
    if shared := counts.get("shared"):
        what = f"{' and '.join(shared)} came with the corpus and are the same in all folds"
        said.append(f"{what}: they may know the words and sentences of the test speakers.")
    if found:
        share = f"{100 * found / total:.1f} %"
        what = f"{found} of {total} sentences of test ({share}) also stand in the language model's text"
        said.append(
            f"{what}; unless people often say just these sentences, the WER on test is lower than on new speech."
        )
    return " ".join(said)


def read_overlap(path: Path) -> str:
    """The sentence for the counts in `path`; empty if the lang stage counted none."""
    return overlap_sentence(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else ""
