"""Recognisers of audio: a network with its features, its graph and its speaker adaptation."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.decode.adapt import Adapter
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.network_scores import NetworkScores, placed_model, with_token_priors
from asr_prune.decode.options import DecodeOptions, Point
from asr_prune.decode.recognisers import GraphRecogniser, GreedyRecogniser, Hypothesis, Recogniser
from asr_prune.decode.word_times import HmmTimer, Timer, TokenTimer
from asr_prune.errors import UserError
from asr_prune.features.load import prepared
from asr_prune.features.options import FeatureOptions
from asr_prune.features.stored import Computed
from asr_prune.files import Readable
from asr_prune.hmm.fmllr import transformed
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.network_features import Feats, NetworkFeatures
from asr_prune.integrity import checked
from asr_prune.lang.lang import Lang
from asr_prune.run_dir import RunDir
from asr_prune.spread.processes import each
from asr_prune.transcribe.speech import SHORTEST_SPEECH, SpeechOnly

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Requested:
    """What is wanted besides words; lm_weight, penalty: instead of those chosen on dev; all_sound:
    search words in audio without speech, too.
    """

    times: bool = False
    confidence: bool = False
    lm_weight: float | None = None
    penalty: float | None = None
    all_sound: bool = False


@dataclass(frozen=True)
class RecognitionFiles:
    """The folders that recognition reads.

    hmm: of the pass that labels the network; graph: None for greedy decoding; adapted: whether the
    network reads features with an fMLLR transform per speaker, which takes `min_frames` frames of
    speech.
    """

    lang: Readable
    hmm: Readable
    graph: Readable | None
    adapted: bool
    min_frames: float


class NetworkRecogniser(ABC):
    """Recognises with a network.

    name: of the network in messages; model: with the priors of its search; nj: processes.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        files: RecognitionFiles,
        options: DecodeOptions,
        nj: int,
    ) -> None:
        self.name, self.model, self.files, self.options = name, model, files, options
        self.nj = nj
        self.source = NetworkFeatures.from_plain(model.features)

    @abstractmethod
    def point(self, requested: Requested) -> Point:
        """LM weight and word penalty: those requested, or else those chosen on dev."""

    @property
    def shift(self) -> float:
        """Seconds between decoded frames."""
        return self.source.frame_shift * self.model.network.stride

    @property
    def raw_options(self) -> FeatureOptions:
        """How features are computed from audio. Raises UserError if they came from elsewhere."""
        both = self.source.options
        options = both.hmm if self.source.kind == "hmm" else both.network
        if options.archives:
            raise UserError(
                f"the network was trained on features computed elsewhere ({options.archives}), and"
                " how is not known here; give a run whose features are computed from audio."
            )
        return options

    def features(self, raw: Feats, speakers: Mapping[str, str]) -> Feats:
        """What the network reads, float32 [frames, dim] by utterance, computed on access:
        normalised, and with a speaker-adaptive pass transformed, over each speaker's utterances, as
        in the stages features and graph.

        raw: features as computed; speakers: by utterance.
        """
        if self.source.kind == "network":
            return prepared(raw, self.source.options.network, speakers)
        front = FrontEnd.load(self.files.hmm)
        base = prepared(raw, replace(self.source.options.hmm, deltas=0), speakers)
        feats = Computed(base, lambda _, matrix: front(matrix))
        if not self.files.adapted:
            return feats
        transforms = self._transforms(feats, speakers)
        return Computed(feats, lambda name, plain: transformed(plain, transforms[speakers[name]]))

    def _transforms(self, feats: Feats, speakers: Mapping[str, str]) -> dict[str, np.ndarray]:
        files = self.files
        assert files.graph is not None
        silence = Lang.read(files.lang).silence
        shift = self.source.frame_shift
        adapter = Adapter(files.hmm, files.graph, silence, self.options, self.nj, shift)
        return adapter.transforms(feats, speakers, files.min_frames)

    def recognise(self, recognise: Recogniser, groups: Iterable[Feats]) -> Iterator[tuple[str, Hypothesis]]:
        """Yields (utterance, hypothesis), one group after the other; features as `features` gives
        them.
        """
        scores = (pair for group in groups for pair in NetworkScores(self.model, group))
        yield from each(recognise, scores, self.nj)

    def recogniser(self, requested: Requested) -> Recogniser:
        """What turns log-likelihoods into hypotheses."""
        if self.options.search == "greedy":
            return GreedyRecogniser(self.model.tokens, requested.times, requested.confidence)
        point = self.point(requested)
        timer = self.timer(point[0]) if requested.times else None
        return GraphRecogniser(self.decoder(), point, timer, requested.confidence)

    def timed(self, recognise: Recogniser) -> Recogniser:
        """A recogniser of `recogniser`, with the times of words."""
        if isinstance(recognise, GreedyRecogniser):
            return GreedyRecogniser(recognise.symbols, True, recognise.confident)
        if isinstance(recognise, GraphRecogniser) and recognise.timer is None:
            own = recognise.decoder, recognise.point, self.timer(recognise.point[0])
            return GraphRecogniser(*own, recognise.confident)
        return recognise

    def speech_only(self, recognise: Recogniser) -> Recogniser:
        """`recognise`, but without words where the network hears silence.

        With CTC it is unchanged: a blank is not silence.
        """
        if self.model.tokens:
            return recognise
        transitions, silence = HmmModel.load(self.files.hmm).transitions, Lang.read(self.files.lang).silence
        pdfs = np.array(khg.get_pdfs_for_phones(transitions, silence)[1], np.int32)
        return SpeechOnly(recognise, self.model.priors.numpy(), pdfs, SHORTEST_SPEECH / self.shift)

    def decoder(self) -> Decoder:
        """The search in the graph. Raises UserError if the graph is not of the network's pdfs."""
        assert self.files.graph is not None
        decoder = Decoder(self.files.graph, self.options)
        decoder.check(self.name, np.zeros((1, self.model.network.outputs), np.float32))
        return decoder

    def timer(self, weight: float) -> Timer:
        """What aligns words; weight: LM weight."""
        if self.model.tokens:
            return TokenTimer(self.files.lang)
        return HmmTimer(self.files.lang, self.files.hmm, self.options, weight)


class RunRecogniser(NetworkRecogniser):
    """The recogniser of a run; decoding: how the recipe decodes it; nj: processes.

    Its network is on the device of `decode.device`. Raises UserError if that or a file is missing, or
    network, graph and recipe do not belong together.
    """

    def __init__(self, run: RunDir, decoding: Decoding, nj: int = 1) -> None:
        self.run, self.decoding = run, decoding
        model = load_model(run.shrunk)
        source = NetworkFeatures.from_plain(model.features)
        _refuse_other_recipe(run, decoding, model, source.hmm)
        if decoding.graph and not (decoding.graph / "HCLG.fst").is_file():
            file = decoding.graph / "HCLG.fst"
            raise UserError(f"{file} is missing; run the graph stage, which makes it.")
        hmm = decoding.align / source.hmm
        adapted = source.kind == "hmm" and (hmm / "trans.scp").is_file()
        files = RecognitionFiles(decoding.lang, hmm, decoding.graph, adapted, decoding.min_frames)
        model = placed_model(with_token_priors(decoding, model), decoding.options.device)
        super().__init__(str(run.path), model, files, decoding.options, nj)

    def point(self, requested: Requested) -> Point:
        """As the base class. Raises UserError if the run has not been scored."""
        return chosen_point(self.run, requested)


def _refuse_other_recipe(run: RunDir, decoding: Decoding, model: Model, hmm: str) -> None:
    if bool(model.tokens) != decoding.ctc:
        kind = "ctc" if model.tokens else "hmm"
        message = f"{run.path} was trained with decode.type {kind} and the recipe is not"
        raise UserError(f"{message}; add --set decode.type={kind}.")
    if not decoding.ctc and hmm != decoding.labels:
        raise UserError(
            f"{run.path} was trained on the labels of the pass {hmm} and the recipe ends with"
            f" {decoding.labels}; give the --set that trained the run."
        )


def chosen_point(run: RunDir, requested: Requested | None = None) -> Point:
    """LM weight and penalty: those requested, or else those chosen on dev, which is logged.

    Raises UserError if the run has not been scored.
    """
    requested, path = requested or Requested(), run.score("dev")
    if requested.lm_weight is not None and requested.penalty is not None:
        return requested.lm_weight, requested.penalty
    fix = "or give --lm-weight and --penalty."
    if not path.is_file():
        raise UserError(f"{path} is missing; run the score stage, {fix}")
    try:
        content = json.loads(checked(path).read_text(encoding="utf-8"))
        best: Point = content["lm_weight"], content["penalty"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged; run the score stage again, {fix}") from error
    return point_of(best, requested, path)


def point_of(best: Point, requested: Requested, path: object) -> Point:
    """LM weight and penalty: those requested, or else `best`, those chosen on dev.

    The latter are logged; path: the file that holds them.
    """
    if requested.lm_weight is not None and requested.penalty is not None:
        return requested.lm_weight, requested.penalty
    weight = best[0] if requested.lm_weight is None else requested.lm_weight
    penalty = best[1] if requested.penalty is None else requested.penalty
    log.info("LM weight %g and word penalty %g, from %s", weight, penalty, path)
    return weight, penalty
