"""A packed model has the words of its run, in any folder; a damaged one has none."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import asr_prune
from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.stages import STAGES
from asr_prune.transcribe.packed import CARD, PARTS, PackedFile

pytestmark = pytest.mark.trains

STAGES_FOLDER = Path(__file__).parent.parent / "stages"
SHORT = "iterations: 3, grow_iterations: 2, gaussians: 30, realign: [1, 2]"
FBANK = f"""
corpus: {{prepare: {STAGES_FOLDER}/tiny.py}}
hmm: {{passes: [{{type: mono, {SHORT}}}]}}
network: {{hidden: [24, 16], dropout: 0.0}}
train: {{epochs: 8, batch: 64, threads: 1, tensorboard: false}}
decode: {{lm_weights: [8, 10], penalties: [0.0]}}
score: {{bootstrap: 100}}
runs: [{{name: dense, prune: {{method: none}}}}]
"""
TIED = f"leaves: 12, {SHORT}"
SAT = FBANK.replace(
    f"[{{type: mono, {SHORT}}}]",
    f"[{{type: mono, {SHORT}}}, {{type: tri, {TIED}}}, {{type: lda_mllt, {TIED}, dim: 12}},"
    f" {{type: sat, {TIED}, fmllr_min_frames: 30}}]",
)
SAT += "features: {network: {type: hmm}}\n"
CTC = f"""
corpus: {{prepare: {STAGES_FOLDER}/spelled.py}}
network: {{type: tdnn, hidden: [48, 32], dropout: 0.0}}
train: {{epochs: 45, utterances: 4, learning_rate: 0.01, threads: 1, tensorboard: false}}
score: {{bootstrap: 100}}
runs: [{{name: dense, prune: {{method: none}}}}]
"""
GREEDY = ("--set", "decode.search=greedy")
#: case: recipe, options
CASES = {"fbank": (FBANK, ()), "sat": (SAT, ()), "graph": (CTC, ()), "greedy": (CTC, GREEDY)}
RUN = "exp/tones/runs/dense"
Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Folders of finished projects by recipe, filled when they are first used."""
    back, folders = Path.cwd(), dict[str, Path]()
    yield _Projects(tmp_path_factory, folders)
    os.chdir(back)


class _Projects(dict[str, Path]):
    def __init__(self, factory: pytest.TempPathFactory, folders: dict[str, Path]) -> None:
        super().__init__(folders)
        self.factory = factory

    def __missing__(self, recipe: str) -> Path:
        self[recipe] = here = self.factory.mktemp("project")
        (here / "recipes/tones").mkdir(parents=True)
        (here / "recipes/tones/recipe.yaml").write_text(recipe)
        os.chdir(here)
        given = ["--recipe", "recipes/tones", "--nj", "1"]
        assert [main([verb, *given]) for verb in list(STAGES)[:-1]] == [0] * (len(STAGES) - 1)
        return here


@pytest.fixture(scope="module", params=CASES)
def case(
    request: pytest.FixtureRequest,
    projects: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> SimpleNamespace:
    """A packed run, in a folder of its own with a blank and an umlaut; wavs: of the test set."""
    recipe, options = CASES[request.param]
    os.chdir(here := projects[recipe])
    away = tmp_path_factory.mktemp("ein Ordner für Modelle")
    packed = away / "mein Modell ü.asr"
    assert main(["pack", RUN, str(packed), *options]) == 0
    data = DataDir.read("data/tones/test")
    wavs = [shutil.copy(data.wavs[utt], away) for utt in sorted(data.wavs)]
    case = SimpleNamespace(name=request.param, here=here, away=away, packed=packed)
    case.options, case.wavs = options, list(map(str, wavs))
    return case


@pytest.fixture(scope="module")
def fbank(projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    os.chdir(projects[FBANK])
    packed = tmp_path_factory.mktemp("packed") / "model.asr"
    assert main(["pack", RUN, str(packed)]) == 0
    soundfile.write(wav := packed.with_name("a.wav"), np.zeros(16000), 16000)
    return SimpleNamespace(packed=packed, wav=str(wav))


def transcribed(printed: Printed, *command: object) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    printed.readouterr()
    status = main(["transcribe", *map(str, command), "--nj", "1"])
    out = printed.readouterr()
    return status, out.out, out.err


def test_words_and_times_are_those_of_the_run(case: SimpleNamespace, capsys: Printed) -> None:
    for more in ((), ("--times", "--confidence", "--json"), ("--speaker", "all")):
        os.chdir(case.here)
        status, of_run, _ = transcribed(capsys, RUN, *case.wavs, *more, *case.options)
        assert status == 0
        os.chdir(case.away)
        assert transcribed(capsys, case.packed.name, *case.wavs, *more)[:2] == (0, of_run)
        assert sum(map(str.isupper, of_run)) > 20


def test_ctm_weight_and_penalty_too(case: SimpleNamespace, capsys: Printed) -> None:
    more = ("--lm-weight", 3, "--penalty", 0.5, "--ctm", case.away / "a.ctm")
    os.chdir(case.here)
    of_run = transcribed(capsys, RUN, *case.wavs, *more, *case.options)[1]
    ctm = (case.away / "a.ctm").read_text()
    os.chdir(case.away)
    assert transcribed(capsys, case.packed, *case.wavs, *more)[1] == of_run
    assert (case.away / "a.ctm").read_text() == ctm


def test_python_has_the_same_words(case: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    lines = transcribed(capsys, case.packed, *case.wavs)[1]
    os.chdir(tmp_path)
    model = asr_prune.load(case.packed, nj=1)
    assert [model.transcribe(wav).line for wav in case.wavs] == lines.splitlines()
    timed = asr_prune.load(case.packed, times=True, confidence=True).transcribe(case.wavs[0])
    assert all(word.end and word.confidence for word in timed.words)
    assert model.network.widths == PackedFile.open(case.packed).card["nodes"]
    if case.name == "sat":
        _check_other_process(case, lines, tmp_path)


def _check_other_process(case: SimpleNamespace, lines: str, folder: Path) -> None:
    """In an empty folder, which stays empty, though temporary files would go there."""
    code = (
        "import sys, asr_prune\n"
        "model = asr_prune.load(sys.argv[1], nj=1)\n"
        "for wav in sys.argv[2:]: print(model.transcribe(wav).line)\n"
    )
    command = [sys.executable, "-c", code, str(case.packed), *case.wavs]
    root = Path(asr_prune.__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(root), "TMPDIR": str(folder)}
    kept = {"capture_output": True, "text": True, "check": False}
    done = subprocess.run(command, cwd=folder, env=environment, **kept)
    assert done.stdout == lines, done.stderr
    assert list(folder.iterdir()) == []


def test_only_what_recognition_reads_is_in_the_file(case: SimpleNamespace) -> None:
    packed = PackedFile.open(case.packed)
    kinds = {name.split("/")[0] for name in packed.sizes} - {"network.safetensors"}
    expected = {"greedy": set(), "graph": {"graph", "lang"}}
    assert kinds == expected.get(case.name, {"graph", "lang", "hmm"})
    assert ("hmm/final.alimdl" in packed.sizes) == (case.name == "sat")
    assert packed.card["adapted"] == (case.name == "sat")
    assert packed.card["recipe"] == "tones"
    assert packed.card["nodes"] == [48, 32] if case.name in ("greedy", "graph") else [24, 16]
    assert packed.card["wer_test"] is not None
    assert str(case.here).encode() not in case.packed.read_bytes()
    assert str(case.here) not in json.dumps(packed.card)


def test_the_same_run_makes_the_same_file(case: SimpleNamespace) -> None:
    os.chdir(case.here)
    again = case.away / "again.asr"
    assert main(["pack", RUN, str(again), *case.options]) == 0
    assert again.read_bytes() == case.packed.read_bytes()


def _spans(path: Path) -> dict[str, range]:
    """Where in the file each part is, with its header; and the directory of the zip."""
    with zipfile.ZipFile(path) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        ends = [*(info.header_offset for info in infos[1:]), archive.start_dir]
        pairs = zip(infos, ends, strict=True)
        spans = {info.filename: range(info.header_offset, end) for info, end in pairs}
        return spans | {"directory": range(archive.start_dir, path.stat().st_size)}


def test_flipped_bytes_give_no_words(case: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    """Twenty in each part, the last of them by the command line, whose words must stay away."""
    whole, dice = case.packed.read_bytes(), random.Random(0)
    flipped = tmp_path / "flipped.asr"
    for name, span in _spans(case.packed).items():
        for _ in range(20):
            data = bytearray(whole)
            data[dice.choice(span)] ^= dice.randrange(1, 256)
            flipped.write_bytes(data)
            with pytest.raises(UserError) as caught:
                asr_prune.load(flipped, nj=1)
            assert str(caught.value).count("\n") == 0, name
        status, out, err = transcribed(capsys, flipped, case.wavs[0])
        assert (status, out, err.count("\n")) == (1, "", 1), name


def test_a_file_that_ends_early_or_late_is_refused(fbank: SimpleNamespace, tmp_path: Path) -> None:
    whole, changed = fbank.packed.read_bytes(), tmp_path / "changed.asr"
    for data in (b"", whole[:1], whole[:-1], whole[:-64], whole[: len(whole) // 2], whole + b"a"):
        changed.write_bytes(data)
        with pytest.raises(UserError, match="is damaged or no file of asr-prune pack"):
            asr_prune.load(changed)


def _rewritten(path: Path, out: Path, change: dict[str, bytes], card: dict | None = None) -> None:
    """The same parts with some replaced or added, zipped anew."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        parts = {name: old.read(name) for name in old.namelist()} | change
        parts[CARD] = json.dumps(json.loads(parts[CARD]) | (card or {})).encode()
        for name, data in parts.items():
            new.writestr(name, data)


def test_newer_versions_are_refused(fbank: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    _rewritten(fbank.packed, newer := tmp_path / "newer.asr", {}, {"format": 2})
    status, out, err = transcribed(capsys, newer, fbank.wav)
    assert (status, out) == (1, "")
    assert "has format 2 and this asr_prune reads formats up to 1; update asr_prune." in err
    for wrong in (0, "1", None, 1.5):
        _rewritten(fbank.packed, newer, {}, {"format": wrong})
        with pytest.raises(UserError, match="is damaged or no file of asr-prune pack"):
            PackedFile.open(newer)


def test_parts_that_do_not_belong_there_are_refused(fbank: SimpleNamespace, tmp_path: Path) -> None:
    changed = tmp_path / "changed.asr"
    for name in ("../../evil.txt", "/etc/evil", "run.py", "hmm/../graph/HCLG.fst"):
        _rewritten(fbank.packed, changed, {name: b"x"})
        with pytest.raises(UserError, match="which packed models do not have"):
            PackedFile.open(changed)
    _rewritten(fbank.packed, changed, {})
    with pytest.raises(UserError, match="is damaged or no file of"):  # the seal is missing
        PackedFile.open(changed)
    _rewritten(fbank.packed, changed, {"lang/tokens.txt": b"unlisted"})
    with pytest.raises(UserError, match="is damaged or no file of"):
        PackedFile.open(changed)
    assert list(tmp_path.iterdir()) == [changed]


def test_parts_that_unpack_to_far_more_are_refused(fbank: SimpleNamespace, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.asr"
    _rewritten(fbank.packed, bomb, {"graph/HCLG.fst": bytes(1 << 26)})
    with pytest.raises(UserError, match="would unpack to 67108864 bytes"):
        PackedFile.open(bomb)
    card = PackedFile.open(fbank.packed).card
    card["parts"]["graph/HCLG.fst"] = [1 << 26, "0" * 64]
    _rewritten(fbank.packed, bomb, {"graph/HCLG.fst": bytes(1 << 26)}, card)
    with pytest.raises(UserError, match="would unpack to 67108864 bytes"):
        PackedFile.open(bomb)


def test_folders_in_a_packed_model_can_be_sent_to_other_processes(fbank: SimpleNamespace) -> None:
    graph = PackedFile.open(fbank.packed).root / "graph"
    words = pickle.loads(pickle.dumps(graph)) / "words.txt"
    assert str(words) == f"{fbank.packed}/graph/words.txt"
    assert words.read_text() == (graph / "words.txt").read_text()
    assert not (graph / "absent").is_file()
    with pytest.raises(FileNotFoundError):
        (graph / "absent").read_bytes()


def test_parts_are_those_that_readers_know() -> None:
    assert all(not name.startswith(("/", ".")) and ".." not in name for name in PARTS)


def test_two_models_are_compared(projects: dict[str, Path], capsys: Printed, tmp_path: Path) -> None:
    os.chdir(projects[FBANK])
    assert main(["pack", RUN, str(tmp_path / "a.asr"), "--beside", RUN]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[-3:]] == ["run", "dense", "dense"]
    assert rows[-1].split()[1:5] == rows[-2].split()[1:5]
    assert f"{(tmp_path / 'a.asr').stat().st_size:,}" in rows[-1]


def test_bad_requests_are_one_sentence(
    fbank: SimpleNamespace, projects: dict[str, Path], capsys: Printed, tmp_path: Path
) -> None:
    for option in ("--recipe", "--set"):
        status, out, err = transcribed(capsys, fbank.packed, fbank.wav, option, "seed=2")
        assert (status, out) == (1, "")
        assert f"{option} goes with the folder of a run" in err
    assert "absent.asr is missing" in transcribed(capsys, tmp_path / "absent.asr", fbank.wav)[2]
    os.chdir(projects[FBANK])
    (tmp_path / "mine.asr").write_text("my notes")
    with zipfile.ZipFile(tmp_path / "other.asr", "w") as archive:
        archive.writestr("notes", "mine")
    none = "exists and is no packed model"
    for out, text in (("mine.asr", none), ("other.asr", none), ("a.zip", "ends in .asr")):
        assert main(["pack", RUN, str(tmp_path / out)]) == 1
        assert text in capsys.readouterr().err
    assert (tmp_path / "mine.asr").read_text() == "my notes"
    assert zipfile.ZipFile(tmp_path / "other.asr").namelist() == ["notes"]
    scored = Path(RUN, "score_dev.json")
    scored.rename(tmp_path / "away")
    try:
        assert main(["pack", RUN, str(tmp_path / "b.asr")]) == 1
        assert "run the score stage" in capsys.readouterr().err
    finally:
        (tmp_path / "away").rename(scored)
    assert not (tmp_path / "b.asr").exists()
