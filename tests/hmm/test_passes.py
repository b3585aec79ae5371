"""The monophone pass on a toy corpus with known alignments, and on some of AN4."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune import progress
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import load_script
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.features.extract import extract
from asr_prune.features.load import load
from asr_prune.features.options import FeaturesOptions
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.labelling import Labeller
from asr_prune.hmm.labels import read_labels
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.mono import train_mono
from asr_prune.hmm.options import HmmOptions, LdaMlltOptions, MonoOptions, SatOptions, TriOptions
from asr_prune.hmm.pass_files import TIMES, pass_files
from asr_prune.hmm.passes import Speech, _previous, train_pass, train_passes
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.lang import Lang
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

pytestmark = pytest.mark.trains

BEAMS = {"initial_beam": 50.0, "beam": 50.0, "retry_beam": 200.0, "acoustic_scale": 1.0}  # two features, not 39
QUICK = HmmOptions(passes=(MonoOptions(iterations=8, grow_iterations=5, gaussians=40, **BEAMS),))


def speech(toy: Any, feats: dict[str, np.ndarray] | None = None) -> Speech:
    return Speech(toy.feats if feats is None else feats, toy.text, {}, 0)


def phones_of(labels: np.ndarray, folder: Path, lang: Path) -> list[str]:
    names = {i: name for name, i in Lang.read(lang).phones.items()}
    transitions = HmmModel.load(folder).transitions
    return [names[transitions.transition_id_to_phone(int(i))] for i in labels]


def test_finds_the_phones_and_keeps_its_files(toy: Any, tmp_path: Path) -> None:
    (summary,) = train_passes(toy.lang, speech(toy), tmp_path, QUICK, 0)
    folder = tmp_path / "mono"
    ids, pdfs = read_labels(folder / "ali.scp"), read_labels(folder / "pdf.scp")
    assert ids.keys() == pdfs.keys() == toy.feats.keys()
    assert (summary.failed, summary.oov) == ([], [])
    right = total = 0
    for utt, frames in toy.phones.items():
        found = phones_of(ids[utt], folder, toy.lang)
        right += sum(a == b for a, b in zip(found, frames, strict=True))
        total += len(frames)
        assert pdfs[utt].max() < summary.pdfs
    assert right / total > 0.95
    assert json.loads((folder / "summary.json").read_text())["gaussians"] == summary.gaussians
    assert f"states={summary.pdfs} gauss={summary.gaussians}" in str(summary)
    assert "[retry=0.0%, fail=0.0%]" in str(summary)


def test_what_comes_before_the_first_iteration_is_announced(
    toy: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "_MINUTE", -1.0)
    with caplog.at_level(logging.INFO):
        train_passes(toy.lang, speech(toy), tmp_path, QUICK, 0)
    assert "flat start from 40 utterances: training graphs, then 7 iterations" in caplog.messages[0]
    said = capsys.readouterr().err
    steps = [said.index(f"  {label}: 39 of 40 in ") for label in ("training graphs", "first alignment, the longest")]
    assert steps[0] < steps[1] < said.index("  monophones: 1 of 7 in ")
    assert said.count("first alignment, the longest: 39") == 1


def test_same_seed_same_labels(toy: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train_passes(toy.lang, speech(toy), tmp_path / name, QUICK, 3)
    for file in ("ali.ark", "pdf.ark", "final.mdl", "tree"):
        assert (tmp_path / "one/mono" / file).read_bytes() == (tmp_path / "two/mono" / file).read_bytes()


def chain() -> HmmOptions:
    """All four kinds of pass, small."""
    few: dict[str, Any] = {"iterations": 6, "grow_iterations": 4, "realign": (2, 4), "gaussians": 40, "leaves": 12}
    tied: dict[str, Any] = {**few, "beam": 50.0, "retry_beam": 200.0, "acoustic_scale": 1.0}
    reduced = LdaMlltOptions(dim=4, mllt_iterations=(2, 4), **tied)
    return HmmOptions(passes=(*QUICK.passes, TriOptions(**tied), reduced, SatOptions(fmllr_iterations=(2, 4), **tied)))


def test_same_seed_same_labels_through_the_whole_chain(toy: Any, tmp_path: Path) -> None:
    speakers = {utt: f"speaker{i % 2}" for i, utt in enumerate(sorted(toy.feats))}
    for name in ("one", "two"):
        summaries = train_passes(toy.lang, Speech(toy.feats, toy.text, speakers, 0), tmp_path / name, chain(), 3)
        assert [len(summary.failed) for summary in summaries] == [0, 0, 0, 0]
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    passes = chain().passes
    told = [path for i, own in enumerate(passes) for path in pass_files(Path(own.type), own, passes[:i])]
    assert set(told) <= set(files)
    assert {path.name for path in set(files) - set(told)} <= {"ali.scp", "pdf.scp", TIMES}
    for file in files:
        if file.name in ("ali.ark", "pdf.ark", "final.mdl", "final.alimdl", "tree", "final.mat", "trans.ark"):
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_a_pass_on_deltas_between_two_others_gives_the_front_end(toy: Any, tmp_path: Path) -> None:
    mono, tri, reduced, sat = chain().passes
    passes = (mono, reduced, tri, sat)
    speakers = {utt: f"speaker{i % 2}" for i, utt in enumerate(sorted(toy.feats))}
    train_passes(toy.lang, Speech(toy.feats, toy.text, speakers, 0), tmp_path, HmmOptions(passes=passes), 3)
    for i, own in enumerate(passes):
        folder = tmp_path / own.type
        assert {path.name for path in folder.iterdir()} - {"ali.scp", "pdf.scp", TIMES} == {
            path.name for path in pass_files(folder, own, passes[:i])
        }


def some(options: HmmOptions, *changes: dict[str, int]) -> HmmOptions:
    """The same passes on subsets."""
    pairs = zip(options.passes, changes, strict=True)
    return HmmOptions(passes=tuple(replace(own, **more) for own, more in pairs))


def test_passes_on_subsets_label_what_follows_and_the_last_one_all(toy: Any, tmp_path: Path) -> None:
    speakers = {utt: f"speaker{i % 4}" for i, utt in enumerate(sorted(toy.feats))}
    options = some(chain(), {"shortest": 16}, {"utterances": 20}, {"utterances": 28}, {"utterances": 24})
    toy_speech = Speech(toy.feats, toy.text, speakers, 0)
    summaries = train_passes(toy.lang, toy_speech, tmp_path, options, 3)
    assert [summary.utterances for summary in summaries] == [16, 20, 28, 40]
    labels = [read_labels(tmp_path / name / "pdf.ark") for name in ("mono", "tri", "lda_mllt", "sat")]
    assert [len(own) for own in labels] == [16, 20, 28, 40]
    shortest = sorted(len(own) for own in toy.feats.values())[:16]
    assert sorted(len(own) for own in labels[0].values()) == shortest
    transforms = dict(read_matrices(tmp_path / "sat/trans.scp"))
    assert sorted(transforms) == sorted(set(speakers.values()))
    assert summaries[-1].frames == sum(map(len, toy.feats.values()))
    ids = read_labels(tmp_path / "sat/ali.ark")
    right = total = 0
    for utt, frames in toy.phones.items():
        found = phones_of(ids[utt], tmp_path / "sat", toy.lang)
        right, total = right + sum(a == b for a, b in zip(found, frames, strict=True)), total + len(frames)
    assert right / total > 0.9


def test_a_pass_labels_what_the_next_is_trained_on(toy: Any, tmp_path: Path) -> None:
    """The monophones saw 16 of 40 utterances, and label the 24 others like any that they did not see."""
    mono = replace(QUICK.passes[0], shortest=16)
    train_passes(toy.lang, speech(toy), tmp_path, HmmOptions(passes=(mono,)), 3)
    train_pass(toy.lang, speech(toy), tmp_path / "few", mono, None, 3, label_all=False)
    data = JoinedUtterances.join(toy.feats)
    loaded = _previous(tmp_path / "few", Lang.read(toy.lang), data, mono, speech(toy))
    stored = read_labels(tmp_path / "mono/ali.ark")
    assert len(read_labels(tmp_path / "few/ali.ark")) == 16
    assert loaded.alignment.failed == []
    for utt, rows in data.rows().items():
        np.testing.assert_array_equal(loaded.alignment.ids[rows], stored[utt])


def test_a_pass_labels_others_as_it_labels_its_own(toy: Any, tmp_path: Path) -> None:
    """The final model gives some of the utterances the same labels again."""
    (summary,) = train_passes(toy.lang, speech(toy), tmp_path, QUICK, 0)
    tables, own = Lang.read(toy.lang), QUICK.passes[0]
    trained = TrainedPass.load(tmp_path / "mono", JoinedUtterances.join(toy.feats).through(FrontEnd()))
    labeller = Labeller(tables, trained, own, toy.feats, toy.text, {})
    stored = read_labels(tmp_path / "mono/ali.ark")
    found = dict(labeller.over(sorted(toy.feats)[::3]))
    assert sorted(found) == sorted(toy.feats)[::3]
    for utt, ids in found.items():
        np.testing.assert_array_equal(ids, stored[utt])
    assert labeller.tally.frames == sum(map(len, found.values()))
    assert labeller.tally.loglike / labeller.tally.frames == pytest.approx(summary.align_prob, rel=0.1)


@pytest.mark.parametrize("kind", ["tri", "lda_mllt", "sat"])
def test_every_kind_of_pass_labels_others_as_its_own(toy: Any, tmp_path: Path, kind: str) -> None:
    speakers = {utt: f"speaker{i % 2}" for i, utt in enumerate(sorted(toy.feats))}
    options = replace(chain(), stop_after=kind)
    *_, summary = train_passes(toy.lang, Speech(toy.feats, toy.text, speakers, 0), tmp_path, options, 3)
    trained = TrainedPass.load(tmp_path / kind, JoinedUtterances.join(toy.feats))
    known = dict(trained.transforms or {})
    labeller = Labeller(Lang.read(toy.lang), trained, options.run[-1], toy.feats, toy.text, speakers, known)
    stored = read_labels(tmp_path / kind / "ali.ark")
    for utt, ids in labeller.over(toy.feats):
        np.testing.assert_array_equal(ids, stored[utt])
    assert labeller.tally.loglike / labeller.tally.frames == pytest.approx(summary.align_prob, abs=0.01)


def test_speakers_of_others_are_adapted_by_the_options_of_the_pass(toy: Any, tmp_path: Path) -> None:
    speakers = dict.fromkeys(toy.feats, "speaker")
    train_passes(toy.lang, Speech(toy.feats, toy.text, speakers, 0), tmp_path, chain(), 3)
    trained = TrainedPass.load(tmp_path / "sat", JoinedUtterances.join(toy.feats))
    for least, is_adapted in ((10**6, False), (1, True)):
        options = replace(chain().run[-1], fmllr_min_frames=least)
        labeller = Labeller(Lang.read(toy.lang), trained, options, toy.feats, toy.text, dict.fromkeys(toy.feats, "new"))
        assert len(dict(labeller.over(toy.feats))) == len(toy.feats)
        (made,) = labeller.transforms.values()
        assert np.array_equal(made, np.eye(*made.shape)) != is_adapted


def test_the_start_that_fits_best_goes_on(toy: Any, tmp_path: Path) -> None:
    """Two starts of seed 1 are the single starts of seeds 2 and 3."""
    job = PassInput(Lang.read(toy.lang), JoinedUtterances.join(toy.feats), toy.text, [], 1, FrontEnd())
    mono = QUICK.passes[0]
    assert isinstance(mono, MonoOptions)
    alone = [train_mono(replace(job, seed=seed), mono) for seed in (2, 3)]
    both = train_mono(job, replace(mono, starts=2, start_iterations=7))
    best = max(alone, key=lambda trained: trained.alignment.loglike)
    np.testing.assert_array_equal(both.model.gmms.means_invvars, best.model.gmms.means_invvars)
    np.testing.assert_array_equal(both.alignment.ids, best.alignment.ids)


def test_unusable_utterances_are_left_out(toy: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A word without pronunciation, no transcript at all, and audio too short for its words."""
    text = {**toy.text, "utt01": ["ELEPHANT"], "utt02": []}
    feats = {**toy.feats, "utt03": toy.feats["utt03"][:5], "extra": toy.feats["utt04"]}
    with caplog.at_level(logging.WARNING):
        (summary,) = train_passes(toy.lang, Speech(feats, text, {}, 0), tmp_path, QUICK, 0)
    assert summary.oov == ["extra", "utt01", "utt02"]
    assert summary.failed == ["utt03"]
    assert not {"extra", "utt01", "utt02", "utt03"} & read_labels(tmp_path / "mono/pdf.scp").keys()
    assert "utt03" in caplog.text
    assert "utt01" in caplog.text


def test_nothing_to_train_on(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="40 of 40 utterances have no words"):
        train_passes(toy.lang, Speech(toy.feats, {}, {}, 0), tmp_path, QUICK, 0)
    short = {utt: matrix[:4] for utt, matrix in toy.feats.items()}
    with pytest.raises(UserError, match="aligned"):
        train_passes(toy.lang, speech(toy, short), tmp_path, QUICK, 0)
    flat = {utt: np.hstack([matrix, np.ones((len(matrix), 1), np.float32)]) for utt, matrix in toy.feats.items()}
    with pytest.raises(UserError, match="never changes"):
        train_passes(toy.lang, speech(toy, flat), tmp_path, QUICK, 0)
    assert not (tmp_path / "mono").exists()


def test_features_not_finite(toy: Any, tmp_path: Path) -> None:
    broken = toy.feats["utt05"].copy()
    broken[3, 1] = np.nan
    with pytest.raises(UserError, match="utt05"):
        train_passes(toy.lang, speech(toy, {**toy.feats, "utt05": broken}), tmp_path, QUICK, 0)


def test_model_and_tree_that_do_not_fit(toy: Any, tmp_path: Path) -> None:
    train_passes(toy.lang, speech(toy), tmp_path, QUICK, 0)
    model = HmmModel.load(tmp_path / "mono")
    small = replace(model.gmms, offsets=model.gmms.offsets[:-1])
    HmmModel(model.tree, model.transitions, small).save(tmp_path / "mono")
    with pytest.raises(UserError, match="align stage"):
        HmmModel.load(tmp_path / "mono")


@pytest.mark.parametrize("wrong", [{"beam": 0.0}, {"retry_beam": 5.0}, {"gaussians": 0}])
def test_options_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MonoOptions(**wrong)


@pytest.fixture(scope="module")
def an4(
    an4_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, np.ndarray], dict[str, list[str]]]:
    """Lang, features and transcripts of 60 utterances of AN4, spread over its speakers."""
    folder = tmp_path_factory.mktemp("an4")
    load_script(Path(__file__).parents[2] / "local/an4.py").prepare(an4_root, folder, 0)
    data, few = DataDir.read(folder / "train"), DataDir(folder / "few")
    for utt in sorted(data.wavs)[::14]:
        few.wavs[utt], few.text[utt], few.utt2spk[utt] = data.wavs[utt], data.text[utt], data.utt2spk[utt]
    few.write()
    options = replace(FeaturesOptions().hmm, deltas=0)
    extract(few.path, few.path, options, 1)
    prepare_lang(folder / "local/lexicon.txt", folder / "lang", LangOptions())
    return folder / "lang", load(few.path, options, few.utt2spk), few.text


def test_human_speech_begins_and_ends_in_silence(an4: tuple, tmp_path: Path) -> None:
    lang, feats, text = an4
    options = HmmOptions(passes=(MonoOptions(iterations=10, grow_iterations=8, gaussians=200),))
    (summary,) = train_passes(lang, Speech(feats, text, {}), tmp_path, options, 0)
    assert summary.failed == []
    assert -110 < summary.align_prob < -80
    labels = {
        utt: phones_of(ids, tmp_path / "mono", lang) for utt, ids in read_labels(tmp_path / "mono/ali.ark").items()
    }
    assert all(len(labels[utt]) == len(feats[utt]) for utt in feats)
    ends = [phone for phones in labels.values() for phone in (phones[0], phones[-1])]
    assert ends.count("SIL") > 0.8 * len(ends)
