"""Word times, by forced alignment with the network's scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import kaldifst
import numpy as np
import torch

from asr_prune.acoustic.utterances import BLANK_ID, fewest_frames
from asr_prune.decode.options import DecodeOptions
from asr_prune.files import Readable
from asr_prune.hmm.align import Search, best_path
from asr_prune.hmm.gmm import Floats
from asr_prune.hmm.graphs import graph_compiler
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.phones import Span, phone_spans, word_spans
from asr_prune.lang.fst import read_fst
from asr_prune.lang.lang import Lang
from asr_prune.lang.tokens import BEGIN, Spelling, Tokens
from asr_prune.process import torchaudio_imports

#: (words, log-likelihoods float32 [frames, classes]) -> frames of each word, [] if they do not fit
Timer = Callable[[Sequence[str], Floats], list[Span]]


class HmmTimer:
    """Aligns words with the pdfs of a GMM-HMM, scored by a network.

    The best path over all pronunciations, with optional silence between words, at the scales of
    decoding. lang: folder of L.fst; hmm: folder of the model (final.mdl, tree); weight: LM weight.
    Pickled by these paths. Raises UserError if a file is missing or damaged.
    """

    def __init__(self, lang: Readable, hmm: Readable, options: DecodeOptions, weight: float) -> None:
        self.loaded_from = lang, hmm, options, weight
        self.lang, self.model = Lang.read(lang), HmmModel.load(hmm)
        self.lexicon = read_fst(lang / "L.fst", "lang", (self.lang.phones, self.lang.words))
        kaldifst.arcsort(self.lexicon, "ilabel")
        self.compiler = graph_compiler(self.lang, self.model)
        self.columns = id_to_pdf(self.model.transitions)[1:]
        scales = 1 / weight, options.transition_scale, options.self_loop_scale
        self.search = Search(100.0, 1e6, *scales)  # no pruning: the graph of a sentence is small

    def __reduce__(self) -> tuple[type[HmmTimer], tuple[Readable, Readable, DecodeOptions, float]]:
        return HmmTimer, self.loaded_from

    def __call__(self, words: Sequence[str], loglikes: Floats) -> list[Span]:
        ids = self.lang.word_ids(list(words))
        if not ids:
            return []
        graph = self.compiler.compile_graph_from_text(ids)
        scores = (loglikes * np.float32(self.search.acoustic_scale))[:, self.columns]
        path = best_path(self.model, graph, scores, self.search, "")[0]
        spans = phone_spans(self.model.transitions, path)
        return word_spans(self.lexicon, ids, spans, self.lang.optional_silence) if path else []


class TokenTimer:
    """Aligns words with the CTC tokens that spell them.

    CTC assigns few frames to a token and blanks to the rest, so a word lasts from the first frame
    of its first token to the last frame of its last. Pickled by its folder `lang`. Raises UserError
    if that has no tokens.
    """

    def __init__(self, lang: Readable) -> None:
        self.folder, self.tokens = lang, Tokens.read(lang)

    def __reduce__(self) -> tuple[type[TokenTimer], tuple[Readable]]:
        return TokenTimer, (self.folder,)

    def __call__(self, words: Sequence[str], loglikes: Floats) -> list[Span]:
        alignments = [self._align(spellings, loglikes) for spellings in self.tokens.ways(words)]
        return max(alignments, key=lambda scored: scored[0], default=(0.0, []))[1]

    def _align(self, spellings: list[Spelling], loglikes: Floats) -> tuple[float, list[Span]]:
        """Score of the best path for one spelling of each word, and the words' frames.

        The score is -infinity if the words do not fit.
        """
        symbols = [token for spelling in spellings for token in spelling]
        ids = np.array([self.tokens.ids[token] for token in symbols], np.int64)
        if not len(ids) or fewest_frames(ids) > len(loglikes):
            return -np.inf, []
        path = forced_path(loglikes, ids)
        runs = zip(symbols, (span for _, span in token_runs(path)), strict=True)
        by_word = [
            [span for token, span in islice(runs, len(spelling)) if token != BEGIN]  # of one word
            for spelling in spellings
        ]
        score = float(loglikes[np.arange(len(path)), path].sum())
        return score, [(spans[0][0], spans[-1][1]) for spans in by_word]


def forced_path(logs: Floats, tokens: np.ndarray) -> np.ndarray:
    """The best CTC path that spells `tokens`: the token or blank of each frame, int [frames].

    logs: log posteriors, float32 [frames, tokens]. Computed by torchaudio.
    Raises UserError if torchaudio cannot be loaded.
    """
    with torchaudio_imports("aligning words with CTC"):
        from torchaudio.functional import forced_align

    inputs = torch.from_numpy(logs)[None], torch.from_numpy(tokens)[None]
    path, _ = forced_align(*inputs, blank=BLANK_ID)
    return np.asarray(path[0].numpy())


def token_runs(path: np.ndarray) -> list[tuple[int, Span]]:
    """The tokens of a CTC path, int [frames], with their frames."""
    bounds = np.flatnonzero(np.diff(path, prepend=-1, append=-1))
    runs = zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    return [(int(path[begin]), (begin, end)) for begin, end in runs if path[begin] != BLANK_ID]


def spelled_spans(path: np.ndarray, symbols: Sequence[str]) -> list[tuple[list[Span], Span]]:
    """For each word of a CTC path, the frames of its tokens and of the word.

    symbols: text of each token.
    """
    words: list[list[Span]] = [[]]
    for token, span in token_runs(path):
        if symbols[token].startswith(BEGIN):
            words.append([])
        if symbols[token] != BEGIN:
            words[-1].append(span)
    return [(spans, (spans[0][0], spans[-1][1])) for spans in words if spans]
