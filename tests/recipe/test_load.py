"""Recipes: what is refused, in which words, and which runs come out."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.recipe.load import load_recipe
from asr_prune.recipe.naming import variant

RECIPES = Path(__file__).resolve().parents[2] / "recipes"

PLAIN = """
seed: 3
network:
  hidden: [32, 32]
prune:
  method: group_lasso
  vectors: incoming
runs:
  - {name: dense, prune: {method: none}}
  - {prune: {keep: 0.5}}
  - {prune: {strength: 0.001}}
  - {prune: {method: magnitude, keep: 0.5}, network: {activation: sigmoid}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/recipe.yaml").write_text(PLAIN)
    return tmp_path / "toy"


def test_runs_lie_over_the_blocks(recipe: Path) -> None:
    loaded = load_recipe(recipe)
    runs = {run.name: run for run in loaded.runs()}
    assert list(runs) == [
        "dense",
        "group_lasso-keep0.5",
        "group_lasso-strength0.001",
        "magnitude-keep0.5-activation-sigmoid",
    ]
    assert runs["group_lasso-keep0.5"].prune.vectors == "incoming"  # type: ignore[attr-defined]
    assert runs["magnitude-keep0.5-activation-sigmoid"].network.activation == "sigmoid"
    assert {run.seed for run in runs.values()} == {3}
    assert loaded.name == "toy"


def test_setting_prune_makes_that_one_run(recipe: Path) -> None:
    (run,) = load_recipe(recipe, ["prune.method=l2", "prune.keep=0.25"]).runs()
    assert (run.name, run.prune.method, run.prune.keep) == ("l2-keep0.25", "l2", 0.25)


def test_runs_on_the_command_line_are_what_is_run(recipe: Path) -> None:
    sets = ["prune.keep=0.25", "runs=[{name: dense, prune: {method: none}}, {name: quarter}]"]
    dense, quarter = load_recipe(recipe, sets).runs()
    assert (dense.name, quarter.name, quarter.prune.keep) == ("dense", "quarter", 0.25)


def test_another_seed_or_setting_is_another_run(recipe: Path) -> None:
    names = [run.name for run in load_recipe(recipe, ["seed=4", "train.batch=64"]).runs()]
    assert names[0] == "dense-batch-64-s4"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("network.hiden=[3]", "unknown key 'network.hiden'; did you mean 'hidden'"),
        ("netwrok.hidden=[3]", "unknown key 'netwrok'; did you mean 'network'"),
        ("train.epochs=many", "train.epochs"),
        ("train.epochs=0", "epochs, batch and segment must be 1 or more"),
        ("train.memory_gb=-1", "memory_gb must be 0 or more, not -1"),
        ("train.memory_gb=.nan", "memory_gb must be a finite number, not nan"),
        ("features.network.bin=3", "did you mean 'bins'"),
        ("prune.kepp=0.5", "did you mean 'keep'"),
        ("prune.keep=2", "keep must be above 0 and at most 1, not 2"),
        ("prune.method=group_laso", "is not known; did you mean 'group_lasso'?"),
        ("prune.method=x", "is not known (known here: complexity, dense_small,"),
        ("prune={keep: 0.5, strength: 0.1}", "give keep or strength, not both"),
        ("prune={method: dsd, keep: 0.5}", "keep counts nodes; with granularity weight give sparsity instead"),
        ("prune={method: map, granularity: node, sparsity: 0.5}", "with granularity node give keep instead"),
        ("prune.warm_up=99 epochs", "warm_up and fine_tune must together be below the"),
        ("prune={method: map, switch: 99 epochs}", "switch 99 epochs is after the"),
        ("prune={method: dsd, shares: [1 epoch, 99 epochs]}", "shares must leave something of the"),
        ("prune.press=2 hours", "press must be a fraction of the updates, or a length such as 2 epochs"),
        ("prune={method: map, sparsty: 0.5}", "did you mean 'sparsity'"),
        ("prune={method: l2, sparsity: 0.5}", "unknown key 'prune.sparsity'"),
        ("prune.inputs=maybe", "prune.inputs: input should be a valid boolean or a valid number (got 'maybe')"),
        ("prune.output_rank=true", "prune.output_rank: input should be a valid integer or 'auto' (got 'true')"),
        ("prune.keep=true", "prune.keep: input should be a valid number, unable to parse string"),
        ("prune.press=true", "press must be a fraction of the updates, or a length such as 2 epochs"),
        ("prune.output_rank=best", "prune.output_rank: input should be a valid integer or 'auto' (got 'best')"),
        ("prune={method: none, inputs: true}", "none removes no nodes, and no inputs either"),
        ("keep", "not of the form key=value"),
        ("train.epochs=[", "the value is not valid YAML"),
        ("prune=3", "must be a block of `key: value` pairs"),
        ("runs=[{seed: many}]", "runs.0.seed"),
        ("runs=[{trian: {}}]", "did you mean 'train'"),
        ("runs=[{name: ../x}]", "name must be a plain folder name"),
        ("name=a/b", "name must be a plain folder name"),
        ("seed=-1", "seed must be at least 0"),
        ("hmm.passes=[{type: mono, gausians: 3}]", "'hmm.passes.0.gausians'; did you mean 'gaussians'"),
        ("hmm.passes=[{type: mono}, {type: lda_mllt, dims: 3}]", "did you mean 'dim'"),
        ("hmm.passes=[{type: trii}]", "type 'trii' is not known; did you mean 'tri'"),
        ("hmm.passes=[{gaussians: 3}]", "must say which type it is"),
        ("hmm.passes=[{type: tri}]", "must begin with a flat start"),
        ("hmm.passes=[{type: mono}, {type: tri, gaussians: 10}]", "gaussians must be at least leaves"),
        ("hmm.passes=[{type: mono}, {type: tri}, {type: tri}]", "unique names"),
        ("hmm.stop_after=tri", "one of the passes mono"),
        ("features.hmm.type=hmm", "features.network"),
        (
            "train.teacher_weight=0.8",
            "--set train.teacher_weight=0.8: train.teacher_weight means nothing, since no run",
        ),
        ("train.temperature=2", "give train.teacher, or leave temperature out"),
        ("runs=[{name: a, train: {teacher: x}}, {name: b, train: {teacher_top: 4}}]", "since it has no teacher"),
    ],
)
def test_what_is_refused_says_where_and_what_is_near(recipe: Path, change: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        load_recipe(recipe, [change]).runs()
    assert said in str(refused.value)


def test_settings_of_teachers_make_no_other_run_of_one_that_has_none(recipe: Path) -> None:
    runs = "runs=[{name: a}, {name: b, train: {teacher: a}}]"
    plain, taught = load_recipe(recipe, [runs, "train.teacher_weight=0.8"]).runs()
    assert (plain, plain.name) == (load_recipe(recipe, ["runs=[{name: a}]"]).runs()[0], "a")
    assert (taught.train.teacher_weight, taught.name) == (0.8, "b-teacher-a-teacher_weight-0.8")
    written = recipe / "recipe.yaml"
    written.write_text(written.read_text() + "train: {teacher_weight: 0.8}\n")
    assert [run.name for run in load_recipe(recipe, [runs]).runs()] == ["a", "b-teacher-a"]
    assert load_recipe(recipe, ["runs=[{name: a}]"]).runs() == [plain]


@pytest.mark.parametrize(
    ("sets", "blamed"),
    [
        (["train.batch=100", "train.learning_rate=0"], "train.learning_rate=0"),
        (["prune.floor=0.5", "prune.min_nodes=0"], "prune.min_nodes=0"),
        (["prune={method: l2, floor: 0.5}", "prune.keep=2"], "prune.keep=2"),
        (["prune={method: l2, keep: 2}", "prune.floor=0.2"], "prune={method: l2, keep: 2}"),
        (["prune.warm_up=0.3", "prune.min_nodes=-5"], "prune.min_nodes=-5"),
    ],
)
def test_the_set_is_blamed_whose_key_is_named(recipe: Path, sets: list[str], blamed: str) -> None:
    with pytest.raises(UserError, match=f"^--set {re.escape(blamed)}: "):
        load_recipe(recipe, sets).runs()


def test_a_line_is_named(recipe: Path) -> None:
    text = (recipe / "recipe.yaml").read_text()
    (recipe / "recipe.yaml").write_text(text.replace("vectors: incoming", "vector: incoming"))
    with pytest.raises(UserError, match=r"recipe.yaml line 7: unknown key 'prune.vector'; did you mean 'vectors'"):
        load_recipe(recipe).runs()


def test_broken_yaml_and_missing_files_are_one_sentence(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"recipe\.yaml does not exist"):
        load_recipe(tmp_path / "nowhere")
    (recipe / "recipe.yaml").write_text("network: [\n")
    with pytest.raises(UserError, match="not valid YAML"):
        load_recipe(recipe)


def test_a_repeated_key_is_refused_with_its_line(recipe: Path) -> None:
    (recipe / "recipe.yaml").write_text("seed: 1\nname: x\nseed: 2\n")
    with pytest.raises(UserError, match=r"line 3 .*seed repeats a key"):
        load_recipe(recipe)


def test_two_equal_runs_are_refused(recipe: Path) -> None:
    (recipe / "recipe.yaml").write_text("runs: [{prune: {method: none}}, {prune: {method: none}}]")
    with pytest.raises(UserError, match="the same run 'dense'"):
        load_recipe(recipe).runs()


def test_the_corpus_may_come_from_the_environment(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_ROOT", "/by/the/folder")
    assert load_recipe(recipe).recipe.corpus.root is None
    monkeypatch.setenv("SPEECH", "/somewhere")
    named = ["corpus.root_from=SPEECH"]
    assert load_recipe(recipe, named).recipe.corpus.root == Path("/somewhere")
    assert load_recipe(recipe, [*named, "corpus.root=/else"]).recipe.corpus.root == Path("/else")
    monkeypatch.setenv("SPEECH", "")
    assert load_recipe(recipe, named).recipe.corpus.root is None


def test_a_copy_of_a_recipe_reads_the_same_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(RECIPES / "an4", tmp_path / "p6")
    monkeypatch.setenv("AN4_ROOT", "/corpora/an4")
    assert load_recipe(tmp_path / "p6").recipe.corpus.root == Path("/corpora/an4")


def test_every_recipe_but_the_demos_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in sorted(path.parent for path in RECIPES.glob("*/recipe.yaml")):
        monkeypatch.setenv("KALDI_ROOT", "/opt/kaldi")
        corpus = load_recipe(folder).recipe.corpus
        assert bool(corpus.root_from) == (folder.name not in ("demo", "demo_large"))
        assert corpus.root_from != "KALDI_ROOT"
        assert corpus.root is None or corpus.root_from in os.environ


def test_a_corpus_block_that_is_no_block_is_one_sentence(recipe: Path) -> None:
    with pytest.raises(UserError, match=r"corpus: must be a block of `key: value` pairs"):
        load_recipe(recipe, ["corpus=3"])


@pytest.mark.parametrize("name", ["demo", "an4"])
def test_the_recipes_of_the_project_are_sound(name: str) -> None:
    assert load_recipe(RECIPES / name).runs()


def test_sparsity_and_keep_replace_each_other_and_are_in_the_name(recipe: Path) -> None:
    asked = "[{prune: {sparsity: 0.5}}, {prune: {granularity: node, keep: 0.5}}, {prune: {}}]"
    (recipe / "recipe.yaml").write_text(f"prune: {{method: map, sparsity: 0.9}}\nruns: {asked}\n")
    runs = load_recipe(recipe).runs()
    assert [run.name for run in runs] == ["map-sparsity0.5", "map-keep0.5-granularity-node", "map-sparsity0.9"]
    assert runs[1].prune.sparsity is None  # type: ignore[attr-defined]


def test_methods_have_defaults_of_their_own_for_single_weights(recipe: Path) -> None:
    asked = "[{prune: {granularity: weight}}, {prune: {granularity: weight, fine_tune: 0.4}}, {prune: {keep: 0.5}}]"
    (recipe / "recipe.yaml").write_text(f"prune: {{method: gradual, warm_up: 0.1}}\nruns: {asked}\n")
    runs = load_recipe(recipe).runs()
    assert [run.prune.fine_tune for run in runs] == [0.35, 0.4, 0.65]
    assert [run.name for run in runs[::2]] == ["gradual-granularity-weight", "gradual-keep0.5"]
    told = [variant(run.prune) for run in runs]
    assert told[0] == "warm_up 0.1, granularity weight"
    assert "fine_tune 0.4" in str(told[1])


def test_a_run_from_a_trained_network_has_a_folder_of_its_own(recipe: Path) -> None:
    (run,) = load_recipe(recipe, ["prune.method=none", "train.init=exp/toy/runs/a b:c"]).runs()
    assert run.name == "dense-init-exp_toy_runs_a_b_c"


def test_features_have_the_corpus_rate_unless_they_say_otherwise(recipe: Path) -> None:
    features = load_recipe(recipe, ["corpus.rate=8000", "corpus.resample=true"]).recipe.features
    assert [(own.rate, own.resample, own.top_freq) for own in (features.hmm, features.network)] == [
        (8000, True, 4000)
    ] * 2
    kept = load_recipe(recipe, ["corpus.resample=true", "features.hmm.resample=false"]).recipe.features
    assert (kept.hmm.resample, kept.network.resample) == (False, True)


@pytest.mark.parametrize("kind", ["hmm", "network"])
def test_features_at_another_rate_than_the_corpus_are_refused(recipe: Path, kind: str) -> None:
    with pytest.raises(UserError, match=rf"features.{kind}.rate \(8000\) must be corpus.rate \(16000\)"):
        load_recipe(recipe, [f"features.{kind}.rate=8000"])
    load_recipe(recipe, [f"features.{kind}.rate=8000", f"features.{kind}.archives=/made/elsewhere"])


@pytest.mark.parametrize("change", ["corpus=3", "features=3", "features.hmm=3"])
def test_a_block_that_is_none_is_still_told(recipe: Path, change: str) -> None:
    with pytest.raises(UserError, match="must be a block of"):
        load_recipe(recipe, ["corpus.rate=8000", change])


@pytest.mark.parametrize(("given", "channel"), [("2", 2), ("mix", "mix"), ("null", None)])
def test_a_channel_is_a_number_or_a_mix(recipe: Path, given: str, channel: int | str | None) -> None:
    assert load_recipe(recipe, [f"corpus.channel={given}"]).recipe.corpus.channel == channel


@pytest.mark.parametrize("given", ["0", "-1", "left", "1.5", "[1, 2]"])
def test_another_channel_is_one_sentence(recipe: Path, given: str) -> None:
    with pytest.raises(UserError, match=r"corpus.*channel"):
        load_recipe(recipe, [f"corpus.channel={given}"])


@pytest.mark.parametrize("method", ["group_lasso", "l1", "l2"])
@pytest.mark.parametrize(
    ("network", "vectors"),
    [
        ("{}", "incoming"),
        ("{activation: sigmoid}", "outgoing"),
        ("{type: residual}", "outgoing"),
        ("{type: tdnnf, hidden: [32, 8], strides: [1]}", "outgoing"),
    ],
)
def test_the_side_of_a_node_that_is_penalised_depends_on_the_network(
    recipe: Path, method: str, network: str, vectors: str
) -> None:
    (recipe / "recipe.yaml").write_text(f"prune: {{method: {method}, keep: 0.5}}\nruns: [{{network: {network}}}]\n")
    (usual,) = load_recipe(recipe).runs()
    assert usual.prune.vectors == vectors  # type: ignore[attr-defined]
    assert "vectors" not in usual.name
    other = "outgoing" if vectors == "incoming" else "incoming"
    (asked,) = load_recipe(recipe, [f"runs=[{{prune: {{vectors: {other}}}, network: {network}}}]"]).runs()
    assert asked.prune.vectors == other  # type: ignore[attr-defined]
    assert f"vectors-{other}" in asked.name
