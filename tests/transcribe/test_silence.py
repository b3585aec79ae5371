"""Files, and pieces of files, in which nobody speaks."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from .projects import RATE, Printed, outputs
from .thin import transcribed

pytestmark = pytest.mark.trains


def test_silence_says_nothing_or_little_and_breaks_nothing(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(2 * RATE), RATE)
    status, out, _ = transcribed(capsys, tmp_path / "silent.wav", "--times", "--confidence", "--json")
    assert status == 0
    assert outputs(out)[0]["seconds"] == 2.0


def test_silence_is_reported_unless_all_sound_is_searched(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    good, dice = next(iter(done.files)), np.random.default_rng(0)
    sounds = {"zeros": np.zeros(5 * RATE), "noise": dice.normal(0, 0.01, 5 * RATE), "offset": np.full(5 * RATE, 0.1)}
    paths = [tmp_path / f"{name}.wav" for name in sounds]
    for path, sound in zip(paths, sounds.values(), strict=True):
        soundfile.write(path, sound, RATE)
    alone = transcribed(capsys, *paths)
    assert alone[:2] == (0, "".join(f"{path}\t\n" for path in paths))
    status, out, err = transcribed(capsys, paths[0], good, *paths[1:])
    assert status == 0
    assert out.splitlines()[1] == transcribed(capsys, good)[1].rstrip("\n")
    for path in paths:
        assert f"{path}: no speech found" in err
    assert f"{good}: no speech" not in err
    status, out, err = transcribed(capsys, *paths, good, "--all-sound")
    assert (status, len(out.splitlines())) == (0, 4)
    assert "no speech" not in err


def test_a_silent_piece_of_a_long_file_is_named(done: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    dice, spoken = np.random.default_rng(0), [soundfile.read(path)[0] for path in done.files]
    pause = dice.normal(0, 0.01, 14 * RATE)
    soundfile.write(tmp_path / "a.wav", np.concatenate([*spoken, pause, *spoken]), RATE)
    _, out, err = transcribed(capsys, tmp_path / "a.wav", "--longest", 4, "--json")
    (output,) = outputs(out)
    begin = sum(map(len, spoken)) / RATE
    assert re.search(rf"a.wav: no speech found in [2-4] of {len(output['pieces'])} pieces, from", err)
    plain = transcribed(capsys, tmp_path / "a.wav", "--longest", 4)[1]
    assert plain == f"{tmp_path / 'a.wav'}\t{output['text']}\n"
    timed = outputs(transcribed(capsys, tmp_path / "a.wav", "--longest", 4, "--json", "--times")[1])[0]
    assert not [word for word in timed["words"] if begin + 4 < word["start"] < begin + 9]
    assert timed["words"][-1]["end"] > output["seconds"] - 1
