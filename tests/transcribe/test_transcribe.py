"""A trained and scored run on the corpus of tones writes down files: the words of the decode stage, when, how sure."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

import asr_prune
from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode import parallel
from asr_prune.decode.decode_run import decode_run, sweep_run
from asr_prune.run_dir import RunDir, decode_info
from asr_prune.score.align import distance
from asr_prune.score.sclite import sctk_command
from asr_prune.stages import STAGES
from asr_prune.transcribe.recogniser import Requested
from asr_prune.transcribe.transcribe import Transcriber
from asr_prune.workflow.experiment import open_experiment

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: PREPARE}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32, 24], dropout: 0.1}
train: {epochs: 12, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8, 10], penalties: [0.0]}
score: {bootstrap: 100}
runs: [{name: thin, prune: {method: l1, vectors: outgoing, keep: 0.5, penalty: 3.0e-4}}]
"""
RUN = "exp/tones/runs/thin"
RATE = 16000
Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages but the report, in a project's folder; files: of the test set, in order."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/tones").mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    (here / "recipes/tones/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    given = ["--recipe", "recipes/tones", "--nj", "1"]
    assert [main([verb, *given]) for verb in list(STAGES)[:-1]] == [0] * (len(STAGES) - 1)
    data = DataDir.read("data/tones/test")
    chosen = json.loads(Path(RUN, "score_dev.json").read_text())
    lines = Path(RUN, f"decode_test/penalty_{chosen['penalty']:g}/{chosen['lm_weight']}.txt").read_text().splitlines()
    words = {line.split()[0]: line.split()[1:] for line in lines}
    files = {data.wavs[utt]: words[utt] for utt in sorted(data.wavs)}
    yield SimpleNamespace(files=files, text={data.wavs[utt]: own for utt, own in data.text.items()}, words=words)
    os.chdir(back)


def transcribed(printed: Printed, *command: object, run: str = RUN) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    printed.readouterr()
    status = main(["transcribe", run, *(str(word) for word in command), "--nj", "1"])
    out = printed.readouterr()
    return status, out.out, out.err


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


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
    for output in lines(out):
        assert output["seconds"] == pytest.approx(0.125 + 0.375 * len(done.text[output["file"]]), abs=1e-3)
        if output["text"].split() == done.text[output["file"]]:
            off += [abs(word["start"] - 0.125 - 0.375 * i) for i, word in enumerate(output["words"])]
            assert all(word["end"] - word["start"] > 0.1 for word in output["words"])
            assert "confidence" not in output["words"][0]
    assert len(off) >= 6
    assert np.median(off) < 0.08


def test_a_table_and_a_ctm_say_the_same(done: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    transcribed(capsys, *done.files, "--confidence", "--ctm", tmp_path / "out.ctm", "--speaker", "folder")
    _, table, _ = transcribed(capsys, *done.files, "--confidence", "--times", "--speaker", "folder")
    rows = [line.split() for line in table.splitlines() if "\t" not in line]
    ctm = [line.split() for line in (tmp_path / "out.ctm").read_text().splitlines()]
    assert [row[2] for row in rows] == [row[4] for row in ctm] == [w for words in done.files.values() for w in words]
    for (start, end, _, sure), (name, channel, begin, lasts, _, its) in zip(rows, ctm, strict=True):
        assert (name.partition("-")[0], channel) == ("eve", "1")
        assert float(start) == pytest.approx(float(begin), abs=0.006)
        assert float(end) == pytest.approx(float(begin) + float(lasts), abs=0.006)
        assert float(sure) == pytest.approx(float(its), abs=1e-3)
        assert 0 < float(sure) <= 1
    _, unsure, _ = transcribed(capsys, next(iter(done.files)), "--confidence")
    assert [row.split()[:2] for row in unsure.splitlines()[1:]] == [["-", "-"]] * 2


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
    (output,) = lines(out)
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
    (timed,) = lines(transcribed(capsys, tmp_path / "a.wav", "--longest", 4, "--times", "--json")[1])
    (whole,) = lines(transcribed(capsys, tmp_path / "a.wav", "--longest", 60, "--json")[1])
    assert [word.text for word in transcript.words] == timed["text"].split()
    assert all(word.start is None and word.end is None for word in transcript.words)
    starts = [word["start"] for word in timed["words"]]
    assert starts == sorted(starts)
    spoken = [word for words in done.text.values() for word in words] * 3
    least = distance([spoken], [whole["text"].split()])
    assert distance([spoken], [timed["text"].split()]) <= least + 1


def test_files_that_cannot_be_used_are_reported_and_counted(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    good = next(iter(done.files))
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    soundfile.write(tmp_path / "click.wav", np.zeros(100), RATE)
    soundfile.write(tmp_path / "two.wav", np.zeros((RATE, 2)), RATE)
    (tmp_path / "text.wav").write_text("no audio")
    bad = [tmp_path / f"{name}.wav" for name in ("none", "click", "two", "text", "absent")]
    status, out, err = transcribed(capsys, *bad, good)
    assert status == 1
    assert [line.split("\t")[0] for line in out.splitlines()] == [good]
    assert "1 file, " in err
    assert "5 skipped" in err
    for text in ("no samples", "less than one window", "2 channels", "text.wav: unreadable", "no such file"):
        assert text in err
    status, _, err = transcribed(capsys, bad[0])
    assert status == 1
    assert "no file could be read" in err


def test_silence_says_nothing_or_little_and_breaks_nothing(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(2 * RATE), RATE)
    status, out, _ = transcribed(capsys, tmp_path / "silent.wav", "--times", "--confidence", "--json")
    assert status == 0
    assert lines(out)[0]["seconds"] == 2.0


def test_bad_requests_are_one_sentence(done: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    good = next(iter(done.files))
    assert "is given twice" in transcribed(capsys, good, good)[2]
    assert (
        "runs/none/shrunk/network.pt is missing; run the shrink stage"
        in transcribed(capsys, good, run="exp/tones/runs/none")[2]
    )
    for option, value in (("--longest", "2"), ("--lm-weight", "0"), ("--channel", "0")):
        with pytest.raises(SystemExit):
            main(["transcribe", RUN, good, option, value])


def test_what_is_wrong_with_the_ctm_is_reported_before_any_word(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    good, copy = next(iter(done.files)), tmp_path / "eve-0.flac"
    soundfile.write(copy, *soundfile.read(good))
    (tmp_path / "folder.ctm").mkdir()
    content = copy.read_bytes()
    for ctm, files, problem in (
        ("a.ctm", [good, copy], f"{good} and {copy} would both be named eve-0 in the ctm file; rename one"),
        ("folder.ctm", [good], "folder.ctm is a folder; name a file"),
        (copy.name, [good], "eve-0.flac would replace an audio file"),
    ):
        status, out, err = transcribed(capsys, *files, "--ctm", tmp_path / ctm)
        assert (status, out) == (1, "")
        assert problem in err
    assert copy.read_bytes() == content
    assert not (tmp_path / "a.ctm").exists()


def test_bad_files_among_many_are_named_and_the_others_transcribed(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    loud, mad, cut = tmp_path / "loud.wav", tmp_path / "mad.wav", tmp_path / "cut.wav"
    soundfile.write(loud, np.full(RATE, 1e30, np.float32), RATE, subtype="FLOAT")
    soundfile.write(mad, np.zeros(441), 1092676)
    soundfile.write(cut, np.zeros(RATE), RATE)
    cut.write_bytes(cut.read_bytes()[:-1000])
    first, *rest = done.files
    status, out, err = transcribed(capsys, loud, first, mad, *rest, cut)
    assert status == 1
    assert out == transcribed(capsys, *done.files)[1]
    assert [line.split(":")[1].strip() for line in err.splitlines() if line.startswith("skipped")] == [
        str(path) for path in (loud, mad, cut)
    ]
    assert "3 skipped" in err


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
    (output,) = lines(out)
    begin = sum(map(len, spoken)) / RATE
    assert re.search(rf"a.wav: no speech found in [2-4] of {len(output['pieces'])} pieces, from", err)
    plain = transcribed(capsys, tmp_path / "a.wav", "--longest", 4)[1]
    assert plain == f"{tmp_path / 'a.wav'}\t{output['text']}\n"
    timed = lines(transcribed(capsys, tmp_path / "a.wav", "--longest", 4, "--json", "--times")[1])[0]
    assert not [word for word in timed["words"] if begin + 4 < word["start"] < begin + 9]
    assert timed["words"][-1]["end"] > output["seconds"] - 1


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


def test_the_weight_is_devs_unless_given(done: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    good, scored = next(iter(done.files)), Path(RUN, "score_dev.json")
    assert f"from {RUN}/score_dev.json" in transcribed(capsys, good)[2]
    scored.rename(tmp_path / "away")
    try:
        assert "run the score stage, or give --lm-weight and --penalty" in transcribed(capsys, good)[2]
        assert transcribed(capsys, good, "--lm-weight", 8, "--penalty", 0)[0] == 0
    finally:
        (tmp_path / "away").rename(scored)


def test_a_graph_of_another_network_is_one_sentence(done: SimpleNamespace, capsys: Printed) -> None:
    graph, good = Path("exp/tones/graph/pdfs.txt"), next(iter(done.files))
    kept = graph.read_text()
    graph.write_text("\n".join(str(int(pdf) + (int(pdf) > 0) * 3) for pdf in kept.split()) + "\n")
    manifest = graph.with_name("SHA256SUMS").rename(graph.with_name("away"))
    try:
        status, _, err = transcribed(capsys, good)
    finally:
        graph.write_text(kept)
        manifest.rename(graph.with_name("SHA256SUMS"))
    assert status == 1
    assert "outputs, the graph" in err
    assert err.count("\n") <= 2


def test_the_ctm_of_a_set_has_its_words_and_the_stm_its_references(done: SimpleNamespace, capsys: Printed) -> None:
    for more in ([], ["--confidence"]):
        assert main(["ctm", RUN, "--nj", "1", *more]) == 0
        rows = [line.split() for line in Path(RUN, "score_test.hyp.ctm").read_text().splitlines()]
        assert [len(row) for row in rows] == [5 + len(more)] * len(rows)
        for utt, words in done.words.items():
            assert [row[4] for row in rows if row[0] == utt] == words
    lines_of_stm = Path(RUN, "score_test.ref.stm").read_text().splitlines()
    assert [line.split()[5:] for line in lines_of_stm] == list(done.text.values())
    assert all(line.split()[:4] == [f"eve-{i}", "1", "eve", "0.000"] for i, line in enumerate(lines_of_stm))


def test_sclite_scores_the_ctm_as_the_stage_score(done: SimpleNamespace) -> None:
    if not sctk_command("sclite"):
        pytest.skip("NIST's sclite (Debian's package sctk) is not installed")
    assert main(["ctm", RUN, "--nj", "1"]) == 0
    files = ["-r", "score_test.ref.stm", "stm", "-h", "score_test.hyp.ctm", "ctm", "-s", "-o", "sgml", "stdout"]
    output = subprocess.run(
        [*sctk_command("sclite"), *files], cwd=RUN, capture_output=True, text=True, check=True
    ).stdout
    ops = "".join(re.findall(r"(?:^|:)([CSID]),", output, re.MULTILINE))
    scored = json.loads(Path(RUN, "score_test.json").read_text())
    assert len(ops) - ops.count("I") == scored["words"]
    assert len(ops) - ops.count("C") >= sum(scored["errors"].values())


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
        monkeypatch.setattr(parallel, "start_method", lambda start=start: start)
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
    monkeypatch.setattr(parallel, "start_method", lambda: start)
    given = [*done.files, "--times", "--confidence", "--json"]
    one = transcribed(capsys, *given)
    assert main(["transcribe", RUN, *map(str, given), "--nj", "2"]) == 0
    assert (0, capsys.readouterr().out) == one[:2]
