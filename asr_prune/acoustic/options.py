"""The `network:` and `train:` blocks of a recipe."""

from __future__ import annotations

import re
from math import prod
from typing import ClassVar, Literal

from asr_prune.errors import UserError
from asr_prune.options import options

#: keys of `train:` that do not change a run's result
NO_EFFECT = ("device", "processes", "tensorboard", "threads")


@options
class NetworkOptions:
    #: keys of earlier versions
    ALIASES: ClassVar[dict[str, str]] = {"taps": "context"}
    #: options that came later: at their defaults, no finished work is out of date for them
    LATER: ClassVar[tuple[str, ...]] = ("model", "subsampling", "bypass")
    #: feed_forward: fully connected layers; residual: layers that add to a stream of fixed width
    #: and can be removed whole; tdnn: time-delay layers over whole utterances; tdnnf: factored
    #: ones; nnet3: the network of `model`, which learns its own outputs again while it is pruned
    type: Literal["feed_forward", "residual", "tdnn", "tdnnf", "nnet3"] = "feed_forward"
    #: nodes of each hidden layer, first to last; tdnnf: the width of all layers, then the nodes of
    #: the bottleneck of each factored layer
    hidden: tuple[int, ...] = (512, 512, 512, 512)
    #: activation function of all hidden layers
    activation: Literal["relu", "sigmoid"] = "relu"
    #: dropout rate of the hidden layers
    dropout: float = 0.2
    #: residual: width of the stream
    stream: int = 256
    #: tdnn: for each hidden layer the relative positions of the frames that it reads from the
    #: previous layer, in frames of that layer; the last list also applies to the layers after it.
    #: tdnnf: of a factored layer, the bottleneck reads those up to 0, what follows it those from 0
    context: tuple[tuple[int, ...], ...] = ((0,), (-1, 0, 1))
    #: tdnn: for each hidden layer the frames of the previous layer per frame of its own
    #: (sub-sampling); the last number also applies to the layers after it. 1 without CTC
    strides: tuple[int, ...] = (1, 3, 1)
    #: tdnnf: the factor of a layer's input that is added to its output
    bypass: float = 0.66
    #: frames spliced before the current frame
    left_context: int = 5
    #: frames spliced after the current frame
    right_context: int = 5
    #: nnet3: directory of a Kaldi or Vosk model, or its final.mdl
    model: str = ""
    #: nnet3: feature frames per output frame, Kaldi's frame-subsampling-factor
    subsampling: int = 1

    @property
    def plain_relu(self) -> bool:
        """Whether nothing but ReLU lies between a node's incoming and outgoing weights, and nothing
        beside it.
        """
        return self.type == "feed_forward" and self.activation == "relu"

    @property
    def reads_utterances(self) -> bool:
        """Whether the network reads frames of an utterance besides the spliced one."""
        return self.type in ("tdnn", "tdnnf")

    @property
    def reach(self) -> tuple[int, int]:
        """Spliced frames that an output reads before and after its own, at strides of 1."""
        if not self.reads_utterances:
            return 0, 0
        taps = [self.context[min(i, len(self.context) - 1)] for i in range(len(self.hidden))]
        return sum(-min(0, *each) for each in taps), sum(max(0, *each) for each in taps)

    @property
    def stride(self) -> int:
        """Feature frames per output frame."""
        if not self.reads_utterances:
            return self.subsampling
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
        if not 0 <= self.bypass <= 1:
            raise ValueError(f"bypass must be from 0 to 1, not {self.bypass}")
        if min(self.left_context, self.right_context) < 0:
            raise ValueError("left_context and right_context must be 0 or more frames")
        if (self.type == "nnet3") != bool(self.model):
            raise ValueError("model must be given with type nnet3, and only with it")
        if self.subsampling < 1 or (self.subsampling > 1 and not self.model):
            raise ValueError(f"subsampling must be 1 or more, and 1 without model, not {self.subsampling}")
        if self.model and (self.left_context or self.right_context):
            raise ValueError("left_context and right_context must be 0 with type nnet3, whose model has its own")


@options
class TrainOptions:
    #: keys of earlier versions
    ALIASES: ClassVar[dict[str, str]] = {"rise": "pct_start"}
    #: keys that earlier versions did not have
    LATER: ClassVar[tuple[str, ...]] = ("segment", "precision", "processes", "leave_out")
    #: passes over the training set, shared by all phases of a pruning run
    epochs: int = 12
    #: adamw with a one-cycle learning rate, or sgd with newbob halving
    optimiser: Literal["adamw", "sgd"] = "adamw"
    #: peak (adamw) or initial (sgd) learning rate
    learning_rate: float = 0.002
    #: momentum of sgd
    momentum: float = 0.9
    #: weight decay, decoupled (adamw) or plain (sgd); biases have none, nor have vectors while a
    #: penalty shrinks them
    weight_decay: float = 0.01
    #: frames per mini-batch
    batch: int = 256
    #: tdnn and tdnnf with frame labels: most frames of a segment; a mini-batch has batch / segment
    segment: int = 50
    #: with CTC: utterances per mini-batch
    utterances: int = 16
    #: with CTC: greatest random change of an utterance's tempo, as a fraction; 0 for none
    tempo: float = 0.0
    #: with CTC: greatest random change of its vocal tract length, which moves the filterbank's
    #: bands
    warp: float = 0.0
    #: with CTC: greatest width of a random time mask in frames; one mask per five times that many
    #: frames
    mask_frames: int = 0
    #: with CTC: greatest width of the two random frequency masks, in bands
    mask_bands: int = 0
    #: fraction of the updates in which the one-cycle learning rate rises
    pct_start: float = 0.2
    #: newbob halves the learning rate each epoch once dev cross-entropy improves by less than this
    #: fraction
    halve_below: float = 0.01
    #: maximum norm of the gradient; 0: no clipping
    clip: float = 5.0
    #: trained network to start from: a run's folder, a weights file (.pt, .safetensors) or a Kaldi
    #: nnet1 file
    init: str = ""
    #: trained networks whose posteriors are soft labels, one or a list: runs of the recipe, folders
    #: of runs, or model files
    teacher: str | tuple[str, ...] = ()
    #: the teacher's part of the objective, 0 to 1; 1 leaves the labels out
    teacher_weight: float = 0.5
    #: temperature of both posteriors; above 1 they are flatter
    temperature: float = 1.0
    #: posteriors of the teacher that are kept for each frame, computed once; 0: the teacher is run
    #: on every batch, as always with CTC
    teacher_top: int = 16
    #: a part of the training speakers, such as 1/4, that the network does not hear, so that it may
    #: teach others of them; empty: none
    leave_out: str = ""
    #: of matrix products in training: float32; tf32, on a GPU only; bf16, by autocast. Weights,
    #: loss and evaluations are float32. See precision.md
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    #: auto: CUDA if available, else CPU
    device: Literal["auto", "cpu", "cuda"] = "auto"
    #: processes that train a network together, each on a part of every batch: on GPUs one per GPU,
    #: see distributed.md
    processes: int = 1
    #: CPU threads of torch, of each process; 0: torch's default, shared out among the processes
    threads: int = 0
    #: gigabytes of memory for features and labels; larger training sets are read and shuffled in
    #: chunks, see chunks.md (0: no limit)
    memory_gb: float = 8.0
    #: write TensorBoard events beside metrics.jsonl
    tensorboard: bool = True

    @property
    def teachers(self) -> tuple[str, ...]:
        """The entries of `teacher`."""
        return ((self.teacher,) if self.teacher else ()) if isinstance(self.teacher, str) else self.teacher

    @property
    def left_out(self) -> tuple[int, int] | None:
        """Which part of how many `leave_out` is."""
        number, _, count = self.leave_out.partition("/")
        return (int(number), int(count)) if self.leave_out else None

    @property
    def memory(self) -> int:
        """Bytes of memory for features and labels; 0: no limit."""
        return int(self.memory_gb * 1e9)

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.segment < 1:
            raise ValueError("epochs, batch and segment must be 1 or more")
        if self.processes < 1:
            raise ValueError(f"processes must be 1 or more, not {self.processes}")
        if self.utterances < 1:
            raise ValueError(f"utterances must be 1 or more, not {self.utterances}")
        if not (0 <= self.tempo < 1 and 0 <= self.warp < 1) or min(self.mask_frames, self.mask_bands) < 0:
            raise ValueError("tempo and warp must be at least 0 and below 1; mask_frames and mask_bands 0 or more")
        if self.learning_rate <= 0 or self.weight_decay < 0 or self.clip < 0 or self.threads < 0:
            raise ValueError("learning_rate must be positive; weight_decay, clip and threads 0 or more")
        if not 0 <= self.teacher_weight <= 1:
            raise ValueError(f"teacher_weight must be from 0 to 1, not {self.teacher_weight:g}")
        if self.temperature <= 0 or self.teacher_top < 0:
            raise ValueError("temperature must be above 0, teacher_top 0 or more")
        check_part(self.leave_out)
        if self.memory_gb < 0:
            raise ValueError(f"memory_gb must be 0 or more, not {self.memory_gb}")
        if not (0 <= self.momentum < 1 and 0 < self.pct_start < 1 and 0 <= self.halve_below < 1):
            raise ValueError("momentum and halve_below must be at least 0 and below 1, pct_start between 0 and 1")


def check_part(leave_out: str) -> None:
    """Raises ValueError if `leave_out` is not empty and no part of two or more."""
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", leave_out)
    if leave_out and not (found and 1 < int(found[2]) >= int(found[1])):
        raise ValueError(f"leave_out must be a part of the speakers, such as 1/4 and up to 4/4, not {leave_out!r}")


def check_strides(name: str, teacher: int, student: int) -> None:
    """Raises UserError if a teacher has no output where its student has one; both in feature frames
    per output. name: the teacher, for the message.
    """
    if student % teacher:
        raise UserError(
            f"{name} has one output for {teacher} frames, this run one for {student}; the student's "
            "number must be a multiple of the teacher's: change network.strides."
        )
