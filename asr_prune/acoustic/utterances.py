"""Utterances with a sequence of tokens each: what a network is trained on by CTC, without any alignment (Graves,
Fernandez, Gomez and Schmidhuber 2006).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.examples import Batch, InMemory, Outcome, Utterances, concatenate
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.errors import UserError
from asr_prune.features.stored import frames_of

log = logging.getLogger(__name__)

BLANK_ID = 0


class UtteranceSet(InMemory):
    """Each utterance is an example; the objective is -log of the summed probability of all paths that spell it, in
    whatever way.

    tokens: for each utterance the ways to spell it, int64 [tokens] each, none of them BLANK_ID; stride: frames of which
    the network keeps one; augment: what happens to features each time they are learned.
    """

    eval_batch = 32

    def __init__(
        self,
        features: Tensor,
        lengths: Tensor,
        tokens: Sequence[Sequence[Tensor]],
        context: tuple[int, int],
        stride: int = 1,
        augment: Augment | None = None,
    ) -> None:
        super().__init__(features, lengths, context)
        self.lengths, self.tokens, self.stride, self.augment = lengths, list(tokens), stride, augment
        self.starts = lengths.cumsum(0) - lengths
        self.mean = features.mean(0)

    @classmethod
    def count_examples(cls, lengths: np.ndarray) -> int:
        return len(lengths)

    @classmethod
    def usable_utterances(cls, features: Utterances, labels: Utterances, stride: int = 1) -> list[str]:
        """Those with features and tokens, and frames enough to spell these at one of `stride`; the others are counted
        and told. Raises UserError where none is left.
        """
        both, frames = sorted(features.keys() & labels.keys()), frames_of(features)
        names = [
            name for name in both if -(-frames[name] // stride) >= min(map(fewest_frames, spellings(labels[name])))
        ]
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
    def build(
        cls,
        names: Sequence[str],
        features: Utterances,
        labels: Utterances,
        context: tuple[int, int],
        device: torch.device | str = "cpu",
        stride: int = 1,
        augment: Augment | None = None,
    ) -> UtteranceSet:
        """labels: by utterance ids, [tokens], or in several ways, [ways, tokens], filled up with BLANK_ID; ways that have
        too few frames are left out.
        """
        lengths = frames_of(features)
        ways = {name: feasible_spellings(labels[name], -(-lengths[name] // stride)) for name in names}
        return cls(
            concatenate(names, features, np.float32).to(device),
            torch.tensor([lengths[name] for name in names]).to(device),
            [[torch.from_numpy(way).to(device) for way in ways[name]] for name in names],
            context,
            stride,
            augment,
        )

    @classmethod
    def priors_from_labels(cls, names: Sequence[str], labels: Utterances, classes: int) -> Tensor:
        return torch.zeros(classes)

    def __len__(self) -> int:
        return len(self.tokens)

    def batch_size(self, options: TrainOptions) -> int:
        return options.utterances

    def batch_at(self, index: Tensor) -> Batch:
        """Spliced frames [frames, inputs], frames of each utterance, tokens one way after the other, tokens of each
        way, ways of each utterance.
        """
        lengths = self.lengths[index]
        within = torch.arange(int(lengths.sum()), device=self.device)
        within = within - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
        frames = torch.repeat_interleave(self.starts[index], lengths) + within
        own = [self.tokens[i] for i in index.tolist()]
        tokens = [way for ways in own for way in ways]
        counts, ways = (torch.tensor(list(map(len, some)), device=self.device) for some in (tokens, own))
        return self.splice(frames), lengths, torch.cat(tokens), counts, ways

    def training_batch(self, index: Tensor, generator: torch.Generator | None) -> Batch:
        if self.augment is None or generator is None:
            return self.batch_at(index)
        made = [self._otherwise(i, self.augment, generator) for i in index.tolist()]
        lengths = torch.tensor([len(own) for own in made], device=self.device)
        random_ranges = UtteranceSet(torch.cat(made), lengths, [self.tokens[i] for i in index.tolist()], self.context)
        return random_ranges.batch_at(torch.arange(len(index), device=self.device))

    def _otherwise(self, i: int, augment: Augment, generator: torch.Generator) -> Tensor:
        """Features of utterance `i` augmented, with frames enough for its tokens."""
        start, length = int(self.starts[i]), int(self.lengths[i])
        least = min(length, self.stride * max(fewest_frames(way.cpu().numpy()) for way in self.tokens[i]))
        return augment(self.features[start : start + length], self.mean, least, generator)

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        inputs, lengths, tokens, counts, ways = batch
        logits, shorter = network.forward_utterances(inputs, lengths)
        parts = logits.log_softmax(-1).split(shorter.tolist())
        owner = torch.repeat_interleave(torch.arange(len(ways), device=ways.device), ways)
        padded = nn.utils.rnn.pad_sequence(list(parts))[:, owner]  # [frames, ways of all, tokens]
        losses = nn.functional.ctc_loss(padded, tokens, shorter[owner], counts, BLANK_ID, "none").split(ways.tolist())
        loss = -torch.stack([(-own).logsumexp(0) for own in losses]).sum() / len(inputs)
        likeliest = ways.cumsum(0) - ways + torch.stack([own.detach().argmin() for own in losses])
        said = [tokens.split(counts.tolist())[i].cpu().numpy() for i in likeliest.tolist()]
        heard = [collapsed(own.detach().argmax(-1).cpu().numpy()) for own in parts]
        spoken = sum(map(len, said))
        return Outcome(loss, len(inputs), loss.new_tensor(spoken - token_errors(said, heard)).long(), spoken)

    def log_priors(self, classes: int) -> Tensor:
        """Zeros: posteriors of tokens are decoded as they are."""
        return torch.zeros(classes)


def feasible_spellings(tokens: np.ndarray, frames: int) -> list[np.ndarray]:
    """Of the ways to spell an utterance those that `frames` suffice for."""
    return [way for way in spellings(tokens) if fewest_frames(way) <= frames]


def spellings(tokens: np.ndarray) -> list[np.ndarray]:
    """The ways to spell an utterance, int [tokens] or [ways, tokens], as int64 [tokens] each, without the blanks that
    fill them up.
    """
    return [way[way != BLANK_ID].astype(np.int64) for way in np.atleast_2d(tokens)]


def fewest_frames(tokens: np.ndarray) -> int:
    """Frames that it takes to spell tokens: one each, and a blank between two that are the same."""
    return len(tokens) + int((tokens[1:] == tokens[:-1]).sum())


def collapsed(path: np.ndarray) -> np.ndarray:
    """Tokens of a path, int [frames]: repetitions once, blanks left out."""
    new = np.ones(len(path), bool)
    new[1:] = path[1:] != path[:-1]
    return path[new & (path != BLANK_ID)]


def token_errors(said: Sequence[np.ndarray], heard: Sequence[np.ndarray]) -> int:
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
