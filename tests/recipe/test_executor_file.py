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
    assert executor_settings("dask") == ["executor.type=dask"]


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
    assert found("dask") == load_recipe(tmp_path, []).recipe.executor


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
        ("executor: {\n", r"own.yaml line 2 is not valid YAML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=told):
        read_executor(path)


def test_a_missing_file_is_said_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--recipe", str(RECIPES / "demo"), "--executor", "none.yaml"])
    assert ended.value.code == 2
    assert "argument --executor: none.yaml cannot be read (No such file or directory)" in capsys.readouterr().err


@pytest.mark.parametrize("path", CLUSTERS, ids=[path.parent.name for path in CLUSTERS])
def test_the_files_beside_recipes_are_valid(path: Path) -> None:
    assert main(["check", "--recipe", str(path.parent), "--executor", str(path)]) == 0
    read_me = (path.parent / "README.md").read_text()
    assert f"--executor recipes/{path.parent.name}/{CLUSTER_FILE}" in read_me


def test_check_reads_the_file_beside_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "recipe.yaml").write_text((RECIPES / "fsdd/recipe.yaml").read_text())
    (own / CLUSTER_FILE).write_text(SLURM.replace("workers", "worker"))
    assert main(["check", "--recipe", str(own)]) == 1
    assert f"{own / CLUSTER_FILE} line 5: executor.cluster.worker is not known" in capsys.readouterr().err


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
