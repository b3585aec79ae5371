"""Segments of utterances with a label for each frame: training data of a hybrid network that reads
whole utterances.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.examples import Batch, Outcome
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.placing import to_device
from asr_prune.acoustic.teacher import Teacher


class SegmentSet(FrameSet):
    """Each utterance is divided into equal segments of at most `segment` frames, and each segment
    is an example: with as many frames around it as the network reads, so that its outputs are those
    of the whole utterance. The objective is the cross-entropy of the labels of the segment's
    frames.

    reach: spliced frames that the network reads before and after one.
    """

    segment = 50
    reach = (0, 0)
    single_rows = False

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        lengths: Tensor,
        context: tuple[int, int],
        teacher: Teacher | None = None,
        side: Tensor | None = None,
    ) -> None:
        super().__init__(features, labels, lengths, context, teacher, side)
        pieces = -(-lengths // self.segment)
        first = torch.repeat_interleave(lengths.cumsum(0) - lengths, pieces)
        length, count = (torch.repeat_interleave(x, pieces) for x in (lengths, pieces))
        place = torch.arange(len(first), device=lengths.device)
        place = place - torch.repeat_interleave(pieces.cumsum(0) - pieces, pieces)
        begins, ends = first + place * length // count, first + (place + 1) * length // count
        starts = torch.maximum(begins - self.reach[0], self.first[begins])
        stops = torch.minimum(ends + self.reach[1], self.last[begins] + 1)
        # on the host, where batches are put together: their sizes depend on these
        self.bounds = torch.stack([begins, ends, starts, stops]).cpu()
        self.order_device = torch.device("cpu")

    @classmethod
    def count_examples(cls, lengths: np.ndarray) -> int:
        return int((-(-lengths // cls.segment)).sum())

    def __len__(self) -> int:
        return self.bounds.shape[1]

    def batch_size(self, options: TrainOptions) -> int:
        return max(1, round(options.batch / self.segment))

    def batch_at(self, index: Tensor) -> Batch:
        """Spliced frames [frames, inputs], labels [frames within], the lengths of the segments with
        what surrounds them, which frames lie within them, boolean [frames], and what the teacher
        reads of these. index: on the host.
        """
        begins, ends, starts, stops = self.bounds[:, index]
        lengths = stops - starts
        place = torch.arange(int(lengths.sum()))
        place = place - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
        begins, ends, starts = (torch.repeat_interleave(x, lengths) for x in (begins, ends, starts))
        frames = starts + place
        within = (frames >= begins) & (frames < ends)
        wanted = (frames, frames[within], within, lengths)
        frames, labelled, within, lengths = (to_device(x, self.device) for x in wanted)
        spliced = self.splice(frames)
        taught = self.taught(labelled, spliced[within]) if self.teacher else ()
        return spliced, self.labels[labelled], lengths, within, *taught

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        inputs, labels, lengths, within, *taught = batch
        logits, _ = network.forward_utterances(inputs, lengths)
        rows = torch.nonzero_static(within, size=len(labels)).flatten()  # its size is known here
        return self.judged(network, logits[rows], labels, taught)


def frame_set(reach: tuple[int, int], segment: int = SegmentSet.segment) -> type[FrameSet]:
    """The kind of examples that a network needs which reads `reach` spliced frames before and after
    each one: single frames if it reads no others, else segments of at most `segment` frames.
    """
    if reach == (0, 0):
        return FrameSet
    found = {
        "segment": segment,
        "reach": reach,
        "eval_batch": max(1, FrameSet.eval_batch // segment),
    }
    return type("SegmentSet", (SegmentSet,), found)
