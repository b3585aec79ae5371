"""What networks learn: pdf-ids of frames, or for CTC the tokens of transcripts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from asr_prune.acoustic.examples import Utterances
from asr_prune.acoustic.unlabelled import Both
from asr_prune.corpus.datadir import DataDir
from asr_prune.hmm.labels import StoredLabels
from asr_prune.integrity import checked
from asr_prune.lang.tokens import Tokens

log = logging.getLogger(__name__)


def frame_targets(hmm: Path) -> tuple[Mapping[str, np.ndarray], int]:
    """The labels of the pass in folder `hmm`: pdf-ids int32 [frames] by utterance, and the number
    of pdfs.
    """
    pdfs = json.loads(checked(hmm / "summary.json").read_text(encoding="utf-8"))["pdfs"]
    return StoredLabels(hmm / "pdf.ark"), pdfs


def own_targets(known: Utterances, sets: Iterable[Iterable[str]]) -> Both:
    """The labels `known`, int32 [outputs] by utterance, and nothing, int32 [0], for the other
    utterances of some sets, which are learnt from a teacher alone.
    """
    return Both(known, {name: np.zeros(0, np.int32) for names in sets for name in names if name not in known})


def token_targets(lang: Path, sets: Sequence[Path]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Token ids of the utterances of some data directories, int64 [spellings, tokens], and what
    each token spells.

    Utterances with a word that the tokens cannot spell are left out, counted and reported.
    """
    tokens = Tokens.read(lang)
    texts = {utt: words for folder in sets for utt, words in DataDir.read(folder).text.items()}
    spelled = {utt: tokens.of_words(words) for utt, words in texts.items()}
    labels = {utt: ids for utt, ids in spelled.items() if ids is not None}
    if len(labels) < len(spelled):
        lost = len(spelled) - len(labels)
        log.warning(
            "%d of %d utterances have words that the tokens of the training text cannot spell, left out",
            *(lost, len(spelled)),
        )
    return labels, tokens.symbols
