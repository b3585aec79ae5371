from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir, read_table
from asr_prune.corpus.segments import Segment
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.features.extract import extract
from asr_prune.features.options import FeaturesOptions
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

LANG = LangOptions(position_dependent=True)


@pytest.fixture(scope="session")
def s5(spoken, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """A recipe's folder: train with pipes in wav.scp and features, test with segments and features, lang_test."""
    root = tmp_path_factory.mktemp("kaldi") / "s5"
    everyone = [own for part in ("train", "dev") for own in spoken.sets[part]]
    train, test = DataDir(root / "data/train"), DataDir(root / "data/test")
    (root / "wav").mkdir(parents=True)
    for own in everyone:
        key = f"{own.speaker}-{own.name}"
        soundfile.write(root / f"wav/{key}.wav", own.samples, 16000)
        train.wavs[key], train.text[key], train.utt2spk[key] = str(root / f"wav/{key}.wav"), own.words, own.speaker
    for speaker, utterances in spoken.speakers("test").items():
        place = str(root / f"wav/{speaker}.wav")
        soundfile.write(place, np.concatenate([own.samples for own in utterances]), 16000)
        at = 0.0
        for own in utterances:
            key, end = f"{speaker}-{own.name}", at + len(own.samples) / 16000
            test.wavs[key], test.text[key], test.utt2spk[key] = place, own.words, speaker
            test.segments[key], at = Segment(speaker, at, end), end
    for data in (train, test):
        data.write()
        make_feats(root, data.path)
    lines = [f"{key} cat wav/{key}.wav |\n" for key in sorted(train.wavs)]
    (train.path / "wav.scp").write_text("".join(lines))
    prepare_lang(spoken.lexicon, root / "data/lang_test", LANG)
    make_grammar(spoken.arpa, root / "data/lang_test")
    return root


def make_feats(root: Path, data: Path) -> None:
    """Features in root/mfcc, named from the root as Kaldi's scripts may name them."""
    out = root / "mfcc" / data.name
    extract(data, out, FeaturesOptions().hmm, 1)
    for name in ("feats.scp", "cmvn.scp"):
        (data / name).write_text((out / name).read_text().replace(f"{root}/", ""))


@pytest.fixture
def script(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("kaldi")


def test_from_features_to_wer_and_again_from_alignments(s5: Path, to_wer: Callable, tmp_path: Path) -> None:
    given = [f"corpus.root={s5}", f"lang.folder={s5}/data/lang_test"]
    row = to_wer("kaldi", *given)
    assert row["wer_test"] < 60
    assert not Path("data/kaldi/train/wav.scp").exists()
    assert Path("data/kaldi/train/feats.scp").exists()
    assert main(["export-kaldi", "exp/kaldi/align/mono", str(tmp_path / "ali"), "--nj", "2"]) == 0
    again = to_wer("kaldi", *given, f"hmm.labels={tmp_path}/ali")
    assert again["wer_test"] < 60
    taken = (Path("exp/kaldi/align/kaldi/pdf.ark"), Path("exp/kaldi/align/mono/pdf.ark"))
    assert taken[0].read_bytes() == taken[1].read_bytes()


def test_features_are_taken_and_speakers_held_out(s5: Path, script: ModuleType, tmp_path: Path) -> None:
    script.prepare(s5, tmp_path, 0)
    sets = {part: DataDir.read(tmp_path / part) for part in ("train", "dev", "test")}
    speakers = {part: set(data.utt2spk.values()) for part, data in sets.items()}
    assert len(speakers["dev"]) == 2
    assert not speakers["dev"] & speakers["train"]
    assert sets["dev"].wavs == {}
    assert sets["test"].segments.keys() == sets["test"].text.keys()
    for part, data in sets.items():
        found = dict(read_matrices(tmp_path / f"given/{part}/feats.scp"))
        assert found.keys() == data.text.keys()
        assert set(read_table(tmp_path / f"given/{part}/cmvn.scp")) == speakers[part]


def test_a_dictionary_folder_is_taken(s5: Path, script: ModuleType, tmp_path: Path) -> None:
    folder = s5 / "data/local/dict"
    folder.mkdir(parents=True)
    (folder / "lexicon.txt").write_text("A AH\nA EY\n")
    (folder / "lexiconp.txt").write_text("A 1.0 AH\nA 0.25 EY\n")
    options = script.Options(lexicon=Path("data/local/dict"))
    assert folder in script.sources(s5, options)
    script.prepare(s5, tmp_path / "out", 0, options)
    assert (tmp_path / "out/local/lexiconp.txt").read_text() == "A 1.0 AH\nA 0.25 EY\n"
    assert not (tmp_path / "out/local/lexicon.txt").exists()


def test_pipes_beside_features_are_left_out_and_the_way_to_run_them_told(
    s5: Path, script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script.prepare(s5, tmp_path / "out", 0)
    assert "wav.scp with its pipes is left out; to compute features from its audio, set corpus.options.pipes=true" in (
        caplog.text
    )
    assert not DataDir.read(tmp_path / "out/train").wavs


def test_pipes_are_refused_unless_allowed(s5: Path, script: ModuleType, tmp_path: Path) -> None:
    root = tmp_path / "s5"
    shutil.copytree(s5, root)
    for part in ("train", "test"):
        (root / f"data/{part}/feats.scp").unlink()
    with pytest.raises(UserError, match=r"is a pipe \(cat wav/.*allow it: corpus.options.pipes=true"):
        script.prepare(root, tmp_path / "out", 0)
    script.prepare(root, tmp_path / "out", 0, script.Options(pipes=True))
    train = DataDir.read(tmp_path / "out/train")
    for key, place in train.wavs.items():
        assert Path(place).read_bytes() == (root / f"wav/{key}.wav").read_bytes()
    table = read_table(root / "data/train/wav.scp")
    first = next(iter(table))
    lines = [f"{key} {'cat nowhere |' if key == first else line}\n" for key, line in table.items()]
    (root / "data/train/wav.scp").write_text("".join(lines))
    with pytest.raises(UserError, match=r"the command `cat nowhere` of wav.scp failed: cat: nowhere: No such file"):
        script.prepare(root, tmp_path / "out", 0, script.Options(pipes=True))


def test_what_does_not_fit_is_told(
    s5: Path, script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "s5"
    shutil.copytree(s5, root)
    lines = (root / "data/test/text").read_text().splitlines(keepends=True)
    (root / "data/test/text").write_text("".join(lines[1:]))
    script.prepare(root, tmp_path / "out", 0)
    assert (
        f"1 utterance not in all of text, utt2spk, segments, feats.scp, left out: {lines[0].split()[0]}" in caplog.text
    )
    with pytest.raises(UserError, match=r"data/train_si284 does not exist; name the data directories"):
        script.prepare(s5, tmp_path / "out", 0, script.Options(train=Path("data/train_si284")))
    with pytest.raises(UserError, match="this recipe needs data directories made by Kaldi"):
        script.prepare(None, tmp_path / "out", 0)


def test_a_lang_folder_that_is_not_whole_is_one_sentence(
    s5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(s5 / "data/lang_test", tmp_path / "lang")
    (tmp_path / "lang/G.fst").unlink()
    given = [
        "--recipe",
        "recipes/kaldi",
        "--set",
        f"name=lang_{tmp_path.name}",
        "--set",
        f"lang.folder={tmp_path}/lang",
    ]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").symlink_to(Path(__file__).parents[2] / "recipes")
    assert main(["lang", *given]) == 1
    assert "lang/G.fst is missing; " in capsys.readouterr().err


def test_text_and_lexicon_in_one_letter_case(s5: Path, script: ModuleType, spoken, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for case, changed in (("lower", str.lower), ("upper", str.upper), ("keep", str)):
        options = script.Options(lexicon=spoken.lexicon, case=case)
        script.prepare(s5, tmp_path, 0, options)
        words = [line.split()[0] for line in (tmp_path / "local/lexicon.txt").read_text().splitlines()]
        assert words == [changed(word) for word in words]
        spoken_words = {word for words in DataDir.read(tmp_path / "train").text.values() for word in words}
        assert spoken_words <= set(words)


def test_words_without_a_pronunciation_by_rule(s5: Path, script: ModuleType, spoken, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lines = Path(spoken.lexicon).read_text().splitlines(True)
    some = tmp_path / "some.txt"
    said = {word for own in spoken.sets["train"] for word in own.words}
    lost = next(line for line in lines if line.split()[0] in said)
    some.write_text("".join(line for line in lines if line != lost))
    script.prepare(s5, tmp_path / "out", 0, script.Options(lexicon=some, g2p=True))
    words = {line.split()[0] for line in (tmp_path / "out/local/lexicon.txt").read_text().splitlines()}
    assert lost.split()[0] in words
    with pytest.raises(ValueError, match="g2p completes a lexicon file"):
        script.Options(g2p=True)


@pytest.mark.parametrize("content", [None, ""])
def test_a_test_set_without_text(s5: Path, script: ModuleType, tmp_path: Path, content: str | None) -> None:
    root = tmp_path / "s5"
    shutil.copytree(s5, root)
    (root / "data/test/text").unlink()
    if content is not None:
        (root / "data/test/text").write_text(content)
    script.prepare(root, tmp_path / "out", 0)
    test = DataDir.read(tmp_path / "out/test")
    assert test.silent
    assert len(test.text) == len(read_table(root / "data/test/utt2spk"))
    (root / "data/train/text").unlink()
    with pytest.raises(UserError, match=r"train/text is missing; correct its path"):
        script.prepare(root, tmp_path / "out", 0)


def test_wav_archives_channels_and_ranges_are_read_as_kaldi_reads_them(
    s5: Path, script: ModuleType, tmp_path: Path
) -> None:
    root = tmp_path / "s5"
    shutil.copytree(s5, root)
    lines, content = [], b""
    for key in read_table(root / "data/train/wav.scp"):
        content += f"{key} ".encode()
        lines.append(f"{key} wav/all.ark:{len(content)}\n")
        content += (root / f"wav/{key}.wav").read_bytes()
    (root / "wav/all.ark").write_bytes(content)
    (root / "data/train/wav.scp").write_text("".join(lines))
    segments = read_table(root / "data/test/segments")
    (root / "data/test/segments").write_text("".join(f"{key} {line} 0\n" for key, line in segments.items()))
    feats = read_table(root / "data/test/feats.scp")
    (root / "data/test/feats.scp").write_text("".join(f"{key} {place}[2:11,0:4]\n" for key, place in feats.items()))
    script.prepare(root, tmp_path / "out", 0)
    train, test = (DataDir.read(tmp_path / "out" / part) for part in ("train", "test"))
    for key, place in train.wavs.items():
        np.testing.assert_array_equal(read_audio(place)[0], read_audio(root / f"wav/{key}.wav")[0])
    assert {own.channel for own in test.segments.values()} == {1}
    whole = dict(read_matrices(s5 / "data/test/feats.scp"))
    for key, matrix in read_matrices(tmp_path / "out/given/test/feats.scp"):
        np.testing.assert_array_equal(matrix, whole[key][2:12, :5])


def test_segments_that_cannot_be_read_are_left_out_and_counted(
    s5: Path, script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "s5"
    shutil.copytree(s5, root)
    (root / "data/test/feats.scp").unlink()
    table = read_table(root / "data/test/segments")
    odd = dict(zip(table, ("", "nowhere 0 1"), strict=False))
    (root / "data/test/segments").write_text("".join(f"{key} {line}\n" for key, line in (table | odd).items()))
    script.prepare(root, tmp_path / "out", 0)
    assert DataDir.read(tmp_path / "out/test").segments.keys() == table.keys() - odd.keys()
    assert "2 segments not `recording start end`, or of a recording that wav.scp lacks, left out" in caplog.text
