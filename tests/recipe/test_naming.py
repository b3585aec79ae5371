"""Names of runs that file systems take."""

from __future__ import annotations

from pathlib import Path

from asr_prune.recipe.load import load_recipe
from asr_prune.recipe.naming import LONGEST, shortened


def test_only_what_is_too_long_is_cut() -> None:
    assert shortened("a" * LONGEST) == "a" * LONGEST
    for name in ("a" * (LONGEST + 1), "ü" * LONGEST):
        assert LONGEST - 1 <= len(shortened(name).encode()) <= LONGEST
        assert shortened(name) == shortened(name) != shortened(f"{name}b")
        assert shortened(name).startswith(name[:50])


def test_runs_of_many_widths_and_teachers_have_names_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("corpus: {prepare: tones.py}\n")
    hidden = [", ".join(str(30 + i) for i in range(count)) for count in (100, 101)]
    runs = [f"{{network: {{hidden: [{sizes}]}}}}" for sizes in hidden]
    teachers = ", ".join(f"exp/other/runs/dense-hidden-4x1024-dropout-0.2-s{seed}" for seed in range(5))
    runs += [f"{{train: {{teacher: [{teachers}]}}}}", f"{{seed: 12, train: {{teacher: [{teachers}]}}}}"]
    names = [run.name for run in load_recipe(tmp_path, [f"runs=[{', '.join(runs)}]"]).runs()]
    assert len(set(names)) == 4
    assert names[3] == f"{names[2]}-s12"
    assert max(len(name.encode()) for name in names) < 210
    (tmp_path / max(names, key=len)).mkdir()
