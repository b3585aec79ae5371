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


def test_defaults_are_those_of_kaldis_scripts() -> None:
    """steps/nnet3/decode.sh, steps/decode_fmllr.sh, whose acoustic scale is 1/12, and score.sh."""
    own = DecodeOptions()
    assert (own.beam, own.max_active, own.lattice_beam, own.acoustic_scale) == (15, 7000, 8, 0.1)
    assert (own.adapt_lm_weight, own.first_beam, own.first_max_active) == (12, 10, 2000)
    assert (own.adapt_lattice_beam, own.adapt_silence) == (6, 0.01)
    assert (own.transition_scale, own.self_loop_scale) == (1.0, 0.1)
    assert (own.lm_weights, own.penalties) == ((7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17), (0.0, 0.5, 1.0))
    assert not own.lattice


@pytest.mark.parametrize("name", ["lm_weights", "ctc_lm_weights"])
def test_weights_begin_at_one(name: str) -> None:
    assert getattr(DecodeOptions(**{name: (1,)}), name) == (1,)
    for weights in ((), (0, 1)):
        with pytest.raises(ValueError, match=f"{name} must be numbers of at least 1, not "):
            DecodeOptions(**{name: weights})


@pytest.mark.parametrize("name", ["lm_weights", "ctc_lm_weights", "penalties"])
def test_each_point_is_scored_once(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} has 8(\.0)? twice; give each value once"):
        DecodeOptions(**{name: (7, 8, 9, 8)})


def test_invalid_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"search greedy is for type ctc"):
        DecodeOptions(type="hmm", search="greedy")
    with pytest.raises(ValueError, match=r"ctc_lm_weights must be numbers of at least 1"):
        DecodeOptions(ctc_lm_weights=(0, 1))
    with pytest.raises(ValueError, match=r"ctc_prior_scale must be 0 to 1, not 1.5"):
        DecodeOptions(ctc_prior_scale=1.5)
