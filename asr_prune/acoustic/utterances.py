"""Utterances with a token sequence each, for training with CTC and without alignments (Graves,
Fernandez, Gomez and Schmidhuber 2006).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.augment import Augment, Change
from asr_prune.acoustic.examples import Batch, Outcome, Utterances
from asr_prune.acoustic.in_memory import InMemory, concatenate, side_of
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.placing import to_device
from asr_prune.acoustic.teacher import Lesson, Taught, Teacher
from asr_prune.errors import UserError
from asr_prune.features.stored import frames_of

log = logging.getLogger(__name__)

#: the blank's token id
BLANK_ID = 0


class UtteranceSet(InMemory):
    """Each utterance is an example; the objective is the CTC loss, summed over its alternative
    spellings.

    tokens: the spellings of each utterance, int64 [tokens] each, without BLANK_ID; stride: the
    network's, in frames; augment: applied each time an utterance is used in training.
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
        teacher: Teacher | None = None,
        side: Tensor | None = None,
    ) -> None:
        super().__init__(features, lengths, context, teacher, side)
        self.lengths, self.tokens, self.stride = lengths, list(tokens), stride
        self.augment = augment
        self.starts = lengths.cumsum(0) - lengths
        self.mean = features.mean(0)

    @classmethod
    def count_examples(cls, lengths: np.ndarray) -> int:
        return len(lengths)

    @classmethod
    def usable_utterances(cls, features: Utterances, labels: Utterances, stride: int = 1) -> list[str]:
        """Those with features, tokens and enough frames at `stride` for a spelling; others are
        reported.

        Raises UserError if there are none.
        """
        both, frames = sorted(features.keys() & labels.keys()), frames_of(features)
        names = [name for name in both if feasible_spellings(labels[name], -(-frames[name] // stride))]
        if len(names) < len(both):
            text = "%d of %d utterances have too few frames for their tokens at one of %d frames, left out"
            log.warning(text, len(both) - len(names), len(both), stride)
        if not names:
            raise UserError(
                "no utterance has both features and enough frames for its tokens; "
                "run the stages lang and features on the same data, or lower network.strides."
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
        lesson: Lesson | None = None,
    ) -> UtteranceSet:
        """labels: token ids by utterance, [tokens], or [spellings, tokens] padded with BLANK_ID.

        Spellings with too few frames are left out.
        """
        lengths = frames_of(features)
        chosen = {name: feasible_spellings(labels[name], -(-lengths[name] // stride)) for name in names}
        return cls(
            to_device(concatenate(names, features, np.float32), device),
            torch.tensor([lengths[name] for name in names]).to(device),
            [[torch.from_numpy(tokens).to(device) for tokens in chosen[name]] for name in names],
            context,
            stride,
            augment,
            lesson.teacher if lesson else None,
            side_of(names, lesson, device),
        )

    @classmethod
    def priors_from_labels(cls, names: Sequence[str], labels: Utterances, classes: int) -> Tensor:
        return torch.zeros(classes)

    def __len__(self) -> int:
        return len(self.tokens)

    def batch_size(self, options: TrainOptions) -> int:
        return options.utterances

    def batch_at(self, index: Tensor) -> Batch:
        """Spliced frames [frames, inputs], the lengths of the utterances, the tokens of all
        spellings concatenated, the lengths of the spellings, the number of spellings of each
        utterance, and what the teacher reads.
        """
        lengths = self.lengths[index]
        within = torch.arange(int(lengths.sum()), device=self.device)
        within = within - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
        frames = torch.repeat_interleave(self.starts[index], lengths) + within
        chosen = [self.tokens[i] for i in index.tolist()]
        tokens = [spelling for several in chosen for spelling in several]
        counts, ways = (torch.tensor([*map(len, x)], device=self.device) for x in (tokens, chosen))
        spliced = self.splice(frames)
        return spliced, lengths, torch.cat(tokens), counts, ways, *self.taught(frames, spliced)

    def training_batch(self, index: Tensor, generator: torch.Generator | None, own: slice) -> Batch | None:
        if self.augment is None or generator is None:
            return super().training_batch(index, generator, own)
        changes = [self._change(i, self.augment, generator) for i in index.tolist()][own]
        if not changes:
            return None
        pairs = zip(index[own].tolist(), changes, strict=True)
        features = [change(self._features_of(i), self.mean) for i, change in pairs]
        lengths = torch.tensor([len(matrix) for matrix in features], device=self.device)
        tokens = [self.tokens[i] for i in index[own].tolist()]
        augmented = UtteranceSet(torch.cat(features), lengths, tokens, self.context, teacher=self.teacher)
        return augmented.batch_at(torch.arange(len(features), device=self.device))

    def _features_of(self, i: int) -> Tensor:
        return self.features[self.starts[i] : self.starts[i] + self.lengths[i]]

    def _change(self, i: int, augment: Augment, generator: torch.Generator) -> Change:
        """A random change of utterance `i` that leaves enough frames for its tokens."""
        length = int(self.lengths[i])
        needed = max(fewest_frames(tokens.cpu().numpy()) for tokens in self.tokens[i])
        least = min(length, self.stride * needed)
        return augment.draw(length, self.features.shape[1], least, generator)

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        inputs, lengths, tokens, counts, ways, *taught = batch
        logits, output_lengths = network.forward_utterances(inputs, lengths)
        logits = logits.to(network.shift)
        parts = logits.log_softmax(-1).split(output_lengths.tolist())
        losses = _ctc_losses(parts, output_lengths, tokens, counts, ways)
        loss = -torch.stack([(-several).logsumexp(0) for several in losses]).sum() / len(inputs)
        likeliest = torch.stack([several.detach().argmin() for several in losses])
        best = ways.cumsum(0) - ways + likeliest
        references = [tokens.split(counts.tolist())[i].cpu().numpy() for i in best.tolist()]
        hypotheses = [collapsed(part.detach().argmax(-1).cpu().numpy()) for part in parts]
        total = sum(map(len, references))
        correct = loss.new_tensor(total - token_errors(references, hypotheses)).long()
        objective = self.objective(network, loss, logits, Taught(taught, lengths, network.stride))
        return Outcome(loss, objective, len(inputs), correct, total)

    def log_priors(self, classes: int) -> Tensor:
        """Zeros: posteriors of tokens are not divided by priors."""
        return torch.zeros(classes)


def _ctc_losses(
    parts: Sequence[Tensor],
    lengths: Tensor,
    tokens: Tensor,
    counts: Tensor,
    ways: Tensor,
) -> tuple[Tensor, ...]:
    """The loss of each spelling, [spellings] by utterance. parts: log posteriors [frames, tokens]
    of each utterance; lengths: their frames; tokens, counts, ways: as in a batch of UtteranceSet.
    """
    owner = torch.repeat_interleave(torch.arange(len(ways), device=ways.device), ways)
    padded = nn.utils.rnn.pad_sequence(list(parts))[:, owner]  # [frames, spellings of all, tokens]
    losses = nn.functional.ctc_loss(padded, tokens, lengths[owner], counts, BLANK_ID, "none")
    return losses.split(ways.tolist())


def feasible_spellings(tokens: np.ndarray, frames: int) -> list[np.ndarray]:
    """The spellings of an utterance that fit into `frames`."""
    return [spelling for spelling in spellings(tokens) if fewest_frames(spelling) <= frames]


def spellings(tokens: np.ndarray) -> list[np.ndarray]:
    """The spellings of an utterance, int [tokens] or [spellings, tokens], as int64 [tokens] each
    without padding.
    """
    return [row[row != BLANK_ID].astype(np.int64) for row in np.atleast_2d(tokens)]


def fewest_frames(tokens: np.ndarray) -> int:
    """Frames that a token sequence needs: one each, and a blank between equal neighbours."""
    return len(tokens) + int((tokens[1:] == tokens[:-1]).sum())


def collapsed(path: np.ndarray) -> np.ndarray:
    """The tokens of a CTC path, int [frames]: repetitions merged, blanks removed."""
    new = np.ones(len(path), bool)
    new[1:] = path[1:] != path[:-1]
    return path[new & (path != BLANK_ID)]


def token_errors(references: Sequence[np.ndarray], hypotheses: Sequence[np.ndarray]) -> int:
    """Substitutions, insertions and deletions, summed over pairs of token sequences."""
    return sum(_edit_distance(*pair) for pair in zip(references, hypotheses, strict=True))


def _edit_distance(reference: np.ndarray, hypothesis: np.ndarray) -> int:
    """Levenshtein's, row by row: insertions along a row are a running minimum."""
    column = np.arange(len(hypothesis) + 1)
    row = column
    for token in reference:
        best = row + 1
        best[1:] = np.minimum(best[1:], row[:-1] + (hypothesis != token))
        row = np.minimum.accumulate(best - column) + column
    return int(row[-1])
