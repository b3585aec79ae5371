"""Cross-validation: nothing of a fold's test speakers reaches what is tested on them, and the
figures of all folds are those of one test set.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.features.load import load
from asr_prune.hmm.labels import read_labels
from asr_prune.layout import SETS, Layout
from asr_prune.recipe.load import load_recipe
from asr_prune.run_dir import RunDir
from asr_prune.score.bootstrap import interval
from asr_prune.score.table import read_utterances
from asr_prune.stages import STAGES, all_works
from asr_prune.workflow.experiment import Experiment, experiment_of
from asr_prune.workflow.work import Files, Work, plain

COUNT = 3
FOLDED = f"corpus.folds={COUNT}"
GIVEN = ["--recipe", "recipes/tiny", "--nj", "1", "--set", FOLDED]
EXP = Path("exp/tiny/folds-3")
SAT = [
    "features.network={type: hmm}",
    "hmm.passes=[{type: mono}, {type: tri}, {type: sat}]",
    "decode.type=hmm",
]


def works(*sets: str) -> list[Work]:
    return all_works(Experiment(load_recipe("recipes/tiny", [FOLDED, *sets])))


def read(work: Work) -> list[Path]:
    """Everything that a work may read."""
    optional = [item.root if isinstance(item, Files) else item for item in work.optional]
    return [*work.inputs, *(path for path in optional if isinstance(path, Path))]


@pytest.mark.parametrize("sets", [[], SAT, ["decode.type=ctc", "decode.search=graph", "lang.tokens=phones"]])
def test_a_fold_reads_itself_and_what_no_speaker_taught(tones: Path, sets: list[str]) -> None:
    """Besides its own folders: lexicon and language model of the corpus, and single utterances'
    features.
    """
    shared = [Path("data/tiny/local"), *(Path(f"data/tiny/{part}") for part in SETS)]
    mine = [work for work in works(*sets) if work.fold.isdecimal()]
    assert {work.fold for work in mine} == {"1", "2", "3"}
    for work in mine:
        home = Layout(f"tiny/folds-3/{work.fold}")
        for path in (*read(work), *work.outputs):
            own = path.is_relative_to(home.data) or path.is_relative_to(home.exp)
            assert own or any(path.is_relative_to(folder) for folder in shared), (work.title, path)
            if not own and work.stage not in ("corpus", "features"):
                assert path.name == "feats.ark" or path.parent == shared[0], (work.title, path)
        assert all(path.is_relative_to(home.data) or path.is_relative_to(home.exp) for path in work.outputs)
        assert work.home.is_relative_to(home.exp)


def test_a_fold_that_trains_again_outdates_the_figures_of_all_folds(tones: Path) -> None:
    pooled = {work.run: work.outputs for work in works() if work.fold == "pooled" and work.stage == "score"}
    training = [work for work in works() if work.stage == "train"]
    assert len(training) == COUNT * len(pooled) > 0
    for work in training:
        here, *_, together = work.outdates
        assert here.is_relative_to(EXP / work.fold)
        assert together in pooled[work.run]


def test_all_methods_and_seeds_have_the_same_folds(tones: Path) -> None:
    def divisions(*sets: str) -> list[object]:
        return [plain(work.arguments) for work in works(*sets) if work.stage == "corpus" and work.fold]

    usual = divisions()
    assert len(usual) == COUNT
    for sets in (["seed=7"], ["runs=[{prune: {method: l2, keep: 0.25}}]"], ["network.hidden=[16]"]):
        assert divisions(*sets) == usual


def test_folds_change_nothing_of_the_whole_corpus(tones: Path) -> None:
    alone = {work.title: work for work in all_works(Experiment(load_recipe("recipes/tiny")))}
    whole = [work for work in works() if not work.fold and work.stage != "report"]
    assert {work.stage for work in whole} == {"corpus", "features"}
    assert whole == [alone[work.title] for work in whole]
    assert "folds" not in plain(alone["corpus"].arguments)["corpus"]


@pytest.mark.parametrize(
    ("sets", "named"),
    [
        (["hmm.labels=theirs"], "hmm.labels names theirs"),
        (
            ["features.network=", "features.network={type: online, model: theirs, cmvn: none}"],
            "features.network.model names theirs",
        ),
        (["train.init=exp/tiny/runs/one"], "run one-.*: train.init names exp/tiny/runs/one"),
        (["runs=[{train: {teacher: exp/tiny/runs/one}}]"], "run dense-.*: train.teacher names exp/tiny/runs/one"),
    ],
)
def test_what_was_learned_outside_the_folds_is_refused(tones: Path, sets: list[str], named: str) -> None:
    with pytest.raises(UserError, match=f"--set {FOLDED}: corpus.folds: {named}.*, which may know the test speakers"):
        works(*sets)


def test_divided_features_are_those_of_the_whole_corpus(tones: Path) -> None:
    assert [main([verb, *GIVEN]) for verb in ("corpus", "features")] == [0, 0]
    options = load_recipe("recipes/tiny").recipe.features.hmm
    data = {folder: DataDir.read(folder) for folder in Layout("tiny").sets()}
    usual = {utt: x for folder, own in data.items() for utt, x in load(folder, options, own.utt2spk).items()}
    tested: list[str] = []
    for fold in ("1", "2", "3"):
        layout = Layout(f"tiny/folds-3/{fold}")
        made = {part: DataDir.read(layout.set(part)) for part in SETS}
        speakers = [set(own.utt2spk.values()) for own in made.values()]
        assert sum(map(len, speakers)) == len(set().union(*speakers))
        found = {utt: x for own in made.values() for utt, x in load(own.path, options, own.utt2spk).items()}
        assert found.keys() == usual.keys()
        assert all(np.array_equal(found[utt], usual[utt]) for utt in usual)
        tested += made["test"].text
    assert sorted(tested) == sorted(usual)


@pytest.mark.trains
def test_all_folds_together_are_one_test_set(tones: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [main([stage, *GIVEN]) for stage in STAGES] == [0] * len(STAGES)
    said = capsys.readouterr().out
    assert "lexicon.txt and lm.arpa came with the corpus and are the same in all folds" in " ".join(said.split())
    _check_labels()
    row = json.loads((EXP / "pooled/runs/two/result.json").read_text())
    _check_row(row)
    report = json.loads((EXP / "pooled/report/results.json").read_text())
    assert {one["run"] for one in report} == {"one", "two"}

    assert [main([stage, *GIVEN]) for stage in STAGES] == [0] * len(STAGES)
    again = capsys.readouterr().out
    assert "training, run" not in again
    assert "putting the folds together" not in again
    _check_verbs(capsys)


def _check_labels() -> None:
    """Labels, and so the GMM-HMM, are of train and dev alone."""
    for fold in ("1", "2", "3"):
        layout = Layout(f"tiny/folds-3/{fold}")
        test = set(DataDir.read(layout.set("test")).text)
        labelled = set(read_labels(layout.hmm("mono") / "ali.ark"))
        assert labelled == {utt for part in ("train", "dev") for utt in DataDir.read(layout.set(part)).text}
        assert not labelled & test


def _check_row(row: dict[str, object]) -> None:
    """The row of all folds against the folds' own scores."""
    own = [RunDir(EXP / f"{fold}/runs/two") for fold in (1, 2, 3)]
    utterances = [one for run in own for one in read_utterances(run.score("test").with_suffix(".utts.tsv"))]
    errors = {speaker: np.zeros(2, int) for speaker in sorted({one.speaker for one in utterances})}
    for one in utterances:
        errors[one.speaker] += one.counts.errors, one.counts.words
    wrong, words = np.array(list(errors.values())).T
    assert len(errors) == 5
    assert row["words_test"] == words.sum() == 50
    assert row["wer_test"] == pytest.approx(100 * wrong.sum() / words.sum())
    assert (row["wer_test_low"], row["wer_test_high"]) == interval(wrong, words, 10_000, 0)
    each = [json.loads(run.result.read_text()) for run in own]
    assert [fold["wer_test"] for fold in row["folds"]] == [one["wer_test"] for one in each]
    assert row["dev_ce_final"] == pytest.approx(np.mean([one["dev_ce_final"] for one in each]))
    assert row["nodes"] == 16
    assert row["wer_test_tuned"] <= row["wer_test"] + 1e-9


def _check_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(EXP / f"pooled/runs/{name}") for name in ("one", "two")]
    assert main(["compare", *runs]) == 0
    assert "draws of 5 speakers" in capsys.readouterr().out
    assert main(["verify", str(EXP / "2/runs/two")]) == 0
    assert experiment_of(RunDir(EXP / "2/runs/two")).layout == Layout("tiny/folds-3/2")
    assert main(["explain", str(EXP / "3/runs/two")]) == 0
    assert main(["verify", runs[1]]) == 1
    assert f"give one fold's run, such as {EXP}/1/runs/two" in capsys.readouterr().err
    assert main(["plan", "recipes/tiny", "--set", FOLDED]) == 0
    said = capsys.readouterr().out
    assert "fold 2 mono" in said
    assert "everything is up to date" in said
    assert main(["ladder", *GIVEN]) == 1
    assert "set corpus.folds to 0" in capsys.readouterr().err
