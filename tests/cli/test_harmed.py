"""Files that are missing, damaged or wrong: what is said, and what is not lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from tests.cli.tones import GIVEN, Said, told

pytestmark = pytest.mark.trains

#: a corpus whose lexicon is in Latin-1
LATIN = """
from pathlib import Path
from asr_prune.corpus.script import load_script

def prepare(root, out, seed):
    load_script(Path("{tiny}")).prepare(root, out, seed)
    with open(out / "local/lexicon.txt", "ab") as file:
        file.write("CAF\u00c9 L\\n".encode("latin-1"))
"""


def test_a_missing_file_names_its_stage_and_goes_on_from_there(project: Path, capsys: Said) -> None:
    (project / "data/tiny/train/text").unlink()
    status, said = told(capsys, "align", *GIVEN)
    assert status == 1
    assert said.splitlines() == [
        "asr-prune: align failed: data/tiny/train/text is missing; run the corpus stage, which makes it.",
        "log: exp/tiny/log/align.log",
        "go on with: asr-prune run --recipe recipes/tiny --stage corpus --nj 1",
    ]
    assert main(["corpus", *GIVEN]) == 0
    assert main(["align", *GIVEN]) == 0


@pytest.mark.parametrize(
    ("harmed", "verb", "maker"),
    [
        ("exp/tiny/runs/dense/shrunk/network.pt", "decode", "shrink"),
        ("exp/tiny/runs/dense/model/network.pt", "shrink", "train"),
        ("data/tiny/train/network/feats.ark", "train", "features"),
        ("exp/tiny/align/mono/final.mdl", "graph", "align"),
    ],
)
def test_a_damaged_file_names_its_stage(project: Path, capsys: Said, harmed: str, verb: str, maker: str) -> None:
    (project / harmed).write_bytes((project / harmed).read_bytes()[:1000])
    status, said = told(capsys, verb, *GIVEN)
    assert status == 1
    assert f"{harmed} is damaged: its bytes differ from those that were written" in said
    assert f"or delete it and run asr-prune {maker} again" in said
    (project / harmed).unlink()
    assert main([maker, *GIVEN]) == 0
    assert main([verb, *GIVEN]) == 0


@pytest.mark.parametrize("place", ["exp", "exp/tiny/log", "exp/tiny/runs/dense", "data/tiny/lang"])
def test_a_folder_that_cannot_be_written_is_one_sentence(project: Path, capsys: Said, place: str) -> None:
    shutil.rmtree(project / place)
    (project / place).write_text("a file where a folder should be")
    status, said = told(capsys, "lang" if place.startswith("data") else "train", *GIVEN)
    assert status == 1
    assert "cannot write" in said.splitlines()[0]
    assert "fault" not in said


def test_a_full_disk_is_told_also_where_torch_hides_it(project: Path) -> None:
    """RLIMIT_FSIZE stands for the disk: a write beyond it fails, as one beyond the disk does. -B, since Python would
    leave the byte code of a module that is loaded first here cut short.
    """
    shutil.rmtree(project / "exp/tiny/runs")
    code = (
        "import resource, signal, sys; from asr_prune.cli.main import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); sys.exit(main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-B", "-c", code, "train", *GIVEN], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "cannot write exp/tiny/runs/dense/model/checkpoint.pt: File too large" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert not list(project.rglob("*.partial"))


def test_bad_data_are_counted_and_left_out(project: Path, capsys: Said) -> None:
    audio, text = project / "data/tiny/audio/ann-0.wav", project / "data/tiny/train/text"
    audio.write_bytes(audio.read_bytes()[:5000])
    (text.parent / "SHA256SUMS").unlink()  # changed on purpose
    text.write_text(text.read_text().replace("ann-1 HIGH MID LOW", "ann-1").replace("ann-2 MID", "ann-2 XYZZY"))
    for verb in ("features", "align", "train"):
        assert main([verb, *GIVEN]) == 0
    out = capsys.readouterr().out
    assert "data/tiny/train: 1 of 12 utterances skipped" in out
    lacking = "2 of 15 utterances have no words, or words that the lexicon lacks (1 word: XYZZY (1))"
    assert f"{lacking}, left out: ann-1 ann-2" in out


def test_a_lost_lexicon_is_missed_and_no_reason_to_spell(project: Path, capsys: Said) -> None:
    (project / "data/tiny/local/lexicon.txt").rename(project / "lexicon.txt")
    status, said = told(capsys, "lang", *GIVEN)
    assert status == 1
    assert "local/lexicon.txt is missing; run the corpus stage" in said
    (project / "lexicon.txt").rename(project / "data/tiny/local/lexicon.txt")


def test_a_damaged_score_names_the_stage_that_makes_it(project: Path, capsys: Said) -> None:
    (project / "exp/tiny/runs/dense/score_dev.json").write_text('{"lm_weight": 8')
    status, said = told(capsys, "transcribe", "exp/tiny/runs/dense", "data/tiny/audio/eve-0.wav")
    assert status == 1
    assert "score_dev.json is damaged: its bytes differ from those that were written" in said
    assert "run asr-prune score again" in said
    (project / "exp/tiny/runs/dense/SHA256SUMS").unlink()
    status, said = told(capsys, "transcribe", "exp/tiny/runs/dense", "data/tiny/audio/eve-0.wav")
    assert "score_dev.json is damaged; run the score stage again, or give --lm-weight and --penalty" in said


def test_phones_without_a_lexicon_to_spell_with_are_told(project: Path, capsys: Said) -> None:
    script = f"corpus.prepare={Path(__file__).parent.parent}/stages/spelled.py"
    change = ["--set", script, "--set", "lang.tokens=phones"]
    shutil.rmtree(project / "data")
    shutil.rmtree(project / "exp")
    assert main(["corpus", *GIVEN, *change]) == 0
    status, said = told(capsys, "lang", *GIVEN, *change)
    assert status == 1
    assert "lang.tokens phones takes a lexicon, and the corpus has none" in said


def test_a_lexicon_in_latin_1_is_told_by_the_first_stage_that_reads_it(project: Path, capsys: Said) -> None:
    script = project / "latin.py"
    script.write_text(LATIN.format(tiny=Path(__file__).parent.parent / "stages/tiny.py"))
    change = ["--set", f"corpus.prepare={script}"]
    status, said = told(capsys, "corpus", *GIVEN, *change)
    assert status == 1
    assert "lexicon.txt:4: the byte 0xC9 is not UTF-8; the file looks like Latin-1" in said
