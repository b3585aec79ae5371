"""Lines of the picture: which runs they join and how they look."""

from __future__ import annotations

from asr_prune.report.series import dense_series, median_run, plottable, request, series, usual_limit

from .conftest import invented


def test_one_series_per_method_and_per_vectors_only_where_they_differ() -> None:
    rows = [
        invented("d", "none", 1024, 10.0),
        invented("a", "group_lasso", 512, 10.0, vectors="outgoing"),
        invented("b", "group_lasso", 512, 10.0, vectors="incoming"),
        invented("c", "l2", 512, 10.0, vectors="outgoing"),
    ]
    found = series(rows)
    assert [one.name for one in found] == ["group_lasso (incoming)", "group_lasso (outgoing)", "l2"]
    assert len({(one.colour, one.marker) for one in found}) == 3


def test_seeds_meet_in_their_median() -> None:
    rows = [
        invented(f"s{wer}", "l2", nodes, wer, keep_asked=0.5, seed=int(wer))
        for nodes, wer in ((510, 13.0), (512, 10.0), (520, 11.0))
    ]
    rows.append(invented("q", "l2", 256, 15.0, keep_asked=0.25))
    assert series(rows)[0].line() == ([256, 512], [15.0, 11.0])
    assert median_run(rows[:3]).wer_test == 11.0
    assert median_run(rows[1:3]).wer_test == 10.0


def test_runs_without_nodes_or_wer_are_not_plotted() -> None:
    rows = [
        invented("a", "l2", None, 10.0),
        invented("b", "l2", 512, None),
        invented("c", "l2", 512, 10.0),
    ]
    assert [row.run for row in plottable(rows)] == ["c"]


def test_what_else_was_asked_makes_a_series_of_its_own() -> None:
    rows = [
        invented("a", "guided", 512, 10.0, variant="guide step"),
        invented("b", "guided", 512, 11.0, variant=None),
        invented("c", "magnitude", 512, 12.0, variant="score entropy"),
    ]
    assert [one.name for one in series(rows)] == [
        "guided (default)",
        "guided (guide step)",
        "magnitude",
    ]


def test_teachers_are_told_apart_over_all_runs_not_those_of_a_method_alone() -> None:
    taught = {"teachers": ["dense"]}
    rows = [
        invented("dense", "none", 1024, 10.0),
        invented("dense-taught", "none", 1024, 8.0, **taught),
        invented("a", "group_lasso", 512, 11.0),
        invented("b", "group_lasso", 512, 9.0, **taught),
        invented("c", "dense_small", 512, 9.5, **taught),
    ]
    assert [one.name for one in series(rows)] == [
        "dense_small (teacher dense)",
        "group_lasso (no teacher)",
        "group_lasso (teacher dense)",
    ]
    found = dense_series(rows)
    assert [(one.name, [row.run for row in one.rows]) for one in found] == [
        ("dense", ["dense"]),
        ("dense, teacher dense", ["dense-taught"]),
    ]
    assert len({(one.marker, one.dash) for one in found}) == 2
    alike = [row for row in rows if row.teachers]
    assert [one.name for one in (*dense_series(alike), *series(alike))] == ["dense", "dense_small", "group_lasso"]


def test_each_set_of_teachers_has_dense_networks_of_its_own() -> None:
    sets = [[], *([f"t{i}" for i in range(count)] for count in range(1, 9))]
    rows = [invented(f"d{len(one)}", "none", 1024, 9.0, teachers=one) for one in sets]
    found = dense_series(rows)
    assert [len(one.rows) for one in found] == [1] * 9
    assert len({one.name for one in found}) == 9
    assert max(len(one.name) for one in found) < 60


def test_small_networks_like_different_runs_are_different_points() -> None:
    rows = [invented(run, "dense_small", n, 10.0, like=run) for run, n in (("a", 300), ("b", 500))]
    assert series(rows)[0].line() == ([300, 500], [10.0, 10.0])


def test_networks_of_other_sizes_are_series_and_points_of_their_own() -> None:
    rows = [
        invented("a", "l2", 256, 6.0, keep_asked=0.25),
        invented("b", "l2", 512, 4.0, keep_asked=0.25, nodes_dense=2048, params_dense=900_000),
    ]
    assert [one.name for one in series(rows)] == ["l2 (1,024 nodes)", "l2 (2,048 nodes)"]
    rows[1] = invented("b", "l2", 256, 4.0, keep_asked=0.25, params_dense=900_000)
    assert [one.name for one in series(rows)] == ["l2 (412,345 parameters)", "l2 (900,000 parameters)"]
    assert len({request(row) for row in rows}) == 2


def test_a_size_that_an_earlier_version_did_not_note_is_told_as_unknown() -> None:
    rows = [invented(f"r{size}", "l2", 256, 10.0, params_dense=size) for size in (None, 401_123.4)]
    assert [one.name for one in series(rows)] == ["l2 (401,123 parameters)", "l2 (unknown parameters)"]


def test_settings_of_training_are_no_seeds() -> None:
    shared = "left_context 2, right_context 2, batch 500, "
    few, many = (f"type tdnn, {shared}epochs {count}, learning_rate 0.002" for count in (2, 20))
    rows = [invented(run, "l2", 256, wer, variant=own) for run, wer, own in (("a", 30.0, few), ("b", 6.0, many))]
    found = series(rows)
    assert all(len(one.name) < 60 for one in found)
    assert sorted(wer for one in found for wer in one.line()[1]) == [6.0, 30.0]


def test_without_errors_no_network_has_collapsed() -> None:
    assert usual_limit([0.0, 0.0, 0.0, 1.5, 4.0]) == 8.25
    assert usual_limit([0.0, 0.0]) == 3
