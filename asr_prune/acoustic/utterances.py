"""Utterances with a sequence of tokens each: what a network is trained on by CTC, without any alignment (Graves,
Fernandez, Gomez and Schmidhuber 2006).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.examples import Batch, Held, Outcome, Utterances, end_to_end
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.errors import UserError
from asr_prune.features.stored import frames_of

log = logging.getLogger(__name__)

BLANK = 0


class UtteranceSet(Held):
    """Each utterance is an example; the objective is -log of the summed probability of all paths that spell it.

    tokens: for each utterance int64 [tokens], none of them BLANK.
    """

    at_once = 32

    def __init__(self, features: Tensor, lengths: Tensor, tokens: Sequence[Tensor], context: tuple[int, int]) -> None:
        super().__init__(features, lengths, context)
        self.lengths, self.tokens = lengths, list(tokens)
        self.starts = lengths.cumsum(0) - lengths

    @classmethod
    def count_of(cls, lengths: np.ndarray) -> int:
        return len(lengths)

    @classmethod
    def usable(cls, features: Utterances, labels: Utterances, stride: int = 1) -> list[str]:
        """Those with features and tokens, and frames enough to spell these at one of `stride`; the others are counted
        and told. Raises UserError where none is left.
        """
        both, frames = sorted(features.keys() & labels.keys()), frames_of(features)
        names = [name for name in both if -(-frames[name] // stride) >= fewest_frames(labels[name])]
        if len(names) < len(both):
            told = "%d of %d utterances have too few frames for their tokens at one of %d frames, left out"
            log.warning(told, len(both) - len(names), len(both), stride)
        if not names:
            raise UserError(
                "no utterance has both features and enough frames for its tokens; run the stages lang and features on "
                "the same data, or lower network.strides."
            )
        return names

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        features: Utterances,
        labels: Utterances,
        context: tuple[int, int],
        device: torch.device | str = "cpu",
    ) -> UtteranceSet:
        lengths = frames_of(features)
        return cls(
            end_to_end(names, features, np.float32).to(device),
            torch.tensor([lengths[name] for name in names]).to(device),
            [torch.from_numpy(labels[name].astype(np.int64)).to(device) for name in names],
            context,
        )

    @classmethod
    def priors_of(cls, names: Sequence[str], labels: Utterances, classes: int) -> Tensor:
        return torch.zeros(classes)

    def __len__(self) -> int:
        return len(self.tokens)

    def batch_of(self, options: TrainOptions) -> int:
        return options.utterances

    def taken(self, index: Tensor) -> Batch:
        """Spliced frames [frames, inputs], frames of each utterance, tokens one utterance after the other, tokens of
        each utterance.
        """
        lengths = self.lengths[index]
        within = torch.arange(int(lengths.sum()), device=self.device)
        within = within - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
        frames = torch.repeat_interleave(self.starts[index], lengths) + within
        tokens = [self.tokens[i] for i in index.tolist()]
        counts = torch.tensor([len(own) for own in tokens], device=self.device)
        return self.spliced(frames), lengths, torch.cat(tokens), counts

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        inputs, lengths, tokens, counts = batch
        logits, shorter = network.of_utterances(inputs, lengths)
        parts = logits.log_softmax(-1).split(shorter.tolist())
        padded = nn.utils.rnn.pad_sequence(list(parts))  # [frames, utterances, tokens]
        loss = nn.functional.ctc_loss(padded, tokens, shorter, counts, BLANK, "sum") / len(inputs)
        said = [own.cpu().numpy() for own in tokens.split(counts.tolist())]
        heard = [collapsed(own.detach().argmax(-1).cpu().numpy()) for own in parts]
        return Outcome(loss, len(inputs), loss.new_tensor(len(tokens) - errors(said, heard)).long(), len(tokens))

    def log_priors(self, classes: int) -> Tensor:
        """Zeros: posteriors of tokens are decoded as they are."""
        return torch.zeros(classes)


def fewest_frames(tokens: np.ndarray) -> int:
    """Frames that it takes to spell tokens: one each, and a blank between two that are the same."""
    return len(tokens) + int((tokens[1:] == tokens[:-1]).sum())


def collapsed(path: np.ndarray) -> np.ndarray:
    """Tokens of a path, int [frames]: repetitions once, blanks left out."""
    new = np.ones(len(path), bool)
    new[1:] = path[1:] != path[:-1]
    return path[new & (path != BLANK)]


def errors(said: Sequence[np.ndarray], heard: Sequence[np.ndarray]) -> int:
    """The least substitutions, insertions and deletions between sequences of ids, summed over pairs of them."""
    return sum(_distance(one, other) for one, other in zip(said, heard, strict=True))


def _distance(said: np.ndarray, heard: np.ndarray) -> int:
    """Levenshtein's, a row at a time: insertions along a row are a running minimum."""
    place = np.arange(len(heard) + 1)
    row = place
    for token in said:
        best = row + 1
        best[1:] = np.minimum(best[1:], row[:-1] + (heard != token))
        row = np.minimum.accumulate(best - place) + place
    return int(row[-1])
