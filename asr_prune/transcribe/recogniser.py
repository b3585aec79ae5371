"""Words of audio that is in no set, and times of words that are, by the shrunk network of a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.decode.hypothesis import GraphRecogniser, GreedyRecogniser, Hypothesis, Recogniser
from asr_prune.decode.parallel import each
from asr_prune.decode.search import Decoder
from asr_prune.decode.word_times import HmmTimer, Timer, TokenTimer
from asr_prune.errors import UserError
from asr_prune.features.load import prepared
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.network_features import Feats, NetworkFeatures
from asr_prune.hmm.options import SatOptions
from asr_prune.stages.ctc import prior_inputs, with_priors
from asr_prune.stages.decoding import Forward, graph_folder, graph_inputs
from asr_prune.workflow.context import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What is wanted besides words; lm_weight, penalty: in place of those that dev chose."""

    times: bool = False
    confidence: bool = False
    lm_weight: float | None = None
    penalty: float | None = None


class RunRecogniser:
    """The network of the run in `folder`, exp/<name>/runs/<run>, its features and its graph.

    Raises UserError where a file is missing, or network, graph and recipe do not belong together.
    """

    def __init__(self, context: Context, folder: Path) -> None:
        self.context, self.folder = context, folder
        self.model = load_model(folder / "shrunk/network.pt")
        self.source = NetworkFeatures.from_plain(self.model.features)
        self._refuse_other_recipe()
        self.context.need(graph_inputs(context) | prior_inputs(context))
        self.model = with_priors(context, self.model)

    @property
    def shift(self) -> float:
        """Seconds between frames that are decoded."""
        return self.source.frame_shift * self.model.network.stride

    @property
    def raw_options(self) -> FeatureOptions:
        """Of the features as they are computed from audio. Raises UserError where they were made elsewhere."""
        options = self.source.options.hmm if self.source.kind == "hmm" else self.source.options.network
        if options.archives:
            raise UserError(
                f"the network hears features that were made elsewhere ({options.archives}), and how is not known here; "
                "give a run whose features are computed from audio."
            )
        return options

    def features(self, raw: Feats, speakers: dict[str, str]) -> Feats:
        """What the network hears, float32 [frames, dim] by utterance: normalised, and for a network that hears a
        speaker-adaptive pass transformed, over each speaker's utterances, as in the stages features and align.

        raw: features as computed; speakers: by utterance.
        """
        if self.source.kind == "network":
            return prepared(raw, self.source.options.network, speakers)
        from asr_prune.hmm.fmllr import transformed
        from asr_prune.hmm.frontend import FrontEnd

        hmm = self.context.align / self.source.hmm
        front = FrontEnd.load(hmm)
        base = prepared(raw, replace(self.source.options.hmm, deltas=0), speakers)
        feats = {name: front(own) for name, own in base.items()}
        if not (hmm / "trans.scp").is_file():
            return feats
        transforms = self._transforms(hmm, feats, speakers)
        return {name: transformed(own, transforms[speakers[name]]) for name, own in feats.items()}

    def _transforms(self, hmm: Path, feats: Feats, speakers: dict[str, str]) -> dict[str, np.ndarray]:
        from asr_prune.decode.adapt import Adapter
        from asr_prune.lang.lang import Lang

        context, last = self.context, self.context.recipe.hmm.run[-1]
        own = last if isinstance(last, SatOptions) and not context.recipe.hmm.labels else SatOptions()
        silence = Lang.read(context.lang).silence
        adapter = Adapter(hmm, graph_folder(context, hmm.name), silence, context.recipe.decode, context.nj)
        return adapter.transforms(feats, speakers, own.fmllr_min_frames)

    def hear(self, listen: Recogniser, groups: Iterable[Feats]) -> Iterator[tuple[str, Hypothesis]]:
        """Yields (utterance, what was heard), the groups one after the other; features as `features` gives them."""
        loglikes = (found for group in groups for found in Forward(self.model, group))
        yield from each(listen, loglikes, self.context.nj)

    def listener(self, asked: Asked) -> Recogniser:
        """What makes words of log-likelihoods."""
        if self.context.recipe.decode.search == "greedy":
            return GreedyRecogniser(self.model.tokens, asked.times, asked.confidence)
        point = chosen_point(self.folder, asked)
        timer = self.timer(point[0]) if asked.times else None
        return GraphRecogniser(self.decoder(), point, timer, asked.confidence)

    def decoder(self) -> Decoder:
        """The search in the graph, which is seen to be of the network's pdfs."""
        decoder = Decoder(self.context.graph, self.context.recipe.decode)
        decoder.check(str(self.folder), np.zeros((1, self.model.network.outputs), np.float32))
        return decoder

    def timer(self, weight: float) -> Timer:
        """What aligns words; weight: LM weight."""
        context = self.context
        if self.model.tokens:
            return TokenTimer(context.lang)
        return HmmTimer(context.lang, context.labels, context.recipe.decode, weight)

    def _refuse_other_recipe(self) -> None:
        context, folder, hmm = self.context, self.folder, self.source.hmm
        if bool(self.model.tokens) != context.ctc:
            own = "ctc" if self.model.tokens else "hmm"
            raise UserError(f"{folder} was trained with decode.type {own} and the recipe is not; give it by --set.")
        if not context.ctc and hmm != context.labels.name:
            raise UserError(
                f"{folder} learned the labels of the pass {hmm} and the recipe ends with {context.labels.name}; give "
                "the --set that trained the run."
            )


def chosen_point(folder: Path, asked: Asked = Asked()) -> tuple[float, float]:
    """LM weight and penalty: those asked for, else those that dev chose, which is said. Raises UserError where the run
    has not been scored.
    """
    path = folder / "score_dev.json"
    if asked.lm_weight is not None and asked.penalty is not None:
        return asked.lm_weight, asked.penalty
    if not path.is_file():
        raise UserError(f"{path} is missing; run the stage score, or give --lm-weight and --penalty.")
    try:
        found = json.loads(path.read_text())
        best: tuple[float, float] = found["lm_weight"], found["penalty"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged; run the stage score again, or give --lm-weight and --penalty.") from error
    weight = best[0] if asked.lm_weight is None else asked.lm_weight
    penalty = best[1] if asked.penalty is None else asked.penalty
    log.info("LM weight %g and word penalty %g, by %s", weight, penalty, path)
    return weight, penalty
