"""L with silence that depends on the words around it."""

from __future__ import annotations

from asr_prune.lang.fst import Draft, Fst, finished
from asr_prune.lang.lexicon import Entry
from asr_prune.lang.probabilities import Chances, SentenceSilence, cost
from asr_prune.lang.symbols import EPSILON


def silence_lexicon_fst(
    entries: list[Entry],
    chances: list[Chances],
    sentence: SentenceSilence,
    phones: dict[str, int],
    words: dict[str, int],
    silence: str,
    direct: str = EPSILON,
    loop_disambig: tuple[int, int] | None = None,
) -> Fst:
    """Phones to word sequences, sorted by output label (Kaldi: make_lexicon_fst_silprob.py).

    One state is entered after silence and one after a word without silence, and words leave both at
    different costs. direct: disambiguation symbol of each boundary without silence; loop_disambig:
    as in `lexicon_fst`.
    """
    draft = Draft()
    spoken, silent = draft.state(), draft.state()
    begins = (0, sentence.begin, spoken, silent, phones[direct], phones[silence])
    _add_boundary(draft, *begins)
    for (word, pronunciation), each in zip(entries, chances, strict=True):
        state = draft.state()
        first, *rest = (phones[phone] for phone in pronunciation)
        for source, factor in ((spoken, each.after_speech), (silent, each.after_silence)):
            weight = cost(each.pronunciation) + cost(factor)
            draft.arc(source, state, first, words[word], weight)
        for phone in rest:
            source, state = state, draft.state()
            draft.arc(source, state, phone, 0, 0.0)
        _add_boundary(draft, state, each.silence_after, *begins[2:])
    ends = ((silent, sentence.end_silence), (spoken, sentence.end_speech))
    return finished(draft, [(state, cost(factor)) for state, factor in ends], loop_disambig)


def _add_boundary(
    draft: Draft,
    source: int,
    probability: float,
    spoken: int,
    silent: int,
    direct: int,
    silence: int,
) -> None:
    """Arcs from the end of a word: silence with `probability`, or the next word at once."""
    draft.arc(source, spoken, direct, 0, cost(1 - probability))
    draft.arc(source, silent, silence, 0, cost(probability))
