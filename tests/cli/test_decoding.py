"""Decoding and scoring from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from asr_prune import load_run
from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.spread.executor import LocalExecutor, chosen
from tests.cli.tones import GIVEN, Said, told

pytestmark = pytest.mark.trains

RUN = "exp/tiny/runs/dense"
ON_CUDA = ["--set", "decode.device=cuda"]
no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a CUDA device")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")


def heeding() -> list[list[str]]:
    """The commands that heed decode.device, of a finished run."""
    wav = Path("data/tiny/test/wav.scp").read_text().split()[1]
    return [["verify", RUN], ["bench", "decode", RUN], ["transcribe", RUN, wav], ["ctm", RUN]]


def test_kept_lattices_are_weighed_anew_without_a_search(project: Path, capsys: Said) -> None:
    run, given = project / "exp/tiny/runs/dense", [*GIVEN, "--set", "decode.lattice=true"]
    words = (run / "decode_test/penalty_0/10.txt").read_text()
    assert main(["nbest", "exp/tiny/runs/dense"]) == 1
    assert "decode.lattice=true" in capsys.readouterr().err
    assert main(["decode", *given]) == 0
    assert (run / "decode_test/penalty_0/10.txt").read_text() == words
    capsys.readouterr()
    assert main(["decode", *given, "--set", "decode.lm_weights=[5,10]"]) == 0
    told = capsys.readouterr().out
    assert "decode dense: up to date" in told
    assert "decode words dense: weighting lattices" in told
    assert (run / "decode_test/penalty_0/5.txt").is_file()
    assert main(["nbest", "exp/tiny/runs/dense", "-n", "2"]) == 0
    assert capsys.readouterr().out.startswith("eve-0-1 ")


def test_a_graph_of_kaldi_in_place_of_ours(project: Path, capsys: Said) -> None:
    shutil.copytree(project / "exp/tiny/graph", project / "theirs")
    given = [*GIVEN, "--set", "decode.graph=theirs"]
    assert main(["graph", *given]) == 0
    assert "graph: taking theirs" in capsys.readouterr().out
    assert main(["decode", *given]) == 0
    assert "decode dense: up to date" in capsys.readouterr().out
    (project / "theirs/num_pdfs").write_text("77")
    assert main(["graph", *given]) == 1
    assert "theirs is of another model: it has 77 pdfs" in capsys.readouterr().err
    shutil.rmtree(project / "theirs")


def test_a_grammar_in_place_of_the_language_model(project: Path, capsys: Said) -> None:
    Path("tones.jsgf").write_text("#JSGF V1.0;\npublic <tones> = (LOW | MID | HIGH)+;\n")
    given = [*GIVEN, "--set", "lang.grammar=tones.jsgf"]
    assert [main([verb, *given]) for verb in ("lang", "graph", "decode")] == [0, 0, 0]
    assert "grammar of 1 rules, 3 words, 0 words left out" in capsys.readouterr().out
    Path("tones.jsgf").unlink()
    assert main(["lang", *given]) == 1
    assert "cannot read the grammar tones.jsgf" in capsys.readouterr().err


def test_decoding_is_measured(project: Path, capsys: Said) -> None:
    assert main(["bench", "decode", "exp/tiny/runs/dense"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["network", "search", "sweep", "all"]
    assert all("RTF" in line for line in lines[1:])
    assert main(["bench", "decode", "exp/tiny/runs/none"]) == 1
    assert "shrunk/network.pt is missing; run the shrink stage" in capsys.readouterr().err


def test_a_lost_table_is_made_again_and_the_figure_tuned_on_test_is_told_on_request(
    project: Path, capsys: Said
) -> None:
    table = project / "exp/tiny/runs/dense/score_test.utts.tsv"
    table.unlink()
    capsys.readouterr()
    assert main(["score", *GIVEN]) == 0
    assert "from test itself" not in capsys.readouterr().out
    assert table.is_file()
    assert main(["compare", "exp/tiny/runs/dense", "exp/tiny/runs/dense"]) == 0
    assert "MAPSSWE: p 1 " in capsys.readouterr().out
    assert main(["score", *GIVEN, "--set", "score.test_tuned=true"]) == 0
    assert "(test, LM weight 8 and penalty 0 from test itself)" in capsys.readouterr().out


def test_a_network_of_other_features_is_not_decoded_but_scored_as_it_was(project: Path, capsys: Said) -> None:
    run, given = project / "exp/tiny/runs/dense", [*GIVEN[:2], "--set", "features.network.cmvn=none"]
    shutil.rmtree(run / "decode_test")
    for verb in ("decode", "verify", "bench decode"):
        words = [*verb.split(), *(["exp/tiny/runs/dense"] if verb != "decode" else [])]
        status, said = told(capsys, *words, *given)
        assert status == 1
        assert "other features than those of the recipe: features.network has cmvn speaker, here none; restore" in said
    with pytest.raises(UserError, match="cmvn speaker, here none"):
        load_run("exp/tiny/runs/dense", sets=given[-1:]).score()
    assert main(["features", *GIVEN, "--set", "features.network.low_freq=90"]) == 0
    for verb in ("verify", "bench decode"):
        status, said = told(capsys, *verb.split(), "exp/tiny/runs/dense")
        assert status == 1
        assert "data/tiny has features that were computed with other settings than the recipe's; " in said
        assert "compute them again: asr-prune features" in said
    assert main(["features", *GIVEN]) == 0
    assert main(["decode", *GIVEN]) == 0
    wer = json.loads((run / "score_test.json").read_text())["wer"]
    assert load_run("exp/tiny/runs/dense").score().wer == wer
    assert main(["score", *GIVEN]) == 0
    assert json.loads((run / "score_test.json").read_text())["wer"] == wer


def test_a_run_of_another_recipe_is_refused(project: Path, capsys: Said) -> None:
    shutil.copytree(project / "recipes/tiny", project / "recipes/other", dirs_exist_ok=True)
    run = "exp/tiny/runs/dense"
    for command in (["bench", "decode"], ["nbest"], ["verify"], ["ctm"], ["widths"]):
        status, said = told(capsys, *command, run, "--recipe", "recipes/other")
        assert status == 1
        assert "exp/tiny/runs/dense is not a run of recipes/other; name its recipe with --recipe" in said
    assert not (project / "exp/other").exists()


@no_cuda
def test_a_device_that_is_not_there_is_refused_by_all_that_decode(project: Path, capsys: Said) -> None:
    shutil.rmtree(project / RUN / "decode_test")
    for command in [*heeding(), ["decode", *GIVEN]]:
        status, said = told(capsys, *command, *ON_CUDA)
        assert status == 1
        assert "decode.device is cuda, but torch sees no CUDA device; set decode.device to auto or cpu." in said
    with pytest.raises(UserError, match=r"decode\.device is cuda, but torch sees no"):
        load_run(RUN, sets=ON_CUDA[1:])
    assert main(["pack", RUN, "model.asr", *ON_CUDA]) == 0
    assert main(["transcribe", "model.asr", heeding()[2][-1]]) == 0


def test_workers_of_an_executor_take_their_cpus_and_say_so(project: Path, capsys: Said) -> None:
    pytest.importorskip("cloudpickle")
    verify, _, transcribe, _ = heeding()
    assert main(transcribe) == 0
    words = capsys.readouterr().out
    shutil.rmtree(project / RUN / "decode_test")
    for command in (verify, transcribe, ["decode", *GIVEN]):
        with chosen(LocalExecutor(1)):
            assert main([*command, *ON_CUDA]) == 0
        out, err = capsys.readouterr()
        assert (out + err).count("decode.device cuda is not used: the executor's workers compute on their CPUs") == 1
        assert command != transcribe or out == words


@needs_cuda
def test_all_that_decode_do_so_on_a_gpu(project: Path, capsys: Said) -> None:
    for command in heeding():
        torch.cuda.reset_peak_memory_stats()
        assert main([*command, *ON_CUDA]) == 0
        assert torch.cuda.max_memory_allocated() > 0
