"""What stages declare: pure functions, jobs that exist and take what they are given, an order of
dependencies.
"""

from __future__ import annotations

import inspect
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.facts import Facts
from asr_prune.decode.options import DecodeOptions
from asr_prune.lang.lang import LANG_FILES
from asr_prune.recipe.load import load_recipe
from asr_prune.spread.task import find_job
from asr_prune.stages import STAGES, all_works
from asr_prune.stages.decode import search_options
from asr_prune.stages.graph import ADAPTATION, FIRST_PASSES
from asr_prune.workflow.code import Sources
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(path.parent.name for path in ROOT.glob("recipes/*/recipe.yaml"))
#: settings that choose other works
VARIANTS = (
    [],
    [
        "decode.type=hmm",
        "features.network=",
        "features.network.type=hmm",
        "hmm.passes=[{type: mono}, {type: tri}, {type: sat}]",
    ],
    [
        "decode.type=hmm",
        "decode.lattice=true",
        "decode.graph=theirs",
        "lang.folder=theirs",
        "lang.lm=",
        "hmm.labels=theirs",
    ],
    [
        *("decode.type=hmm", "noise.snr=[20, 5]", "features.hmm.archives=", "features.network="),
        *("features.network.type=hmm", "decode.lattice=true"),
    ],
    ["decode.type=hmm", "features.hmm.archives=theirs", "features.network={type: fbank, archives: theirs}"],
    ["decode.type=ctc", "decode.search=greedy", "features.network.type=fbank", "lang.tokens=characters"],
    ["decode.type=ctc", "decode.search=graph", "features.network.type=fbank", "lang.tokens=phones"],
    ["decode.type=hmm", "hmm.labels=", "corpus.folds=3"],
    ["decode.type=hmm", "features.network=", "features.network={type: online, model: theirs, cmvn: none}"],
)
UNUSUAL = ["runs=[{prune: {method: none}}, {prune: {method: dense_small, like: dense}}]", "network.type=feed_forward"]
AUGMENT = ["train.tempo=0", "train.warp=0", "train.mask_frames=0", "train.mask_bands=0"]


def works(recipe: str, *sets: str) -> list[Work]:
    return all_works(Experiment(load_recipe(Path("recipes") / recipe, [*AUGMENT, *sets])))


def tree() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in Path().rglob("*")}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with all recipes, whose corpora are known to have a lexicon and a language model."""
    for name in ("recipes", "local"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.png", "__pycache__"))
    monkeypatch.chdir(tmp_path)
    for name in RECIPES:
        own = name == "demo_large"  # its language model is estimated
        Facts(lexicon=True, arpa=not own, lm_text=own).write(Path("data") / name / "facts.json")
    return tmp_path


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("sets", VARIANTS, ids=range(len(VARIANTS)))
def test_listing_works_changes_nothing_and_every_job_takes_its_arguments(
    project: Path, recipe: str, sets: list[str]
) -> None:
    before = tree()
    for work in works(recipe, *UNUSUAL, *sets):
        job = find_job(work.job)
        inspect.signature(job).bind(**work.arguments, **work.uncounted)
        assert not set(work.arguments) & set(work.uncounted)
    assert tree() == before


@pytest.mark.parametrize("sets", VARIANTS, ids=range(len(VARIANTS)))
def test_inputs_are_made_by_the_works_before(project: Path, sets: list[str]) -> None:
    made: dict[Path, str] = {}
    order = list(STAGES)
    titles = set()
    for work in works("demo", *UNUSUAL, *sets):
        assert work.title not in titles
        titles.add(work.title)
        for path, maker in work.inputs.items():
            assert order.index(maker) <= order.index(work.stage)
            assert made.get(path, maker) == maker
            assert path in made or maker in ("corpus", "train", "align"), f"{work.title} reads {path}"
        made |= dict.fromkeys(work.outputs, work.stage)


def test_training_anew_removes_what_tells_of_the_network_before(project: Path) -> None:
    (train,) = (work for work in works("demo", "runs=[{prune: {method: none}}]") if work.stage == "train")
    assert {"result.json", "widths.json", "weights.npz"} <= {path.name for path in train.outdates}


def test_every_stage_is_a_verb_in_the_order_of_run_sh() -> None:
    text = (ROOT / "run.sh").read_text()
    lines = [line for line in text.splitlines() if line.startswith("if is_due ")]
    assert [line.split()[2].rstrip(";") for line in lines] == list(STAGES)
    assert [line.split("run_stage ")[1].split()[0].rstrip(";") for line in lines] == list(STAGES)


@pytest.mark.parametrize(
    ("title", "modules"),
    [
        ("shrink verify dense", ["asr_prune.decode.search", "asr_prune.pruning.verify", "asr_prune.score.verify_run"]),
        ("shrink dense", ["asr_prune.pruning.removal", "asr_prune.pruning.shrink_job"]),
        ("train dense", ["asr_prune.acoustic.train", "asr_prune.pruning.methods.none.method"]),
        ("decode dense", ["asr_prune.decode.decode_run", "asr_prune.acoustic.network"]),
        ("score dense", ["asr_prune.report.score_run", "asr_prune.score.tune"]),
        ("align mono", ["asr_prune.hmm.mono", "asr_prune.features.cmvn"]),
        ("corpus", ["asr_prune.corpus.validate"]),
    ],
)
def test_the_code_of_a_work_is_all_that_it_runs(project: Path, title: str, modules: list[str]) -> None:
    (work,) = [work for work in works("demo") if work.title == title]
    closure = Sources().closure([work.job.partition(":")[0], *work.code])
    assert set(modules) <= set(closure)
    assert not [name for name in closure if name.startswith(("asr_prune.cli", "asr_prune.report.page"))]


def test_plan_keeps_a_graph_that_other_settings_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = Path("exp/demo/token_graph/HCLG.fst")
    graph.parent.mkdir(parents=True)
    graph.write_text("made")
    before = tree()
    sets = ["--set", "decode.type=ctc", "--set", "decode.search=greedy"]
    assert main(["plan", "recipes/demo", *sets]) == 0
    assert main(["due", "--recipe", "recipes/demo", *sets]) == 0
    assert {path: time for path, time in tree().items() if "exp" not in path.parts} == {
        path: time for path, time in before.items() if "exp" not in path.parts
    }
    assert graph.read_text() == "made"


def test_a_channel_goes_to_the_features_and_none_leaves_them_as_they_were(project: Path) -> None:
    for sets, channel in (([], None), (["corpus.channel=2"], 2), (["corpus.channel=mix"], "mix")):
        made = [work for work in works("demo", *sets) if work.stage == "features"]
        assert made
        assert all(work.arguments.get("channel") == channel for work in made)
        assert all(("channel" in work.arguments) == (channel is not None) for work in made)


def test_every_option_of_the_search_reaches_it() -> None:
    """None is at its default here; what stays at it in the job is read by the graph, the adaptation
    or the sweep.
    """
    given = DecodeOptions(
        beam=9.0, max_active=900, min_active=9, beam_delta=0.9, prune_interval=9, lattice_beam=3.0, acoustic_scale=0.2,
        lm_weights=(9,), penalties=(0.25,), ctc_prior_scale=0.9, transition_scale=0.9, self_loop_scale=0.9,
        adapt_lm_weight=9, first_beam=9.0, first_max_active=900,
        adapt_lattice_beam=9.0, adapt_silence=0.9,
    )  # fmt: skip
    elsewhere = {"transition_scale", "self_loop_scale", *ADAPTATION}
    for lattice, lost in ((False, elsewhere), (True, elsewhere | {"lm_weights", "penalties"})):
        options = replace(given, lattice=lattice)
        job = search_options(options)
        assert {name for name in vars(given) if getattr(job, name) != getattr(options, name)} == lost


def test_the_beams_of_the_search_reach_the_adaptation() -> None:
    beams = {"beam", "max_active", "min_active", "beam_delta", "prune_interval"}
    assert beams <= set(FIRST_PASSES)
    assert beams <= set(vars(DecodeOptions()))


def test_passes_and_adaptation_depend_on_what_they_read_of_the_lang_folder(project: Path) -> None:
    made = works("demo", *VARIANTS[1])
    passes = [work for work in made if work.stage == "align"]
    assert [work.piece for work in passes] == ["mono", "tri", "sat"]
    lang = Path("data/demo/lang")
    for work in passes:
        assert {lang / name for name in ("L.fst", *LANG_FILES)} <= set(work.inputs)
    named = {work.piece: work for work in made if work.stage == "graph"}
    assert {"sat-adapt", "front-end"} <= set(named)
    assert all(lang / "phones/silence.int" in named[name].inputs for name in ("sat-adapt", "front-end"))
    assert lang / "phones/disambig.int" in named[""].inputs


def test_shrink_verifies_with_a_graph_that_is_made_before_it(project: Path) -> None:
    order = list(STAGES)
    (verify,) = [work for work in works("demo") if work.title == "shrink verify dense"]
    assert verify.inputs[Path("exp/demo/graph/HCLG.fst")] == "graph"
    assert all(order.index(maker) <= order.index("shrink") for maker in verify.inputs.values())
    assert verify.uncounted["nj"] == 2


@pytest.mark.parametrize("key", ["threads=1", "tensorboard=false", "device=cpu", "processes=2"])
def test_what_changes_no_result_outdates_no_training(key: str) -> None:
    """Neither a finished run nor the checkpoint of an interrupted one."""
    plain, other = (
        next(work for work in works("an4", *sets) if work.stage == "train") for sets in ((), (f"train.{key}",))
    )
    assert (other.run, other.arguments) == (plain.run, plain.arguments)
    name, value = key.split("=")
    assert str(other.uncounted["how"][name]).lower() == value
    assert other.uncounted["how"] != plain.uncounted["how"]


def test_fewer_inputs_than_can_be_had_are_refused_with_a_number_that_can(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = ["check", "--recipe", "recipes/an4", "--set", "prune.keep=0.25", "--set"]
    assert main([*check, "prune.inputs=0.002"]) == 1
    said = capsys.readouterr().err
    assert "--set prune.inputs=0.002: run " in said
    assert "inputs 0.002 requests 1 of 440 inputs, but min_nodes 8 leaves at least 8" in said
    enough = said.partition("set inputs to ")[2].partition(" ")[0]
    assert main([*check, f"prune.inputs={enough}"]) == 0
    assert main([*check, "prune.inputs=0.002", "--set", "prune.min_nodes=1"]) == 0
    small = ["--set", "prune.inputs=true", "--set", "prune.min_nodes=20", "--set", "prune.floor=0"]
    assert main(["check", "--recipe", "recipes/an4", "--set", "prune.keep=0.04", *small]) == 1
    assert "inputs true with keep 0.04 requests 18 of 440 inputs" in capsys.readouterr().err
