"""What a decode block leaves to the corpus."""

from __future__ import annotations

import pytest

from asr_prune.decode.options import DecodeOptions


@pytest.mark.parametrize(
    ("asked", "lexicon", "language_model", "result"),
    [
        ({}, True, True, ("hmm", "auto")),
        ({}, False, True, ("ctc", "graph")),
        ({}, False, False, ("ctc", "greedy")),
        ({"type": "ctc"}, True, True, ("ctc", "graph")),
        ({"type": "ctc", "search": "greedy"}, True, True, ("ctc", "greedy")),
        ({"search": "greedy"}, False, True, ("ctc", "greedy")),
        ({"type": "hmm"}, False, False, ("hmm", "auto")),
        ({"type": "ctc", "search": "graph"}, False, False, ("ctc", "graph")),
    ],
)
def test_what_holds_follows_from_the_corpus(
    asked: dict[str, str], lexicon: bool, language_model: bool, result: tuple[str, str]
) -> None:
    applied = DecodeOptions(**asked).applied(lexicon, language_model)  # type: ignore[arg-type]
    assert (applied.type, applied.search) == result


def test_each_search_has_its_own_weights() -> None:
    options = DecodeOptions(lm_weights=(9, 10), ctc_lm_weights=(2, 3), penalties=(0.0, 1.0))
    assert options.applied(True, True).lm_weights == (9, 10)
    spelled, greedy = options.applied(False, True), options.applied(False, False)
    assert (spelled.lm_weights, spelled.penalties) == ((2, 3), (0.0, 1.0))
    assert (greedy.lm_weights, greedy.penalties) == ((1,), (0.0,))


def test_invalid_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"search greedy is for type ctc"):
        DecodeOptions(type="hmm", search="greedy")
    with pytest.raises(ValueError, match=r"ctc_lm_weights must be numbers of at least 1"):
        DecodeOptions(ctc_lm_weights=(0, 1))
    with pytest.raises(ValueError, match=r"ctc_prior_scale must be 0 to 1, not 1.5"):
        DecodeOptions(ctc_prior_scale=1.5)
