from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError
from asr_prune.recipe.load import load_recipe

GAP = np.zeros(4800, np.int16)
PART = "corpus.options={whole: false}"


def write_release(base: Path, spoken) -> None:  # type: ignore[no-untyped-def]
    """train, dev and test of a release: one talk a speaker, its utterances one after the other."""
    for part in ("train", "dev", "test"):
        for kind in ("sph", "stm"):
            (base / part / kind).mkdir(parents=True)
        for speaker, utterances in spoken.speakers(part).items():
            write_talk(base / part, f"{speaker.title()}_2010", utterances, part == "train")


def write_talk(folder: Path, talk: str, utterances: list, training: bool) -> None:
    """One .sph with a NIST header and one .stm, with all that the real ones hold."""
    lines, pieces, at = [], [GAP, GAP], 0.6
    for i, own in enumerate(utterances):
        end = at + len(own.samples) / 16000
        label = "<o,f0,male>" if training else "<F0_M>"
        text = " ".join(word.lower() + "(2)" * (i == 1 and training) for word in own.words)
        text += f" <sil> ({talk}-{i})" if training else " "
        lines.append(f"{talk} 1 {talk} {at:.2f} {end:.2f} {label} {text}")
        pieces += [own.samples, GAP]
        at = end + 0.3
    ignored = f"{talk} 1 inter_segment_gap 0 0.3 <o,,unknown> ignore_time_segment_in_scoring"
    lines = [ignored, *lines] if not training else [";; made for a test", *lines]
    (folder / f"stm/{talk}.stm").write_text("".join(f"{line}\n" for line in lines))
    soundfile.write(folder / f"sph/{talk}.sph", np.concatenate(pieces), 16000, format="NIST", subtype="PCM_16")


@pytest.fixture(scope="session")
def release1(spoken, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    root = tmp_path_factory.mktemp("ted") / "TEDLIUM_release1"
    write_release(root, spoken)
    write_lists(root.parent / "cantab-TEDLIUM", spoken, "cantab-TEDLIUM.dct")
    return root


@pytest.fixture(scope="session")
def release3(spoken, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    root = tmp_path_factory.mktemp("ted3") / "TEDLIUM_release-3"
    write_release(root / "legacy", spoken)
    write_lists(root, spoken, "TEDLIUM.152k.dic")
    return root


def write_lists(folder: Path, spoken, dictionary: str) -> None:  # type: ignore[no-untyped-def]
    folder.mkdir(exist_ok=True)
    counts: Counter[str] = Counter()
    lines = ["<s> SIL\n", "</s> SIL\n", "<unk> NSN\n"]
    for word, phones in spoken.entries:
        counts[word] += 1
        variant = f"({counts[word]})" if counts[word] > 1 else ""
        lines.append(f"{word.lower()}{variant} {' '.join(phones)}\n")
    (folder / dictionary).write_text("".join(lines))
    (folder / "cantab-TEDLIUM-pruned.lm3").write_text(spoken.arpa.read_text().lower())


@pytest.fixture
def script(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("tedlium")


@pytest.fixture
def stm(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("tedlium_stm")


def test_from_features_to_wer(release1: Path, to_wer: Callable) -> None:
    row = to_wer("tedlium", f"corpus.root={release1}", PART)
    assert row["wer_test"] < 60
    assert row["words_test"] > 50
    assert not list(Path("data").rglob("*.wav"))


@pytest.mark.parametrize("release", [1, 3])
def test_both_layouts_are_read(
    request: pytest.FixtureRequest, script: ModuleType, tmp_path: Path, release: int, spoken
) -> None:  # type: ignore[no-untyped-def]
    root = request.getfixturevalue(f"release{release}")
    assert script.find_release(root)[1] == release
    script.prepare(root, tmp_path, 0, script.Options(whole=False))
    words = {line.split()[0] for line in (tmp_path / "local/lexicon.txt").read_text().splitlines()}
    for part in ("train", "dev", "test"):
        made = DataDir.read(tmp_path / part)
        assert validate(made.path, 16000, words) == []
        expected = [word.lower() for own in spoken.sets[part] for word in own.words]
        assert sorted(word for text in made.text.values() for word in text) == sorted(expected)
        assert set(made.segments) == set(made.text)
    assert {"[NOISE] NSN", "<unk> NSN"} <= set((tmp_path / "local/lexicon.txt").read_text().splitlines())


def test_segments_of_dev_hold_the_utterances(release1: Path, script: ModuleType, tmp_path: Path, spoken) -> None:  # type: ignore[no-untyped-def]
    from asr_prune.corpus.audio import read_audio

    script.prepare(release1, tmp_path, 0, script.Options(whole=False))
    dev = DataDir.read(tmp_path / "dev")
    speaker, (first, *_) = next(iter(spoken.speakers("dev").items()))
    key = min(key for key in dev.text if key.lower().startswith(speaker))
    samples, _ = read_audio(dev.wavs[key], 16000, dev.segments[key])
    assert abs(len(samples) - len(first.samples)) <= 160
    assert key == f"{speaker.title()}_2010-0000060-{round(100 * (0.6 + len(first.samples) / 16000)):07d}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("it 's what you 're saying", "it's what you're saying"),
        ("the(2) end <sil> (Talk_2010-1)", "the end"),
        ("{NOISE} well {UH}", "[NOISE] well [UH]"),
        ("'cause we can", "'cause we can"),
        ("you 'd 've", "you'd 've"),
        ("<unk> (laughter)", "<unk>"),
        ("", ""),
    ],
)
def test_transcripts_are_cleaned_as_kaldi_does(stm: ModuleType, text: str, words: str) -> None:
    assert stm.clean(text) == words.split()


def test_padding_never_reaches_the_neighbour(stm: ModuleType) -> None:
    lines = [stm.Line("t", *times, ["a"]) for times in ((0.1, 1.0), (1.1, 2.0), (2.0, 3.0), (2.5, 4.0), (9.0, 10.0))]
    times = stm.padded(lines)
    assert times[0] == (0.0, pytest.approx(1.04))
    assert times[1] == (pytest.approx(1.04), 2.0)
    assert times[2] == (2.0, 3.0)
    assert times[3] == (2.5, pytest.approx(4.1))
    assert times[4] == (pytest.approx(8.85), pytest.approx(10.1))


def test_what_cannot_be_used_is_counted(stm: ModuleType, tmp_path: Path) -> None:
    lines = [
        ";; a comment",
        "T 1 T 5.0 6.0 <o,f0,male> later",
        "T 1 T 1.0 2.0 <o,f0,male> sooner",
        "T 1 T 3.0 2.0 <o,f0,male> backwards",
        "T 1 T 3.0 x <o,f0,male> no time",
        "T 1 T 3.0 inf <o,f0,male> no end",
        "T 1 T nan 4.0 <o,f0,male> no begin",
        "T 1 T 3.0 4.0 no label",
        "T 1 T",
        "T 1 T 3.0 4.0 <o,f0,male> <sil>",
        "T 1 T 7.0 8.0 <o,,unknown> ignore_time_segment_in_scoring",
    ]
    (tmp_path / "T.stm").write_text("\n".join(lines))
    left_out: Counter[str] = Counter()
    assert [line.words for line in stm.read_stm(tmp_path / "T.stm", left_out)] == [["sooner"], ["later"]]
    assert {key: count for key, count in left_out.items() if count} == {
        "out of order, put in order": 1,
        "that end before they begin": 1,
        "without talk, times and label": 5,
        "without words": 1,
        "not transcribed": 1,
    }


def test_a_talk_without_audio_and_a_segment_outside_are_told(
    script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoken
) -> None:  # type: ignore[no-untyped-def]
    root = tmp_path / "TEDLIUM_release1"
    write_release(root, spoken)
    write_lists(root, spoken, "TEDLIUM.150K.dic")
    first, second = sorted((root / "dev/stm").glob("*.stm"))
    (root / f"dev/sph/{first.stem}.sph").unlink()
    lines = second.read_text() + f"{second.stem} 1 X 900 901 <F0_M> yes\nOther 1 X 1 2 <F0_M> yes\n"
    second.write_text(lines)
    script.prepare(root, tmp_path / "out", 0, script.Options(whole=False))
    assert f"1 talk without audio: {first.stem}" in caplog.text
    assert "1 line of another talk" in caplog.text
    (told,) = validate(tmp_path / "out/dev")
    assert "1 beyond-the-end segment" in told


def test_another_layout_and_a_part_are_one_sentence(release1: Path, script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"release 1: \d+ train segments instead of 56803, .*whole=false"):
        script.prepare(release1, tmp_path, 0)
    with pytest.raises(UserError, match=r"CC BY-NC-ND 3.0"):
        script.prepare(None, tmp_path, 0)
    with pytest.raises(UserError, match=r"is not TED-LIUM: it has neither train/stm nor legacy/train/stm"):
        script.prepare(tmp_path, tmp_path / "out", 0)
    (tmp_path / "train").mkdir()
    with pytest.raises(UserError, match=r"train/stm does not exist; unpack the corpus again"):
        script.prepare(tmp_path, tmp_path / "out", 0)
    with pytest.raises(UserError, match=r"other.lm is neither there nor above"):
        script.prepare(release1, tmp_path, 0, script.Options(whole=False, lm="other.lm"))
    script.prepare(release1, tmp_path / "estimated", 0, script.Options(whole=False, lm="text"))
    assert [path.name for path in (tmp_path / "estimated/local").iterdir()] == ["lexicon.txt"]


def test_the_runs_are_the_papers_networks() -> None:
    runs = load_recipe(Path(__file__).parents[2] / "recipes/tedlium").runs()
    found = {(run.network.hidden[0], run.prune.method, getattr(run.prune, "vectors", None)) for run in runs}
    kinds = {("none", None), ("group_lasso", "outgoing"), ("group_lasso", "incoming"), ("l2", "outgoing")}
    assert found == {(width, *kind) for width in (2048, 4096) for kind in kinds}
    assert {run.network.activation for run in runs} == {"sigmoid"}
