"""`--executor FILE`, and the cluster.yaml beside recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.recipe.executor_file import CLUSTER_FILE, executor_settings, read_executor
from asr_prune.recipe.load import load_recipe
from asr_prune.spread.options import ClusterOptions, ExecutorOptions

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
CLUSTERS = sorted(RECIPES.glob(f"*/{CLUSTER_FILE}"))
SLURM = "executor:\n  type: dask\n  cluster:\n    type: slurm\n    workers: 4\n"


def executor_of(where: str) -> ExecutorOptions:
    """The executor of a recipe with `--executor where`."""
    return load_recipe(RECIPES / "demo", executor_settings(where)).recipe.executor


def test_executor_takes_words_addresses_and_files(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(SLURM)
    cluster = ClusterOptions(type="slurm", workers=4)
    assert executor_of("local") == ExecutorOptions()
    assert executor_of("tcp://host:8786") == ExecutorOptions(type="dask", address="tcp://host:8786")
    assert executor_of(str(path)) == ExecutorOptions(type="dask", cluster=cluster)


BLOCKS = [
    "{type: dask, address: 'tcp://own:1', wait: 5}",
    "{type: dask, cluster: {type: sge, parallel_environment: mpi}, wait: 5}",
]


@pytest.mark.parametrize("block", BLOCKS)
def test_executor_replaces_what_the_recipe_says(block: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(SLURM)
    (tmp_path / "recipe.yaml").write_text(f"{(RECIPES / 'demo/recipe.yaml').read_text()}\nexecutor: {block}\n")

    def found(where: str) -> ExecutorOptions:
        return load_recipe(tmp_path, executor_settings(where)).recipe.executor

    assert found("local") == ExecutorOptions(wait=5)
    assert found("tcp://host:2") == ExecutorOptions(type="dask", address="tcp://host:2", wait=5)
    cluster = ClusterOptions(type="slurm", workers=4)
    assert found(str(path)) == ExecutorOptions(type="dask", cluster=cluster, wait=5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SLURM.replace("workers", "worker"), r"own.yaml line 5: executor.cluster.worker is not known.*workers"),
        (SLURM.replace("cluster:", "clusters:"), r"own.yaml line 3: executor.clusters is not known.*cluster"),
        (SLURM.replace("slurm", "slrum"), r"own.yaml line 4: executor.cluster.type"),
        (SLURM.replace("workers: 4", "workers: 0"), r"own.yaml line 3: executor.cluster: workers must be 1 or more"),
        (SLURM.replace("workers: 4", "image: x"), r"own.yaml line 3: executor.cluster: image goes with type kube"),
        (SLURM.replace("dask", "local"), r"own.yaml line 1: executor: cluster goes with type dask"),
        (f"{SLURM}runs: []\n", r"own.yaml must hold an `executor:` block and nothing else"),
        ("executor: dask\n", r"own.yaml must hold an `executor:` block and nothing else"),
        (f"{SLURM}    walltime: 12:00:00\n", r"line 6: executor.cluster.walltime: put 12:00:00 in quotes.*43200"),
        (f"{SLURM}    walltime: 12:00\n", r"hours:minutes:seconds in quotes, such as \"12:00:00\" \(got 720\)"),
        ("executor: {\n", r"own.yaml line 2 is not valid YAML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=told):
        read_executor(path)


@pytest.mark.parametrize("where", ["none.yaml", "Dask", "dask", "host:8786"])
def test_a_missing_file_is_said_before_anything_runs(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--recipe", str(RECIPES / "demo"), "--executor", where])
    assert ended.value.code == 2
    said = f"argument --executor: there is no file {where}; --executor takes local, tcp://host:port of a Dask scheduler"
    assert f"{said}, or a file (docs/cluster.md); see asr-prune check --help." in capsys.readouterr().err


def test_a_time_without_quotes_is_said_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["check", "--recipe", str(RECIPES / "demo"), "--set", "executor={type: dask, cluster: {type: slurm}}"]
    assert main([*given, "--set", "executor.cluster.walltime=2:30:05"]) == 1
    assert "put 2:30:05 in quotes, with --set in both kinds, \"'2:30:05'\"" in capsys.readouterr().err
    assert main([*given, "--set", "executor.cluster.walltime='2:30:05'"]) == 0


LINES = {"librispeech": "16 jobs of slurm, 64 workers", "tedlium": "32 jobs of sge, 32 workers"}


@pytest.mark.parametrize("path", CLUSTERS, ids=[path.parent.name for path in CLUSTERS])
def test_the_files_beside_recipes_are_valid(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given in ([], ["--executor", str(path)]):
        assert main(["check", "--recipe", str(path.parent), *given]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"{path}: {LINES[path.parent.name]}"
    read_me = (path.parent / "README.md").read_text()
    assert f"--executor recipes/{path.parent.name}/{CLUSTER_FILE}" in read_me


def test_check_reads_the_file_beside_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "recipe.yaml").write_text((RECIPES / "fsdd/recipe.yaml").read_text())
    (own / CLUSTER_FILE).write_text(SLURM.replace("workers", "worker"))
    assert main(["check", "--recipe", str(own)]) == 1
    assert f"{own / CLUSTER_FILE} line 5: executor.cluster.worker is not known" in capsys.readouterr().err


def test_check_says_who_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pods.yaml"
    file.write_text("executor: {type: dask, cluster: {type: kubernetes, jobs: 1, image: i, claim: c, mount: /m}}\n")
    for where, line in (
        ("tcp://host:8786", "tcp://host:8786: the workers of the Dask scheduler at tcp://host:8786"),
        ("local", "local: 3 processes of this machine"),
        (str(file), f"{file}: 1 pod of kubernetes, 1 worker"),
    ):
        assert main(["check", "--recipe", str(RECIPES / "demo"), "--nj", "3", "--executor", where]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == line
    assert main(["check", "--recipe", str(RECIPES / "demo")]) == 0
    assert " workers" not in capsys.readouterr().out


def test_clusters_are_beside_the_recipes_of_large_corpora() -> None:
    assert {path.parent.name for path in CLUSTERS} >= {"librispeech", "tedlium"}


def test_each_kind_replaces_the_block_that_a_recipe_has(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("executor: {type: dask, cluster: {type: sge, jobs: 3}}\n")
    asked = {
        "local": ExecutorOptions(),
        "tcp://other:8786": ExecutorOptions(type="dask", address="tcp://other:8786"),
        str(file): ExecutorOptions(type="dask", cluster=ClusterOptions(type="sge", jobs=3)),
    }
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    for block in ("{type: local}", "{type: dask, address: 'tcp://one:8786'}", "{type: dask, cluster: {jobs: 9}}"):
        text = f"corpus: {{prepare: local/demo.py}}\nexecutor: {block}\n"
        (recipe / "recipe.yaml").write_text(text)
        for where, expected in asked.items():
            assert load_recipe(recipe, executor_settings(where)).recipe.executor == expected
