from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import soundfile

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError

SCRIPT = Path(__file__).resolve().parents[2] / "local/librispeech.py"
PART = "corpus.options={whole: false}"


@pytest.fixture(scope="session")
def corpus(spoken, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """mini_librispeech's folders: readers with numbers for names, two chapters each, and OpenSLR's lists."""
    root = tmp_path_factory.mktemp("librispeech")
    readers = [own for part in ("train", "dev") for own in spoken.speakers(part).values()]
    write_folder(root / "LibriSpeech/train-clean-5", readers, 100)
    write_folder(root / "LibriSpeech/dev-clean-2", list(spoken.speakers("test").values()), 2000)
    lines = [f"{word}\t{' '.join(phones)}\n" for word, phones in spoken.entries]
    (root / "librispeech-lexicon.txt").write_text("".join(lines))
    (root / "lm").mkdir()
    with gzip.open(root / "lm/3-gram.pruned.3e-7.arpa.gz", "wb") as file:
        file.write(spoken.arpa.read_bytes())
    return root


def write_folder(folder: Path, readers: list, first: int) -> None:
    for reader, utterances in enumerate(readers, first):
        for chapter, own in ((17, utterances[::2]), (904, utterances[1::2])):
            place = folder / str(reader) / str(chapter)
            place.mkdir(parents=True)
            names = [f"{reader}-{chapter}-{number:04d}" for number in range(len(own))]
            for name, utterance in zip(names, own, strict=True):
                soundfile.write(place / f"{name}.flac", utterance.samples, 16000)
            lines = [f"{name} {' '.join(own.words)}\n" for name, own in zip(names, own, strict=True)]
            (place / f"{reader}-{chapter}.trans.txt").write_text("".join(lines))


@pytest.fixture
def script(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("librispeech")


def test_from_features_to_wer(corpus: Path, to_wer: Callable) -> None:
    row = to_wer("librispeech", f"corpus.root={corpus}", "corpus.subset=mini", PART)
    assert row["wer_test"] < 60
    assert row["words_test"] > 50


def test_readers_are_the_speakers_and_no_set_shares_one(corpus: Path, script: ModuleType, tmp_path: Path) -> None:
    script.prepare(corpus, tmp_path, 0, script.Options(subset="mini", whole=False))
    sets = {part: DataDir.read(tmp_path / part) for part in ("train", "dev", "test")}
    assert list(sets["dev"].spk2utt) == ["100", "107"]
    assert list(sets["test"].spk2utt) == ["2000", "2001", "2002"]
    assert len(sets["train"].spk2utt) == 12
    assert [problem for part in sets for problem in validate(tmp_path / part, 16000)] == []
    assert next(iter(sets["test"].wavs)) == "2000-17-0000"


def test_words_without_a_pronunciation_are_told(
    corpus: Path, script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cmudict.dict").write_text("yes Y EH1 S # a comment\nyes(2) Y AE1 S\n;;; more\nno N OW1\n")
    asked = script.Options(subset="mini", whole=False, lexicon=tmp_path / "cmudict.dict", lm="flat")
    script.prepare(corpus, tmp_path / "out", 0, asked)
    assert (tmp_path / "out/local/lexicon.txt").read_text() == "<UNK> SPN\nYES Y EH1 S\nYES Y AE1 S\nNO N OW1\n"
    assert "words of the training text are not in cmudict.dict and count as <UNK>: " in caplog.text
    assert "ngram 1=4" in (tmp_path / "out/local/lm.arpa").read_text()


def test_a_language_model_to_be_estimated_is_not_written(corpus: Path, script: ModuleType, tmp_path: Path) -> None:
    script.prepare(corpus, tmp_path, 0, script.Options(subset="mini", whole=False, lm="text"))
    assert [path.name for path in (tmp_path / "local").iterdir()] == ["lexicon.txt"]


def test_words_without_a_pronunciation_get_one_by_rule(corpus: Path, script: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="pip install 'asr_prune[demo]'")
    (tmp_path / "cmudict").write_text("YES Y EH1 S\n")
    asked = script.Options(subset="mini", whole=False, lexicon=tmp_path / "cmudict", g2p=True)
    script.prepare(corpus, tmp_path / "out", 0, asked)
    lines = (tmp_path / "out/local/lexicon.txt").read_text().splitlines()
    assert {"YES Y EH1 S", "REPEAT R IH0 P IY1 T", "WEAN W IY1 N"} <= set(lines)  # WEAN is in the language model only


def test_a_corpus_that_is_not_whole_names_the_counts(corpus: Path, script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train-clean-5: \d+ utterances instead of 1519; copy the corpus"):
        script.prepare(corpus, tmp_path, 0, script.Options(subset="mini"))
    with pytest.raises(UserError, match=r"train-clean-100 does not exist; unpack train-clean-100.tar.gz"):
        script.prepare(corpus, tmp_path, 0)
    with pytest.raises(UserError, match=r"4-gram.arpa is not in .*openslr.org/11"):
        script.prepare(corpus, tmp_path, 0, script.Options(subset="mini", whole=False, lm="4-gram.arpa"))


def test_files_without_their_other_half_are_counted(
    corpus: Path, script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "copy"
    subprocess.run(["cp", "-r", corpus, root], check=True)
    (root / "LibriSpeech/train-clean-5/100/17/100-17-0000.flac").unlink()
    (root / "LibriSpeech/train-clean-5/101/904/101-904.trans.txt").unlink()
    script.prepare(root, tmp_path / "out", 0, script.Options(subset="mini", whole=False))
    assert "files without a transcript or without audio: 100-17-0000, 101-904-0000, " in caplog.text


@pytest.mark.parametrize("root", [None, "empty"])
def test_without_the_corpus_it_says_where_to_get_it(script: ModuleType, tmp_path: Path, root: str | None) -> None:
    with pytest.raises(UserError, match=r"openslr.org/12 .* CC BY 4.0"):
        script.prepare(tmp_path if root else None, tmp_path / "out", 0)


def test_it_runs_alone(corpus: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])}
    run = [sys.executable, "-m", "asr_prune.local.librispeech", str(corpus), str(tmp_path / "out"), "--subset", "mini"]
    subprocess.run([*run, "--whole", "false"], env=env, check=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dev", "local", "test", "train"]
    for arguments, said in (([], "copy the corpus again"), (["--whole", "perhaps"], "whole: input should be a valid")):
        done = subprocess.run([*run, *arguments], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert said in done.stderr.splitlines()[-1]
