"""A network trained with CTC writes down files: by the words of a language model, and greedily."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from asr_prune.cli.main import main
from asr_prune.spread import processes

from .projects import STAGES_FOLDER, Printed, decoded, finish, outputs, said

pytestmark = [pytest.mark.trains, pytest.mark.torchaudio]

RECIPE = """
corpus: {prepare: PREPARE}
network: {type: tdnn, hidden: [48, 32], dropout: 0.0}
train: {epochs: 60, utterances: 4, learning_rate: 0.01, threads: 1, tensorboard: false}
score: {bootstrap: 100}
runs: [{name: dense, prune: {method: none}}]
"""
RUN = "exp/tones/runs/dense"
GREEDY = ("--set", "decode.search=greedy")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages but the report; data: the test set; words: of its files, as the decode stage found them."""
    back = Path.cwd()
    finish(here := tmp_path_factory.mktemp("project"), RECIPE.replace("PREPARE", str(STAGES_FOLDER / "spelled.py")))
    os.chdir(here)
    data, words = decoded(RUN)
    yield SimpleNamespace(files=[data.wavs[utt] for utt in sorted(data.wavs)], words=words, text=data.text)
    os.chdir(back)


def transcribed(done: SimpleNamespace, printed: Printed, *options: str) -> list[dict[str, Any]]:
    given = ["--speaker", "folder", "--times", "--confidence", "--json"]
    status, out, _ = said(printed, RUN, *done.files, *given, *options)
    assert status == 0
    return outputs(out)


def test_words_of_the_graph_have_times_and_confidences(done: SimpleNamespace, capsys: Printed) -> None:
    result = transcribed(done, capsys)
    assert [output["text"].split() for output in result] == list(done.words.values())
    off = []
    for output, text in zip(result, done.text.values(), strict=True):
        times = [word[name] for word in output["words"] for name in ("start", "end")]
        assert times == sorted(times)
        assert all(0 < word["confidence"] <= 1 for word in output["words"])
        if output["text"].split() == text:
            off += [abs(word["start"] - 0.125 - 0.375 * i) for i, word in enumerate(output["words"])]
    assert len(off) >= 4
    assert np.median(off) < 0.3


def test_greedy_words_too(done: SimpleNamespace, capsys: Printed) -> None:
    for output in transcribed(done, capsys, *GREEDY):
        times = [word[name] for word in output["words"] for name in ("start", "end")]
        assert times == sorted(times)
        assert all(0 < word["confidence"] <= 1 for word in output["words"])


def test_the_ctm_of_a_set_has_its_words(done: SimpleNamespace) -> None:
    assert main(["ctm", RUN, "--nj", "1", "--confidence"]) == 0
    rows = [line.split() for line in Path(RUN, "score_test.hyp.ctm").read_text().splitlines()]
    assert [row[4] for row in rows] == [word for words in done.words.values() for word in words]
    assert main(["ctm", RUN, "--nj", "1", *GREEDY]) == 0


def test_a_recipe_of_another_kind_is_refused(done: SimpleNamespace, capsys: Printed) -> None:
    assert main(["transcribe", RUN, *done.files, "--set", "decode.type=hmm"]) == 1
    assert "was trained with decode.type ctc and the recipe is not" in capsys.readouterr().err


@pytest.mark.parametrize("options", [(), GREEDY])
def test_fresh_processes_transcribe_alike(
    done: SimpleNamespace, capsys: Printed, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    one = transcribed(done, capsys, *options)
    monkeypatch.setattr(processes, "start_method", lambda: "spawn")
    assert transcribed(done, capsys, *options, "--nj", "2") == one
