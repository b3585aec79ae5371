"""Stage decode of an imported model: the words of test that Vosk finds with it and with each smaller network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from asr_prune.corpus.sound import Sound
from asr_prune.nnet3.places import MODELS, opens_in_vosk
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Files, Listing, Work


def works(experiment: Experiment) -> list[Work]:
    """The original's words, and how those of each run differ; none without Vosk or a directory of its."""
    model = Path(experiment.loaded.recipe.features.network.model or "")
    if not find_spec("vosk") or not opens_in_vosk(model):
        return []
    return [_original(experiment, model), *(_run(experiment, model, i) for i in range(len(experiment.runs)))]


def _original(experiment: Experiment, model: Path) -> Work:
    layout = experiment.layout
    return Work(
        stage="decode",
        says="the imported model in Vosk",
        job="asr_prune.export.vosk_words:original_words",
        arguments={"model": model, "sound": sound_of_test(experiment), "out": layout.original_words},
        inputs=_heard(experiment),
        outputs=[layout.original_words],
        optional=_read(experiment, model),
        home=layout.exp,
    )


def _run(experiment: Experiment, model: Path, index: int) -> Work:
    layout, run = experiment.layout, experiment.run_dir(experiment.runs[index])
    return Work(
        stage="decode",
        run=run.name,
        says="in Vosk",
        job="asr_prune.export.vosk_words:run_words",
        arguments={"run": run, "sound": sound_of_test(experiment), "original": layout.original_words, "out": run.vosk},
        inputs={run.shrunk: "shrink", run.recipe: "train", layout.original_words: "decode"} | _heard(experiment),
        outputs=[run.vosk],
        optional=_read(experiment, model),
        home=run.path,
    )


def _read(experiment: Experiment, model: Path) -> list[Path | Files | Listing]:
    """Besides the inputs: the model, the graph and options that Vosk reads with it, and the audio."""
    folder = experiment.layout.set("test")
    audio = Listing("asr_prune.corpus.datadir:audio_files", {"folders": [folder]})
    whole = Listing("asr_prune.files:files_below", {"folder": model})
    return [Files(model, MODELS), whole, folder / "segments", audio]


def sound_of_test(experiment: Experiment) -> Sound:
    """The audio of the test set, read as the recipe says."""
    corpus, data = experiment.recipe.corpus, experiment.layout.set("test")
    return Sound(data, corpus.rate, corpus.resample, corpus.longest, corpus.channel)


def _heard(experiment: Experiment) -> dict[Path, str]:
    folder = experiment.layout.set("test")
    return dict.fromkeys((folder / name for name in ("text", "utt2spk", "wav.scp")), "corpus")
