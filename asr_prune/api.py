"""The pruned network of a run, from Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from asr_prune.acoustic.network import Network
from asr_prune.cli.common import refuse_foreign, run_folder
from asr_prune.corpus.cut import LONGEST
from asr_prune.corpus.datadir import DataDir
from asr_prune.recipe.load import load_recipe
from asr_prune.score.wer import Score
from asr_prune.score.wer import score as score_words
from asr_prune.transcribe.recogniser import Asked
from asr_prune.transcribe.transcribe import Transcriber
from asr_prune.transcribe.transcript import Transcript
from asr_prune.workflow.context import NJ, Context


def load_run(folder: Path | str, recipe: Path | str | None = None, sets: Sequence[str] = (), nj: int = NJ) -> LoadedRun:
    """The run in exp/<name>/runs/<run>, after stage 8 (score), of the project in the current
    folder.

    recipe: its recipe's folder, by default recipes/<name>; sets: as of --set; nj: processes. Raises
    UserError if a file is missing or the run does not belong to the recipe.
    """
    place = run_folder(Path(folder), "shrunk/network.pt", "a run after stage 8 (score)")
    context = Context(load_recipe(recipe or f"recipes/{place.parts[1]}", sets), nj)
    refuse_foreign(place, context)
    return LoadedRun(context, place)


class LoadedRun:
    """A run's shrunk network with the features, graph and LM weight that belong to it."""

    def __init__(self, context: Context, folder: Path) -> None:
        self.context, self.folder = context, folder
        self._transcriber = Transcriber(context, folder, Asked(), None, LONGEST)

    @property
    def network(self) -> Network:
        """The shrunk network: spliced frames, float32 [batch, inputs], to logits [batch,
        classes].
        """
        return self._transcriber.recogniser.model.network

    def transcribe(self, path: Path | str) -> Transcript:
        """What is said in one audio file that libsndfile reads. Raises UserError if it cannot be
        read.
        """
        recording = self._transcriber.reader(os.fspath(path))
        (transcript,) = self._transcriber.transcripts([recording], "file")
        return transcript

    def score(self, part: str = "test") -> Score:
        """Decodes a set of the project (train, dev or test), with the LM weight chosen on dev, and
        scores it.

        Raises UserError if the set has no features.
        """
        context, recogniser = self.context, self._transcriber.recogniser
        data = DataDir.read(context.data / part)
        context.need(recogniser.source.inputs(context, (part,)))
        feats = recogniser.source.load(context.data / part, context.align)
        hypotheses = recogniser.hear(self._transcriber.listen, [feats])
        words = {name: hypothesis.words for name, hypothesis in hypotheses}
        return score_words(words, data.text, data.utt2spk, context.recipe.score)
