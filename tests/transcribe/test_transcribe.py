"""A trained and scored run on the corpus of tones writes down files: the words of the decode stage, when, how sure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import asr_prune
from asr_prune.cli.main import main
from asr_prune.decode.decode_run import decode_run, sweep_run
from asr_prune.run_dir import RunDir, decode_info
from asr_prune.score.align import distance
from asr_prune.spread import processes
from asr_prune.transcribe.recogniser import Requested
from asr_prune.transcribe.transcribe import Transcriber
from asr_prune.workflow.experiment import open_experiment

from .projects import RATE, Printed, outputs
from .thin import RUN, transcribed

pytestmark = pytest.mark.trains


def test_the_words_of_a_speakers_files_are_those_of_the_decode_stage(done: SimpleNamespace, capsys: Printed) -> None:
    status, out, _ = transcribed(capsys, *done.files, "--speaker", "folder")
    assert status == 0
    assert out.splitlines() == [f"{path}\t{' '.join(words)}" for path, words in done.files.items()]
    assert sum(words == done.text[path] for path, words in done.files.items()) >= 3


def test_each_file_is_a_speaker_by_default(done: SimpleNamespace, capsys: Printed) -> None:
    alone = "".join(transcribed(capsys, path)[1] for path in done.files)
    assert transcribed(capsys, *done.files)[1] == alone


def test_times_are_those_of_the_tones(done: SimpleNamespace, capsys: Printed) -> None:
    """A word begins every 0.375 s, from 0.125 s on, and lasts 0.25 s; what stands between words may be a pause."""
    _, out, _ = transcribed(capsys, *done.files, "--speaker", "all", "--times", "--json")
    off = []
    for output in outputs(out):
        assert output["seconds"] == pytest.approx(0.125 + 0.375 * len(done.text[output["file"]]), abs=1e-3)
        if output["text"].split() == done.text[output["file"]]:
            off += [abs(word["start"] - 0.125 - 0.375 * i) for i, word in enumerate(output["words"])]
            assert all(word["end"] - word["start"] > 0.1 for word in output["words"])
            assert "confidence" not in output["words"][0]
    assert len(off) >= 6
    assert np.median(off) < 0.08


@pytest.mark.parametrize("ending", ["flac", "aiff", "sph", "ogg"])
def test_other_formats_say_the_same_and_lossy_ones_nearly(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path, ending: str
) -> None:
    copies = [tmp_path / f"{Path(path).stem}.{ending}" for path in done.files]
    for path, copy in zip(done.files, copies, strict=True):
        soundfile.write(copy, soundfile.read(path)[0], RATE, format={"sph": "NIST"}.get(ending, ending.upper()))
    status, out, _ = transcribed(capsys, *copies, "--speaker", "folder")
    assert status == 0
    texts = [line.split("\t")[1] for line in out.splitlines()]
    same = sum(" ".join(words) == own for words, own in zip(done.files.values(), texts, strict=True))
    assert same >= 3 if ending == "ogg" else same == 4


@pytest.mark.torchaudio
def test_other_rates_are_converted_and_one_channel_taken(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    from asr_prune.corpus.resample import resampled

    for path in done.files:
        fast = resampled(soundfile.read(path, dtype="float32")[0], RATE, 44100)
        soundfile.write(tmp_path / "two.wav", np.stack([np.zeros_like(fast), fast], 1), 44100)
        status, out, _ = transcribed(capsys, tmp_path / "two.wav", "--channel", 2)
        assert status == 0
        assert out.split("\t")[1] == transcribed(capsys, path)[1].split("\t")[1]
    slow = resampled(soundfile.read(path, dtype="float32")[0], RATE, 8000)
    soundfile.write(tmp_path / "slow.wav", slow, 8000)
    assert transcribed(capsys, tmp_path / "slow.wav")[0] == 0


def test_a_long_file_is_cut_between_words_and_keeps_its_own_time(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    pause = np.random.default_rng(0).normal(0, 0.01, RATE // 2)
    parts = [part for path in done.files for part in (soundfile.read(path)[0], pause)] * 3
    soundfile.write(tmp_path / "long.flac", np.concatenate(parts), RATE)
    _, out, _ = transcribed(capsys, tmp_path / "long.flac", "--longest", 4, "--times", "--json")
    (output,) = outputs(out)
    assert output["seconds"] == pytest.approx(sum(map(len, parts)) / RATE, abs=1e-3)
    assert 4 <= len(output["pieces"]) <= 10
    assert output["pieces"] == sorted(output["pieces"])
    starts = [word["start"] for word in output["words"]]
    assert starts == sorted(starts)
    assert output["words"][-1]["end"] > output["seconds"] - 1.5
    spoken = [word for words in done.text.values() for word in words] * 3
    assert abs(len(output["words"]) - len(spoken)) <= 4
    assert all(word["end"] <= output["seconds"] for word in output["words"])


def test_a_file_without_pauses_has_its_words_however_it_is_cut(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    spoken_files = [soundfile.read(path)[0] for path in done.files]
    soundfile.write(tmp_path / "a.wav", np.concatenate(spoken_files * 3), RATE)
    transcriber = Transcriber(asr_prune.load_run(RUN, nj=1)._recogniser, Requested(), None, 4.0)
    (recording,) = transcriber.read([str(tmp_path / "a.wav")])
    assert sum(border is not None for border in recording.borders) >= 2
    (transcript,) = transcriber.transcripts([recording], "file")
    (timed,) = outputs(transcribed(capsys, tmp_path / "a.wav", "--longest", 4, "--times", "--json")[1])
    (whole,) = outputs(transcribed(capsys, tmp_path / "a.wav", "--longest", 60, "--json")[1])
    assert [word.text for word in transcript.words] == timed["text"].split()
    assert all(word.start is None and word.end is None for word in transcript.words)
    starts = [word["start"] for word in timed["words"]]
    assert starts == sorted(starts)
    spoken = [word for words in done.text.values() for word in words] * 3
    least = distance([spoken], [whole["text"].split()])
    assert distance([spoken], [timed["text"].split()]) <= least + 1


def test_words_come_piece_by_piece(done: SimpleNamespace, tmp_path: Path) -> None:
    """What a reader of the pipe has when the second piece begins to be searched."""
    spoken = [soundfile.read(path)[0] for path in done.files]
    soundfile.write(tmp_path / "a.wav", np.concatenate(spoken * 3), RATE)
    transcriber = Transcriber(asr_prune.load_run(RUN, nj=1)._recogniser, Requested(), None, 4.0)
    (recording,), heard = transcriber.read([str(tmp_path / "a.wav")]), list[list[str]]()
    parts = transcriber.transcripts([recording], "file", lambda _, words: heard.append([w.text for w in words]))
    (transcript,) = parts
    assert len(heard) == len(recording.starts) > 2
    assert [text for texts in heard for text in texts] == [word.text for word in transcript.words]


def test_from_python_a_run_says_and_scores_the_same(done: SimpleNamespace, capsys: Printed) -> None:
    path = next(iter(done.files))
    run = asr_prune.load_run(RUN, nj=1)
    assert run.transcribe(path).line == transcribed(capsys, path)[1].rstrip("\n")
    assert run.score("test").wer == json.loads(Path(RUN, "result.json").read_text())["wer_test"]
    assert run.network.widths == json.loads(Path(RUN, "shrunk/size.json").read_text())["nodes"]


def test_forks_and_fresh_processes_decode_to_the_same_bytes(
    done: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding, run = open_experiment("recipes/tones", []).decoding, RunDir(Path(RUN))
    options = replace(decoding.options, lattice=True)
    for start in ("fork", "spawn"):
        monkeypatch.setattr(processes, "start_method", lambda start=start: start)
        out = tmp_path / start
        decode_run(decoding, run.shrunk, {"test": out}, options, 2)
        sweep_run(decoding.graph, {"test": out}, options.lm_weights, options.penalties, 2)
        decode_info(out).unlink()  # has seconds
    files = [path.relative_to(tmp_path / "fork") for path in (tmp_path / "fork").rglob("*") if path.is_file()]
    assert len(files) == 3
    for name in files:
        assert (tmp_path / "fork" / name).read_bytes() == (tmp_path / "spawn" / name).read_bytes()


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_two_processes_transcribe_as_one(
    done: SimpleNamespace, capsys: Printed, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    monkeypatch.setattr(processes, "start_method", lambda: start)
    given = [*done.files, "--times", "--confidence", "--json"]
    one = transcribed(capsys, *given)
    assert main(["transcribe", RUN, *map(str, given), "--nj", "2"]) == 0
    assert (0, capsys.readouterr().out) == one[:2]
