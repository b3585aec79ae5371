"""The recogniser that a run is: its shrunk network, its features, its graph."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.decode.adapt import Adapter
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.network_scores import NetworkScores, with_token_priors
from asr_prune.decode.parallel import each
from asr_prune.decode.recognisers import GraphRecogniser, GreedyRecogniser, Hypothesis, Recogniser
from asr_prune.decode.search import Decoder
from asr_prune.decode.word_times import HmmTimer, Timer, TokenTimer
from asr_prune.errors import UserError
from asr_prune.features.load import prepared
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.fmllr import transformed
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.network_features import Feats, NetworkFeatures
from asr_prune.lang.lang import Lang
from asr_prune.run_dir import RunDir

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Requested:
    """What is wanted besides words; lm_weight, penalty: instead of those that were chosen on dev."""

    times: bool = False
    confidence: bool = False
    lm_weight: float | None = None
    penalty: float | None = None


class RunRecogniser:
    """The recogniser of a run; decoding: how the recipe decodes it; nj: processes.

    Raises UserError if a file is missing, or network, graph and recipe do not belong together.
    """

    def __init__(self, run: RunDir, decoding: Decoding, nj: int = 1) -> None:
        self.run, self.decoding, self.nj = run, decoding, nj
        self.model = load_model(run.shrunk)
        self.source = NetworkFeatures.from_plain(self.model.features)
        self._refuse_other_recipe()
        if decoding.graph and not (decoding.graph / "HCLG.fst").is_file():
            raise UserError(f"{decoding.graph}/HCLG.fst is missing; run the graph stage, which makes it.")
        self.model = with_token_priors(decoding, self.model)

    @property
    def shift(self) -> float:
        """Seconds between decoded frames."""
        return self.source.frame_shift * self.model.network.stride

    @property
    def raw_options(self) -> FeatureOptions:
        """How features are computed from audio. Raises UserError if they came from elsewhere."""
        options = self.source.options.hmm if self.source.kind == "hmm" else self.source.options.network
        if options.archives:
            raise UserError(
                f"the network was trained on features computed elsewhere ({options.archives}), and how is not known "
                "here; give a run whose features are computed from audio."
            )
        return options

    def features(self, raw: Feats, speakers: Mapping[str, str]) -> Feats:
        """What the network reads, float32 [frames, dim] by utterance: normalised, and with a speaker-adaptive pass
        transformed, over each speaker's utterances, as in the stages features and graph.

        raw: features as computed; speakers: by utterance.
        """
        if self.source.kind == "network":
            return prepared(raw, self.source.options.network, speakers)
        hmm = self.decoding.align / self.source.hmm
        front = FrontEnd.load(hmm)
        base = prepared(raw, replace(self.source.options.hmm, deltas=0), speakers)
        feats = {name: front(matrix) for name, matrix in base.items()}
        if not (hmm / "trans.scp").is_file():
            return feats
        transforms = self._transforms(hmm, feats, speakers)
        return {name: transformed(matrix, transforms[speakers[name]]) for name, matrix in feats.items()}

    def _transforms(
        self,
        hmm: Path,
        feats: Feats,
        speakers: Mapping[str, str],
    ) -> dict[str, np.ndarray]:
        decoding = self.decoding
        assert decoding.graph is not None
        silence = Lang.read(decoding.lang).silence
        adapter = Adapter(hmm, decoding.graph, silence, decoding.options, self.nj)
        return adapter.transforms(feats, speakers, decoding.min_frames)

    def recognise(
        self,
        recognise: Recogniser,
        groups: Iterable[Feats],
    ) -> Iterator[tuple[str, Hypothesis]]:
        """Yields (utterance, hypothesis), one group after the other; features as `features` gives them."""
        scores = (pair for group in groups for pair in NetworkScores(self.model, group))
        yield from each(recognise, scores, self.nj)

    def recogniser(self, requested: Requested) -> Recogniser:
        """What turns log-likelihoods into hypotheses."""
        if self.decoding.options.search == "greedy":
            return GreedyRecogniser(self.model.tokens, requested.times, requested.confidence)
        point = chosen_point(self.run, requested)
        timer = self.timer(point[0]) if requested.times else None
        return GraphRecogniser(self.decoder(), point, timer, requested.confidence)

    def decoder(self) -> Decoder:
        """The search in the graph. Raises UserError if the graph is not of the network's pdfs."""
        assert self.decoding.graph is not None
        decoder = Decoder(self.decoding.graph, self.decoding.options)
        decoder.check(str(self.run.path), np.zeros((1, self.model.network.outputs), np.float32))
        return decoder

    def timer(self, weight: float) -> Timer:
        """What aligns words; weight: LM weight."""
        if self.model.tokens:
            return TokenTimer(self.decoding.lang)
        return HmmTimer(self.decoding.lang, self.decoding.hmm, self.decoding.options, weight)

    def _refuse_other_recipe(self) -> None:
        decoding, folder, hmm = self.decoding, self.run.path, self.source.hmm
        if bool(self.model.tokens) != decoding.ctc:
            kind = "ctc" if self.model.tokens else "hmm"
            raise UserError(
                f"{folder} was trained with decode.type {kind} and the recipe is not; add --set decode.type={kind}."
            )
        if not decoding.ctc and hmm != decoding.labels:
            raise UserError(
                f"{folder} was trained on the labels of the pass {hmm} and the recipe ends with {decoding.labels}; "
                "give the --set that trained the run."
            )


def chosen_point(run: RunDir, requested: Requested | None = None) -> tuple[float, float]:
    """LM weight and penalty: those requested, or else those chosen on dev, which is logged. Raises UserError if the run
    has not been scored.
    """
    requested, path = requested or Requested(), run.score("dev")
    if requested.lm_weight is not None and requested.penalty is not None:
        return requested.lm_weight, requested.penalty
    if not path.is_file():
        raise UserError(f"{path} is missing; run the score stage, or give --lm-weight and --penalty.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        best: tuple[float, float] = content["lm_weight"], content["penalty"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged; run the score stage again, or give --lm-weight and --penalty.") from error
    weight = best[0] if requested.lm_weight is None else requested.lm_weight
    penalty = best[1] if requested.penalty is None else requested.penalty
    log.info("LM weight %g and word penalty %g, from %s", weight, penalty, path)
    return weight, penalty
