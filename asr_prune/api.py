"""The pruned network of a run, and packed models, from Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from asr_prune.acoustic.network import Network
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.segments import LONGEST_PIECE
from asr_prune.run_dir import RunDir
from asr_prune.score.wer import Score
from asr_prune.score.wer import score as score_words
from asr_prune.stages.of_now import need_features
from asr_prune.transcribe.packed_recogniser import PackedRecogniser
from asr_prune.transcribe.recogniser import NetworkRecogniser, Requested, RunRecogniser
from asr_prune.transcribe.transcribe import Transcriber
from asr_prune.transcribe.transcript import Transcript
from asr_prune.workflow.experiment import NJ, Experiment, experiment_of


def load_run(
    folder: Path | str,
    recipe: Path | str | None = None,
    sets: Sequence[str] = (),
    nj: int = NJ,
) -> LoadedRun:
    """The run in exp/<name>/runs/<run>, after the score stage, of the project in the current
    folder.

    recipe: its recipe's folder, by default recipes/<name>; sets: as of --set; nj: processes. Raises
    UserError if a file or the device of `decode.device` is missing, or the run does not belong to the recipe.
    """
    run = RunDir.given(Path(folder))
    return LoadedRun(experiment_of(run, recipe, sets, nj), run)


def load_packed(
    path: Path | str,
    times: bool = False,
    confidence: bool = False,
    nj: int = NJ,
) -> LoadedModel:
    """The model in a file of `asr-prune pack`, from any folder.

    times, confidence: whether words get them; nj: processes. Raises UserError if the file is
    missing, damaged, or of a newer version.
    """
    return LoadedModel(PackedRecogniser(Path(path), nj), Requested(times, confidence))


class LoadedModel:
    """A network with the features, graph and LM weight that belong to it."""

    def __init__(self, recogniser: NetworkRecogniser, requested: Requested) -> None:
        self._recogniser = recogniser
        self._transcriber = Transcriber(recogniser, requested, None, LONGEST_PIECE)

    @property
    def network(self) -> Network:
        """The shrunk network: spliced frames, float32 [batch, inputs], to logits [batch,
        classes].
        """
        return self._recogniser.model.network

    def transcribe(self, path: Path | str) -> Transcript:
        """What is said in one audio file that libsndfile reads. Raises UserError if it cannot be
        read.
        """
        recording = self._transcriber.reader(os.fspath(path))
        (transcript,) = self._transcriber.transcripts([recording], "file")
        return transcript


class LoadedRun(LoadedModel):
    """The shrunk network of a run in its project, on the device of `decode.device`."""

    def __init__(self, experiment: Experiment, run: RunDir) -> None:
        self.experiment, self.run = experiment, run
        super().__init__(RunRecogniser(run, experiment.decoding, experiment.nj), Requested())

    def score(self, part: str = "test") -> Score:
        """Decodes a set of the project (train, dev or test), with the LM weight chosen on dev, and
        scores it.

        Raises UserError if the set has no features, if these were made with other settings than the
        recipe's, or if the network was trained on others.
        """
        need_features(self.experiment, self._recogniser.model.features, self.run.shrunk)
        data = DataDir.read(self.experiment.layout.set(part))
        feats = self.experiment.decoding.load(part)
        recognise = self._recogniser.recogniser(Requested())
        words = {utt: hyp.words for utt, hyp in self._recogniser.recognise(recognise, [feats])}
        return score_words(words, data.text, data.utt2spk, self.experiment.recipe.score)
