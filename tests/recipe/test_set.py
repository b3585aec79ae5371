"""What `--set` does with empty values, mappings and words that YAML takes for something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.options import with_empty
from asr_prune.recipe.blocks import Recipe
from asr_prune.recipe.load import load_recipe

HF = Path(__file__).resolve().parents[2] / "recipes/hf"
KALDI = HF.parent / "kaldi"


def options_of(*sets: str) -> dict[str, Any]:
    return load_recipe(HF, sets).recipe.corpus.options


def test_a_mapping_is_merged_key_by_key_as_dotted_keys_are() -> None:
    assert options_of("corpus.options={text: sentence}") == options_of("corpus.options.text=sentence")
    assert options_of("corpus.options={text: x}") == {"audio": "audio", "text": "x", "lexicon": "graphemes"}
    deep = load_recipe(HF, ["features={network: {bins: 30}, hmm: {ceps: 20}}", "network={stream: 8}"]).recipe
    assert (deep.features.network.bins, deep.features.hmm.ceps) == (30, 20)
    assert (deep.network.stream, deep.network.dropout) == (8, 0.1)


@pytest.mark.parametrize("empty", ["corpus.options=", "corpus.options={}", "corpus.options=null"])
def test_emptied_first_a_mapping_replaces(empty: str) -> None:
    assert options_of(empty) == {}
    assert options_of(empty, "corpus.options={text: sentence}") == {"text": "sentence"}


def test_an_empty_value_is_the_empty_value_of_its_field() -> None:
    sets = ["features.hmm.archives=", "features.network.archives=", "corpus.root=", "lang.folder=", "runs=", "prune="]
    loaded = load_recipe(KALDI, sets)
    recipe = loaded.recipe
    assert (recipe.features.hmm.archives, recipe.corpus.root, recipe.lang.folder) == ("", None, None)
    assert (recipe.runs, recipe.prune) == ((), {})
    assert [run.prune.method for run in loaded.runs()] == ["none"]
    assert load_recipe(KALDI, ["network="]).recipe.network.hidden == (512,) * 4
    assert with_empty(Recipe, {"corpus": {"root": "", "rate": None}}) == {"corpus": {"root": None, "rate": None}}


def test_prune_is_emptied_before_its_keys_are_set() -> None:
    (run,) = load_recipe(HF, ["prune=", "prune.method=l2", "prune.keep=0.5"]).runs()
    assert (run.prune.method, run.prune.keep) == ("l2", 0.5)


@pytest.mark.parametrize("key", ["train.epochs", "seed", "train.clip"])
def test_a_number_cannot_be_empty(key: str) -> None:
    with pytest.raises(UserError, match=rf"--set {key}=: {key}: .*\(got nothing\)"):
        load_recipe(HF, [f"{key}="])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "NO",
            r"got False\); YAML reads a plain yes, no, on, off, true or false as a truth value: put the word in quo",
        ),
        ("ON", "truth value: put the word in quotes"),
        ("1", r"got 1\); YAML reads a plain 1 as a number or date: put the word in quotes"),
        ("2020-01-01", "as a number or date: put the word in quotes"),
        ("null", r"got nothing\); YAML reads a plain null or nothing as no value: put the word in quotes"),
    ],
)
def test_a_word_that_yaml_takes_for_something_else_must_be_quoted(word: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_recipe(HF, [f"score.equivalents=[[{word}, OTHER]]"])
    quoted = load_recipe(HF, [f"score.equivalents=[['{word}', OTHER]]"])
    assert quoted.recipe.score.equivalents == [[word, "OTHER"]]


def test_the_setting_that_is_wrong_is_named_among_several() -> None:
    with pytest.raises(UserError, match=r"^--set train.clip=-1: train: "):
        load_recipe(HF, ["train.batch=3", "train.clip=-1"])
    with pytest.raises(UserError, match=r"^--set train={clip: -1}: train: "):
        load_recipe(HF, ["train.batch=3", "train={clip: -1}"])
    with pytest.raises(UserError, match=r"^--set prune.floor=.nan: prune.floor must be a finite number"):
        load_recipe(HF, ["prune.keep=0.5", "prune.floor=.nan"])


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["corpus.options={txt: sentence}"], "--set corpus.options={txt: sentence}: corpus.options: unknown key 'txt'"),
        (["corpus.options.limit=many"], "--set corpus.options.limit=many: corpus.options: limit: "),
        (["corpus.subset=mini"], "unknown key 'subset'"),
        (["corpus.prepare=mine.py"], "mine.py takes no options"),
        (["corpus.prepare=other.py"], "corpus.prepare names other.py, which does not exist"),
        (["lang.tokens=phones", "decode.type=ctc", "decode.search=greedy"], "lang.tokens phones spell no word"),
    ],
)
def test_check_refuses_what_a_stage_would_and_runs_no_script(
    sets: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def prepare(root, out, seed):\n    raise SystemExit('it ran')\n")
    flags = [word for text in sets for word in ("--set", text)]
    assert main(["check", "--recipe", str(HF), *flags]) == 1
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["mine.py"]


@pytest.mark.parametrize(
    ("blocks", "given", "said"),
    [
        ("prune: {method: group_lasso, gamma: 1e-1}", "prune.warm_up=0.3", "group_lasso-warm_up-0.3"),
        ("prune: {method: group_lasso, warm_up: -1}", "prune.warm_up=0.2", "line 2: prune: warm_up must be at least 0"),
        ("prune: none", "prune.keep=0.5", "line 2: prune: must be a block"),
        ("train: {epochs: 0}", "train.epochs=3", "line 2: train: epochs, batch and segment must be 1 or more"),
        ("train: {epoch: 2}", "train.epochs=3", "line 2: unknown key 'train.epoch'; did you mean 'epochs'"),
        ("network: none", "network.hidden=[3]", "line 2: network: must be a block"),
    ],
)
def test_what_is_wrong_in_the_file_is_blamed_though_a_set_corrects_it(
    blocks: str, given: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "recipe.yaml").write_text(f"corpus: {{prepare: tones.py}}\n{blocks}\n")
    try:
        found = load_recipe(tmp_path, [given]).runs()[0].name
    except UserError as error:
        found = str(error)
        assert "--set" not in found
    assert said in found
