"""The words that Vosk finds with an imported model, and with the smaller networks made of it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.acoustic.graph_model import cut_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.sound import Sound
from asr_prune.errors import UserError
from asr_prune.export.heard import HeardWords, heard_alone, heard_by
from asr_prune.export.trained_run import TrainedRun
from asr_prune.files import atomic, files_below
from asr_prune.nnet3.model import read_nnet3, write_nnet3
from asr_prune.run_dir import RunDir
from asr_prune.score.align import distance

#: seconds of audio that Vosk is given at a time
_PIECE = 0.4


def original_words(model: Path, sound: Sound, out: Path) -> None:
    """Writes what Vosk finds with the model directory `model`. Audio that cannot be used is
    skipped, counted and logged. Raises UserError if Vosk cannot open the model, or if nothing is
    left.
    """
    found = words_in_vosk(model, sound)
    with atomic(out) as file:
        json.dump(vars(found), file, ensure_ascii=False)


def run_words(run: RunDir, sound: Sound, original: Path, out: Path) -> None:
    """Writes how the words of a run's shrunk network differ from those of the original, in the
    files that `original_words` wrote; both searches are Vosk's. Raises UserError as that does.
    """
    trained, before = TrainedRun(run), HeardWords.read(original)
    with _smaller(trained) as folder:
        found = words_in_vosk(folder, sound)
    with atomic(out) as file:
        json.dump(_compared(before, found, DataDir.read(sound.data).text), file, ensure_ascii=False, indent=1)


def _compared(before: HeardWords, found: HeardWords, text: dict[str, list[str]]) -> dict[str, Any]:
    names = list(before.words)
    figures = {
        "edits": distance([before.words[name] for name in names], [found.words[name] for name in names]),
        "words": sum(map(len, before.words.values())),
        "utterances_alike": sum(before.words[name] == found.words[name] for name in names),
        "utterances": len(names),
        "rtf": found.seconds / found.audio,
        "rtf_original": before.seconds / before.audio,
    }
    said = {name: text[name] for name in names if text.get(name)}
    for key, own in (("errors", found), ("errors_original", before)):
        figures[key] = distance(list(said.values()), [own.words[name] for name in said])
    return figures | {"words_spoken": sum(map(len, said.values())), "hypotheses": found.words}


@contextmanager
def _smaller(trained: TrainedRun) -> Iterator[Path]:
    """The imported directory with the run's network; all other files are links."""
    source, network = Path(trained.imported_from).resolve(), trained.model.network
    path = source / trained.imported_file.relative_to(trained.imported_from)
    assert isinstance(network, GraphNetwork)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for file in files_below(source):
            link = folder / file.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            if file != path:
                os.symlink(file, link)
        write_nnet3(folder / path.relative_to(source), cut_model(read_nnet3(path), network, trained.model.kept))
        yield folder


def words_in_vosk(model: Path, sound: Sound, best_path: bool = False) -> HeardWords:
    """What Vosk finds with a model directory as sound comes in, in pieces of a fraction of a
    second, or the best path of each utterance, heard at once.

    In a process of its own: what Kaldi's code does not like ends the process. Audio that cannot be
    used is skipped, counted and logged. Raises UserError if Vosk cannot open the directory, or if
    nothing is left.
    """
    return heard_alone(_recognised, (model, sound, best_path), sound, f"Vosk ended while it read {model}")


def _recognised(model: Path, sound: Sound, best_path: bool) -> HeardWords:
    import vosk  # type: ignore[import-untyped]

    vosk.SetLogLevel(-1)
    try:
        opened = vosk.Model(str(model))
    except Exception as error:  # a bare one is what it raises
        raise UserError(f"Vosk cannot open {model} ({error}); try the directory with Vosk alone.") from None
    piece = int(_PIECE * sound.rate)

    def recognise(samples: np.ndarray) -> list[str]:
        # lossy formats and resampling may pass the range
        heard = np.rint(samples).clip(-32768, 32767).astype("<i2")
        recogniser = vosk.KaldiRecognizer(opened, sound.rate)
        return _best_path(recogniser, heard) if best_path else _utterance(recogniser, heard, piece)

    return heard_by(recognise, sound)


def _utterance(recogniser: Any, samples: np.ndarray, piece: int) -> list[str]:
    texts = []
    for begin in range(0, len(samples), piece):
        if recogniser.AcceptWaveform(samples[begin : begin + piece].tobytes()):
            texts.append(recogniser.Result())
    return [word for text in [*texts, recogniser.FinalResult()] for word in json.loads(text)["text"].split(" ") if word]


def _best_path(recogniser: Any, samples: np.ndarray) -> list[str]:
    recogniser.SetMaxAlternatives(1)
    recogniser.AcceptWaveform(samples.tobytes())
    (found,) = json.loads(recogniser.FinalResult())["alternatives"]
    return [word for word in found["text"].split(" ") if word]
