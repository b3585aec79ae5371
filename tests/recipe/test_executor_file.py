"""--executor as settings of a recipe."""

from __future__ import annotations

from pathlib import Path

from asr_prune.recipe.executor_file import executor_settings
from asr_prune.recipe.load import load_recipe
from asr_prune.spread.options import ClusterOptions, ExecutorOptions


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
