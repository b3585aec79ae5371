"""The words that Vosk finds with an imported model, and with the smaller networks made of it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.acoustic.graph_model import cut_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.export.trained_run import TrainedRun
from asr_prune.files import atomic
from asr_prune.integrity import checked
from asr_prune.nnet3.model import read_nnet3, write_nnet3
from asr_prune.nnet3.places import model_file
from asr_prune.process import WorkerEnded, worker_pool
from asr_prune.run_dir import RunDir
from asr_prune.score.align import distance

#: seconds of audio that Vosk is given at a time
_PIECE = 0.4


@dataclass(frozen=True)
class VoskWords:
    """words: of each utterance; seconds: of CPU, without loading the model, for `audio` seconds."""

    words: dict[str, list[str]]
    seconds: float
    audio: float

    @classmethod
    def read(cls, path: Path) -> VoskWords:
        """Raises UserError if the file is missing or damaged."""
        return cls(**json.loads(checked(path).read_text(encoding="utf-8")))


def original_words(model: Path, data: Path, rate: int, out: Path) -> None:
    """Writes what Vosk finds with the model directory `model` in the audio of the data directory
    `data`. rate: hertz. Raises UserError if Vosk cannot open the model.
    """
    found = _in_vosk(model, data, rate)
    with atomic(out) as file:
        json.dump(vars(found), file, ensure_ascii=False)


def run_words(run: RunDir, data: Path, rate: int, original: Path, out: Path) -> None:
    """Writes how the words of a run's shrunk network differ from those of the original, in the
    files that `original_words` wrote; both searches are Vosk's. Raises UserError as that does.
    """
    trained, before = TrainedRun(run), VoskWords.read(original)
    with _smaller(trained) as folder:
        found = _in_vosk(folder, data, rate)
    with atomic(out) as file:
        json.dump(_compared(before, found, DataDir.read(data).text), file, ensure_ascii=False, indent=1)


def _compared(before: VoskWords, found: VoskWords, text: dict[str, list[str]]) -> dict[str, Any]:
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
    source = Path(trained.imported_from).resolve()
    path, network = model_file(source), trained.model.network
    assert isinstance(network, GraphNetwork)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for file in (file for file in source.rglob("*") if file.is_file()):
            link = folder / file.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            if file != path:
                os.symlink(file, link)
        write_nnet3(folder / path.relative_to(source), cut_model(read_nnet3(path), network, trained.model.kept))
        yield folder


def _in_vosk(model: Path, data: Path, rate: int) -> VoskWords:
    """In a process of its own: what Kaldi's code does not like ends the process."""
    with worker_pool(1, "spawn") as pool:
        try:
            (found,) = pool.starmap(_recognised, [(model, data, rate)])
        except WorkerEnded:
            raise UserError(f"Vosk ended while it read {model}; try the directory with Vosk alone.") from None
    return found


def _recognised(model: Path, data: Path, rate: int) -> VoskWords:
    import vosk  # type: ignore[import-untyped]

    vosk.SetLogLevel(-1)
    try:
        opened = vosk.Model(str(model))
    except Exception as error:  # a bare one is what it raises
        raise UserError(f"Vosk cannot open {model} ({error}); try the directory with Vosk alone.") from None
    corpus, words, begin, audio = DataDir.read(data), dict[str, list[str]](), time.process_time(), 0
    for name, place in corpus.wavs.items():
        samples, _ = read_audio(place, rate, corpus.segments.get(name))
        words[name] = _utterance(vosk.KaldiRecognizer(opened, rate), samples.astype("<i2"), int(_PIECE * rate))
        audio += len(samples)
    return VoskWords(words, time.process_time() - begin, max(audio / rate, 1e-9))


def _utterance(recogniser: Any, samples: np.ndarray, piece: int) -> list[str]:
    texts = []
    for begin in range(0, len(samples), piece):
        if recogniser.AcceptWaveform(samples[begin : begin + piece].tobytes()):
            texts.append(recogniser.Result())
    return [word for text in [*texts, recogniser.FinalResult()] for word in json.loads(text)["text"].split(" ") if word]
