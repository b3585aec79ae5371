"""What `export --vosk --check` counts as the same words, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.sound import Sound
from asr_prune.errors import UserError
from asr_prune.export import vosk_check
from asr_prune.export.heard import HeardWords
from asr_prune.export.vosk_check import VoskCheck, check_vosk, format_vosk_check, need_vosk
from asr_prune.run_dir import RunDir, words_file
from asr_prune.score.options import ScoreOptions

OURS = "one A OH B\ntwo A\nthree\nfour B A\n"
BEST = {"one": ["a", "O", "B"], "two": ["A", "A"], "three": []}
USUAL = {"one": ["A", "O", "B"], "two": [], "three": ["A"]}


def test_utterances_with_other_words_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def heard(model: Path, sound: Sound, best_path: bool = False) -> HeardWords:
        assert model == tmp_path / "out"
        return HeardWords(BEST if best_path else USUAL, 2.0, 6.0, {"four": "it is gone."})

    monkeypatch.setattr(vosk_check, "words_in_vosk", heard)
    run = RunDir(tmp_path / "run")
    words = words_file(run.decoded("test"), 9, 0.5)
    words.parent.mkdir(parents=True)
    (tmp_path / "out").mkdir()
    words.write_text(OURS)
    run.score("test").write_text(json.dumps({"lm_weight": 9, "penalty": 0.5}))
    options = ScoreOptions(equivalents=[["O", "OH"]], normalise=["lower"])
    found = check_vosk(run, tmp_path / "out", Sound(tmp_path, 16000, False, 600.0, None), options)
    assert found == VoskCheck(3, ["two"], ["two", "three"], 2.0, 6.0, {"four": "it is gone."})
    assert VoskCheck(**json.loads((tmp_path / "out/check.json").read_text())) == found
    assert format_vosk_check(found) == [
        "Vosk's best path: 2 of 3 utterances of test have the words of the decode stage; others: two",
        "Vosk's usual result: 1 of 3 utterances of test have the words of the decode stage; others: two, three",
        "2.0 CPU seconds for 6 s of speech",
    ]


def test_other_exports_have_no_such_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path), str(tmp_path / "out"), "--nnet3", "--check"]) == 1
    assert "--check goes with --vosk or --sherpa only; leave it out with --nnet3." in capsys.readouterr().err


def test_without_vosk_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vosk_check, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="--check needs Vosk, which is not there; install it with: pip install vosk"):
        need_vosk()
