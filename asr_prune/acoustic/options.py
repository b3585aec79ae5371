"""What a recipe's `network:` and `train:` blocks hold."""

from __future__ import annotations

from math import inf, prod
from typing import ClassVar, Literal

from asr_prune.options import options


@options
class NetworkOptions:
    #: keys of earlier versions
    ALIASES: ClassVar[dict[str, str]] = {"taps": "context"}
    #: feed_forward: layer after layer; residual: layers that add to a stream of fixed width and may vanish whole; tdnn:
    #: time-delay layers, each with context of its own, over whole utterances (decode.type ctc)
    type: Literal["feed_forward", "residual", "tdnn"] = "feed_forward"
    #: nodes of the hidden layers, first to last; any depth
    hidden: tuple[int, ...] = (512, 512, 512, 512)
    #: nonlinearity of every hidden layer
    activation: Literal["relu", "sigmoid"] = "relu"
    #: fraction of hidden outputs dropped in training
    dropout: float = 0.2
    #: residual: width of the stream that the layers add to
    stream: int = 256
    #: tdnn: for each hidden layer the frames of the layer before that it hears, relative to its own, counted in that
    #: layer's frames; the last list is also that of the layers after it
    context: tuple[tuple[int, ...], ...] = ((0,), (-1, 0, 1))
    #: tdnn: for each hidden layer, of how many frames of the layer before it keeps one; the last number is also that of
    #: the layers after it
    strides: tuple[int, ...] = (1, 3, 1)
    #: frames spliced before the current one
    left_context: int = 5
    #: frames spliced after the current one
    right_context: int = 5

    @property
    def stride(self) -> int:
        """Frames of which the network keeps one."""
        if self.type != "tdnn":
            return 1
        return prod(self.strides[min(i, len(self.strides) - 1)] for i in range(len(self.hidden)))

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"hidden must list at least one width, each 1 or more, not {list(self.hidden)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {self.dropout}")
        if self.stream < 1:
            raise ValueError(f"stream must be 1 or more, not {self.stream}")
        if not self.context or not all(self.context) or not self.strides or min(self.strides) < 1:
            raise ValueError("context must list at least one frame for each layer, and strides numbers of 1 or more")
        if min(self.left_context, self.right_context) < 0:
            raise ValueError("left_context and right_context must be 0 or more frames")


@options
class TrainOptions:
    #: keys of earlier versions
    ALIASES: ClassVar[dict[str, str]] = {"rise": "pct_start"}
    #: passes over the training frames; all phases of a pruning run share them
    epochs: int = 12
    #: adamw goes with a one-cycle learning rate, sgd with newbob halving
    optimiser: Literal["adamw", "sgd"] = "adamw"
    #: peak (adamw) or initial (sgd) learning rate
    learning_rate: float = 0.002
    #: momentum of sgd
    momentum: float = 0.9
    #: decoupled (adamw) or plain (sgd) weight decay, of weights only, never of biases or penalised vectors
    weight_decay: float = 0.01
    #: frames a mini-batch
    batch: int = 256
    #: utterances a mini-batch, with CTC
    utterances: int = 16
    #: with CTC, each time an utterance is learned: its tempo changes by up to this share, up or down
    tempo: float = 0.0
    #: and so do the places of its filterbank's bands
    warp: float = 0.0
    #: stretches of up to so many frames are masked, one in every five times as many frames
    mask_frames: int = 0
    #: twice up to so many neighbouring bands are masked
    mask_bands: int = 0
    #: share of the steps in which the one-cycle learning rate rises
    pct_start: float = 0.2
    #: newbob halves the rate from the epoch on whose dev cross-entropy improves by less than this fraction
    halve_below: float = 0.01
    #: largest norm of the gradient; 0 switches clipping off
    clip: float = 5.0
    #: start from a trained network: a run's folder, a file of weights (.pt, .safetensors), or a Kaldi nnet1 file
    init: str = ""
    #: auto takes CUDA where there is one
    device: Literal["auto", "cpu", "cuda"] = "auto"
    #: processor threads of torch; 0 leaves torch's own choice
    threads: int = 0
    #: gigabytes that features and labels may take; larger training sets are read and shuffled a chunk at a time (0: any
    #: number; see chunks.md)
    memory_gb: float = 8.0
    #: write TensorBoard events index_bytes metrics.jsonl
    tensorboard: bool = True

    @property
    def memory(self) -> int:
        """Bytes that features and labels may take; 0 for any number."""
        return int(self.memory_gb * 1e9)

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise ValueError("epochs and batch must be 1 or more")
        if self.utterances < 1:
            raise ValueError(f"utterances must be 1 or more, not {self.utterances}")
        if not (0 <= self.tempo < 1 and 0 <= self.warp < 1) or min(self.mask_frames, self.mask_bands) < 0:
            raise ValueError("tempo and warp must be at least 0 and below 1; mask_frames and mask_bands 0 or more")
        if self.learning_rate <= 0 or self.weight_decay < 0 or self.clip < 0 or self.threads < 0:
            raise ValueError("learning_rate must be positive; weight_decay, clip and threads 0 or more")
        if not 0 <= self.memory_gb < inf:
            raise ValueError(f"memory_gb must be 0 or more and finite, not {self.memory_gb}")
        if not (0 <= self.momentum < 1 and 0 < self.pct_start < 1 and 0 <= self.halve_below < 1):
            raise ValueError("momentum and halve_below must be at least 0 and below 1, pct_start between 0 and 1")
