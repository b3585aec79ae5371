"""The command line on a corpus of tones: what it says when something is wrong, and what it does not lose."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from asr_prune.cli.main import main, parser
from asr_prune.stages import STAGES
from asr_prune.workflow.code import Sources

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: PREPARE}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32], dropout: 0.1}
train: {epochs: 2, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8, 10], penalties: [0.0]}
score: {bootstrap: 100}
"""
#: a corpus whose lexicon is in Latin-1
LATIN = """
from pathlib import Path
from asr_prune.corpus.script import load_script

def prepare(root, out, seed):
    load_script(Path("{tiny}")).prepare(root, out, seed)
    with open(out / "local/lexicon.txt", "ab") as file:
        file.write("CAF\u00c9 L\\n".encode("latin-1"))
"""
GIVEN = ["--recipe", "recipes/tiny", "--nj", "1"]
Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all stages done."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/tiny").mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    (here / "recipes/tiny/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    assert [main([verb, *GIVEN]) for verb in STAGES] == [0] * len(STAGES)
    os.chdir(back)
    return here


@pytest.fixture
def project(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project as it was made, to be harmed: exp and data are put back afterwards."""
    for name in ("data", "exp"):
        subprocess.run(["cp", "-rp", made / name, made / f"{name}.kept"], check=True)
    monkeypatch.chdir(made)
    yield made
    for name in ("data", "exp"):
        shutil.rmtree(made / name, ignore_errors=True)
        (made / name).unlink(missing_ok=True) if (made / name).is_file() else None
        (made / f"{name}.kept").rename(made / name)


def told(said: Said, *command: str) -> tuple[int, str]:
    """Exit status and standard error of a command."""
    said.readouterr()
    return main([*command]), said.readouterr().err


def test_up_to_date_says_so_and_the_report_prints_its_table_again(project: Path, capsys: Said) -> None:
    for verb in STAGES:
        capsys.readouterr()
        assert main([verb, *GIVEN]) == 0
        assert "up to date" in capsys.readouterr().out
    main(["report", *GIVEN])
    assert "dense" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        (["score.bootstrap=50"], ["score"]),
        (["decode.beam=14"], ["decode"]),
        # the graph stage times the front end
        (["features.network.bins=20"], ["features", "graph", "train", "shrink", "decode"]),
    ],
)
def test_a_change_redoes_what_depends_on_it(project: Path, capsys: Said, change: list[str], redone: list[str]) -> None:
    sets = [word for text in change for word in ("--set", text)]
    found = []
    for verb in list(STAGES)[:-2] + (["score"] if redone == ["score"] else []):
        capsys.readouterr()
        assert main([verb, *GIVEN, *sets]) == 0
        lines = capsys.readouterr().out.splitlines()
        found += [verb] if any(line.startswith(f"{verb}") and "up to date" not in line for line in lines) else []
    assert found == redone


def test_more_epochs_are_a_run_beside_the_first(project: Path) -> None:
    assert main(["train", *GIVEN, "--set", "train.epochs=1"]) == 0
    assert sorted(path.name for path in (project / "exp/tiny/runs").iterdir()) == ["dense", "dense-epochs-1"]


def test_a_missing_file_names_its_stage_and_goes_on_from_there(project: Path, capsys: Said) -> None:
    (project / "data/tiny/train/text").unlink()
    status, said = told(capsys, "align", *GIVEN)
    assert status == 1
    assert said.splitlines() == [
        "asr-prune: align failed: data/tiny/train/text is missing; run the corpus stage, which makes it.",
        "log: exp/tiny/log/align.log",
        "go on with: asr-prune run --recipe recipes/tiny --stage corpus --nj 1",
    ]
    assert main(["corpus", *GIVEN]) == 0
    assert main(["align", *GIVEN]) == 0


@pytest.mark.parametrize(
    ("harmed", "verb", "maker"),
    [
        ("exp/tiny/runs/dense/shrunk/network.pt", "decode", "shrink"),
        ("exp/tiny/runs/dense/model/network.pt", "shrink", "train"),
        ("data/tiny/train/network/feats.ark", "train", "features"),
        ("exp/tiny/align/mono/final.mdl", "graph", "align"),
    ],
)
def test_a_damaged_file_names_its_stage(project: Path, capsys: Said, harmed: str, verb: str, maker: str) -> None:
    (project / harmed).write_bytes((project / harmed).read_bytes()[:1000])
    status, said = told(capsys, verb, *GIVEN)
    assert status == 1
    assert f"{harmed} is damaged: its bytes differ from those that were written" in said
    assert f"or delete it and run asr-prune {maker} again" in said
    (project / harmed).unlink()
    assert main([maker, *GIVEN]) == 0
    assert main([verb, *GIVEN]) == 0


@pytest.mark.parametrize("place", ["exp", "exp/tiny/log", "exp/tiny/runs/dense", "data/tiny/lang"])
def test_a_folder_that_cannot_be_written_is_one_sentence(project: Path, capsys: Said, place: str) -> None:
    shutil.rmtree(project / place)
    (project / place).write_text("a file where a folder should be")
    status, said = told(capsys, "lang" if place.startswith("data") else "train", *GIVEN)
    assert status == 1
    assert "cannot write" in said.splitlines()[0]
    assert "fault" not in said


def test_a_full_disk_is_told_also_where_torch_hides_it(project: Path) -> None:
    """RLIMIT_FSIZE stands for the disk: a write beyond it fails, as one beyond the disk does. -B, since Python would
    leave the byte code of a module that is loaded first here cut short.
    """
    shutil.rmtree(project / "exp/tiny/runs")
    code = (
        "import resource, signal, sys; from asr_prune.cli.main import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); sys.exit(main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-B", "-c", code, "train", *GIVEN], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "cannot write exp/tiny/runs/dense/model/checkpoint.pt: File too large" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert not list(project.rglob("*.partial"))


LONG = [*GIVEN, "--set", "train.epochs=50"]


@pytest.fixture(scope="module")
def uninterrupted(made: Path) -> bytes:
    """The network of a longer training that nobody disturbed."""
    ended = subprocess.run([sys.executable, "-m", "asr_prune.cli.main", "train", *LONG], cwd=made, check=False)
    assert ended.returncode == 0
    weights = (made / "exp/tiny/runs/dense-epochs-50/model/network.pt").read_bytes()
    shutil.rmtree(made / "exp/tiny/runs/dense-epochs-50")
    return weights


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    uninterrupted: bytes, project: Path, capsys: Said, how: signal.Signals
) -> None:
    run = project / "exp/tiny/runs/dense-epochs-50"
    # a shell that runs the tests in the background has Ctrl-C ignored
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    code += "from asr_prune.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "train", *LONG]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as training:
        end = time.monotonic() + 60
        while training.poll() is None and time.monotonic() < end and not (run / "model/checkpoint.pt").exists():
            time.sleep(0.005)
        training.send_signal(how)
        said = training.communicate()[1]
    assert not (run / "model/network.pt").exists()
    if how is not signal.SIGKILL:
        assert training.returncode == 130
        assert said.splitlines()[0] == "asr-prune: train was interrupted; nothing that was finished is lost."
        assert not list(project.rglob("*.partial"))
    assert "Traceback" not in said
    assert main(["train", *LONG]) == 0
    assert "resumed after epoch" in capsys.readouterr().out
    assert (run / "model/network.pt").read_bytes() == uninterrupted
    assert not list(project.rglob("*.partial"))


def test_bad_data_are_counted_and_left_out(project: Path, capsys: Said) -> None:
    audio, text = project / "data/tiny/audio/ann-0.wav", project / "data/tiny/train/text"
    audio.write_bytes(audio.read_bytes()[:5000])
    (text.parent / "SHA256SUMS").unlink()  # changed on purpose
    text.write_text(text.read_text().replace("ann-1 HIGH MID LOW", "ann-1").replace("ann-2 MID", "ann-2 XYZZY"))
    for verb in ("features", "align", "train"):
        assert main([verb, *GIVEN]) == 0
    out = capsys.readouterr().out
    assert "data/tiny/train: 1 of 12 utterances skipped" in out
    lacking = "2 of 15 utterances have no words, or words that the lexicon lacks (1 word: XYZZY (1))"
    assert f"{lacking}, left out: ann-1 ann-2" in out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["tain"], "invalid choice: 'tain'"),
        (["train", "--nj", "0"], "must be a whole number of 1 or more, not '0'"),
        (["train", "--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_a_wrong_command_is_one_sentence(capsys: Said, command: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_every_verb_shows_an_example(capsys: Said) -> None:
    assert main([]) == 2
    assert "example:" in capsys.readouterr().err
    scored = ("compare", "sclite", "bench", "nbest")
    for verb in [*STAGES, "check", "plan", "ladder", "verify", "widths", "validate", "fix", "lm", *scored]:
        with pytest.raises(SystemExit):
            parser().parse_args([verb, "--help"])
        said = capsys.readouterr().out
        assert f"example: asr-prune {verb}" in said
        assert "%%" not in said


def test_starting_needs_neither_torch_nor_kaldi(project: Path) -> None:
    code = (
        "import sys; from asr_prune.cli.main import main; main(sys.argv[1:]); print(sorted({*sys.modules} & {*HEAVY}))"
    )
    heavy = "HEAVY = 'torch kaldi_hmm_gmm kaldifst numba kaldilm matplotlib'.split(); "
    for verb in ("corpus", "lang", "features", "align", "graph", "report"):
        command = [sys.executable, "-c", heavy + code, verb, *GIVEN]
        out = subprocess.run(command, capture_output=True, text=True, check=True)
        assert out.stdout.splitlines()[-1] == "[]", verb


def test_a_lost_lexicon_is_missed_and_no_reason_to_spell(project: Path, capsys: Said) -> None:
    (project / "data/tiny/local/lexicon.txt").rename(project / "lexicon.txt")
    status, said = told(capsys, "lang", *GIVEN)
    assert status == 1
    assert "local/lexicon.txt is missing; run the corpus stage" in said
    (project / "lexicon.txt").rename(project / "data/tiny/local/lexicon.txt")


def test_a_trace_never_reaches_the_terminal(project: Path, capsys: Said) -> None:
    (project / "data/tiny/local/lexicon.txt").unlink()
    (project / "data/tiny/local/lexicon.txt").mkdir()
    status, said = told(capsys, "lang", *GIVEN)
    assert status == 1
    assert "Traceback" not in said


def test_a_runs_trail_is_told(project: Path, capsys: Said) -> None:
    capsys.readouterr()
    assert main(["explain", "exp/tiny/runs/dense", "--layer", "1", "--node", "31"]) == 0
    assert "layer 1, node 31: it was kept" in capsys.readouterr().out


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


def test_a_run_of_another_recipe_is_refused(project: Path, capsys: Said) -> None:
    shutil.copytree(project / "recipes/tiny", project / "recipes/other", dirs_exist_ok=True)
    run = "exp/tiny/runs/dense"
    for command in (["bench", "decode"], ["nbest"], ["verify"], ["ctm"], ["widths"]):
        status, said = told(capsys, *command, run, "--recipe", "recipes/other")
        assert status == 1
        assert "exp/tiny/runs/dense is not a run of recipes/other; name its recipe with --recipe" in said
    assert not (project / "exp/other").exists()


def test_changed_code_is_accepted_on_request_and_the_results_say_so(
    project: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sources, "libraries", lambda self, sources: {"numpy": "another version"})
    capsys.readouterr()
    assert main(["plan", "recipes/tiny"]) == 0
    assert re.search(r"changed: version of \S+, \S+ and \d more", capsys.readouterr().out)
    assert main(["decode", *GIVEN, "--accept-code"]) == 0
    assert "decode dense: kept though code has changed (changed: version of" in capsys.readouterr().out
    assert main(["decode", *GIVEN]) == 0
    assert "decode dense: up to date" in capsys.readouterr().out
    assert main(["score", *GIVEN]) == 0
    result = json.loads((project / "exp/tiny/runs/dense/result.json").read_text())
    assert result["code_accepted"] == ["decode"]


def test_a_network_to_start_from_counts_by_its_content(project: Path, capsys: Said) -> None:
    given = ["train", *GIVEN, "--set"]
    assert main([*given, "train.init=exp/tiny/runs/dense", "--set", "train.epochs=1"]) == 0
    assert (project / "exp/tiny/runs/dense-epochs-1-init-exp_tiny_runs_dense/model/network.pt").is_file()
    (project / "other").mkdir()
    shutil.copy(project / "exp/tiny/runs/dense/model/before_cut.pt", project / "other/start.pt")
    assert main([*given, "train.init=other/start.pt"]) == 0
    shutil.copy(project / "exp/tiny/runs/dense-epochs-1-init-exp_tiny_runs_dense/model/network.pt", "other/start.pt")
    capsys.readouterr()
    assert main([*given, "train.init=other/start.pt"]) == 0
    assert "training, run 1 of 1" in capsys.readouterr().out
    status, said = told(capsys, *given, "train.init=nowhere")
    assert status == 1
    assert "train.init: nowhere is not there; give a trained run's folder" in said


def test_a_damaged_score_names_the_stage_that_makes_it(project: Path, capsys: Said) -> None:
    (project / "exp/tiny/runs/dense/score_dev.json").write_text('{"lm_weight": 8')
    status, said = told(capsys, "transcribe", "exp/tiny/runs/dense", "data/tiny/audio/eve-0.wav")
    assert status == 1
    assert "score_dev.json is damaged: its bytes differ from those that were written" in said
    assert "run asr-prune score again" in said
    (project / "exp/tiny/runs/dense/SHA256SUMS").unlink()
    status, said = told(capsys, "transcribe", "exp/tiny/runs/dense", "data/tiny/audio/eve-0.wav")
    assert "score_dev.json is damaged; run the score stage again, or give --lm-weight and --penalty" in said


def test_phones_without_a_lexicon_to_spell_with_are_told(project: Path, capsys: Said) -> None:
    script = f"corpus.prepare={Path(__file__).parent.parent}/stages/spelled.py"
    change = ["--set", script, "--set", "lang.tokens=phones"]
    shutil.rmtree(project / "data")
    shutil.rmtree(project / "exp")
    assert main(["corpus", *GIVEN, *change]) == 0
    status, said = told(capsys, "lang", *GIVEN, *change)
    assert status == 1
    assert "lang.tokens phones takes a lexicon, and the corpus has none" in said


def test_a_lexicon_in_latin_1_is_told_by_the_first_stage_that_reads_it(project: Path, capsys: Said) -> None:
    script = project / "latin.py"
    script.write_text(LATIN.format(tiny=Path(__file__).parent.parent / "stages/tiny.py"))
    change = ["--set", f"corpus.prepare={script}"]
    status, said = told(capsys, "corpus", *GIVEN, *change)
    assert status == 1
    assert "lexicon.txt:4: the byte 0xC9 is not UTF-8; the file looks like Latin-1" in said
