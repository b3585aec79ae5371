"""A small recogniser: six words, bigram, monophones with probabilities of their own, and its graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np
import pytest

from asr_prune.decode.graph import GraphSize, make_graph
from asr_prune.decode.options import DecodeOptions
from asr_prune.hmm.mono import flat_start
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.lang import Lang
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang
from asr_prune.spread import processes

LEXICON = "YES Y EH S\nNO N OW\nSO S OW\nSO Z OW\nOH OW\nTO T UW\nTWO T UW\n"
ARPA = """\\data\\
ngram 1=8
ngram 2=3

\\1-grams:
-99 <s> -0.3
-0.8 </s>
-0.9 YES -0.2
-0.7 NO -0.1
-1.1 SO -0.4
-1.2 OH
-0.9 TO -0.2
-1.3 TWO

\\2-grams:
-0.2 NO SO
-0.5 <s> TO
-0.3 SO </s>

\\end\\
"""


@pytest.fixture(params=["fork", "spawn"])
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How workers start."""
    monkeypatch.setattr(processes, "start_method", lambda: request.param)
    return str(request.param)


@dataclass
class Recogniser:
    lang: Path
    hmm: Path
    graph: Path
    size: GraphSize
    pdfs: int

    def loglikes(self, seed: int, frames: int, spread: float = 2.0) -> np.ndarray:
        """float32 [frames, pdfs], normal"""
        return np.random.default_rng(seed).normal(-5, spread, (frames, self.pdfs)).astype(np.float32)


@pytest.fixture(scope="session")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    folder = tmp_path_factory.mktemp("recogniser")
    (folder / "lexicon.txt").write_text(LEXICON)
    (folder / "lm.arpa").write_text(ARPA)
    prepare_lang(folder / "lexicon.txt", folder / "lang", LangOptions(sil_prob=0.3, silence_states=3))
    make_grammar(folder / "lm.arpa", folder / "lang")
    dice = np.random.default_rng(1)
    model = flat_start(
        Lang.read(folder / "lang"), JoinedUtterances.join({"a": dice.normal(size=(50, 2)).astype(np.float32)})
    )
    counts = dice.uniform(10, 1000, model.transitions.num_transition_ids + 1)
    model.transitions.mle_update(counts, khg.MleTransitionUpdateConfig())
    (folder / "mono").mkdir()
    model.save(folder / "mono")
    size = make_graph(folder / "lang", folder / "mono", folder / "graph", DecodeOptions())
    return Recogniser(folder / "lang", folder / "mono", folder / "graph", size, model.gmms.num_pdfs)
