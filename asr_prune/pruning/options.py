"""What every method's `prune:` block may hold, and what a method says of itself; read without
torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from asr_prune.errors import listed
from asr_prune.options import options
from asr_prune.pruning.acts import SHARED, Rule
from asr_prune.pruning.audit_table import AuditTable
from asr_prune.pruning.budget import BudgetOptions
from asr_prune.pruning.counts import check_input_request, check_request
from asr_prune.pruning.lengths import Length, check_length, epochs_of, is_nothing

#: how coefficients of the input are penalised and ranked, where a method has a choice
_OF_INPUTS = {"vectors": "outgoing", "score": "onorm"}


@options
class PruneOptions:
    #: keys of earlier versions
    ALIASES: ClassVar[dict[str, str]] = {"release": "fine_tune"}
    #: whether a run of the method is the dense reference of the others
    IS_DENSE: ClassVar[bool] = False
    #: settings that the report has columns for; the others tell variants of the method apart
    COLUMNS: ClassVar[tuple[str, ...]] = ("keep", "budget", "strength", "vectors")
    #: fields that count for a run's fingerprint only if they are set, so that runs made before
    #: there were any stay done
    LATER: ClassVar[tuple[str, ...]] = ("budget", "turn")
    #: the method's log, if it keeps one
    AUDIT: ClassVar[AuditTable | None] = None
    #: the method's place, from the left, in the picture of weight matrices; None: it takes no part
    PANEL: ClassVar[int | None] = None
    #: whether its weights have zeros before the cut, without which the picture shows nothing
    ZEROS: ClassVar[bool] = False
    #: defaults in recipes whose network is no plain ReLU network
    ELSEWHERE: ClassVar[dict[str, Any]] = {}
    #: defaults where single weights are pruned, not nodes
    OF_WEIGHTS: ClassVar[dict[str, Any]] = {}
    #: whether it removes nodes
    REMOVES: ClassVar[bool] = True
    #: whether, removing none, it makes a network within a budget
    SMALL: ClassVar[bool] = False
    #: whether, removing none, it factors all maps to meet a budget
    FACTORS: ClassVar[bool] = False
    #: whether all layers keep the same share, so that `floor` means nothing
    EVEN: ClassVar[bool] = False
    #: when settings act that do not always: a recipe whose settings mean nothing is refused
    ACTS: ClassVar[Mapping[str, Rule]] = SHARED
    #: whether it needs updates to bring nodes to zero, so that `press` cannot be 0
    STEERS: ClassVar[bool] = False
    #: settings that are lengths of phases
    LENGTHS: ClassVar[tuple[str, ...]] = ("warm_up", "fine_tune")
    #: settings of which one must be given, as each says how much is to remain; none: the method has a
    #: target of its own
    ASKS: ClassVar[tuple[str, ...]] = ("keep", "budget", "strength")

    #: name of the method: a folder in asr_prune/pruning/methods, or an entry point
    #: `asr_prune.methods`
    method: str = "none"
    #: fraction of the hidden nodes that remain at the end of the run
    keep: float | None = None
    #: in place of keep: what the network may cost at the end of the run
    budget: BudgetOptions | None = None
    #: weight of the penalty, as in the papers; the number of remaining nodes follows from it
    strength: float | None = None
    #: before the method acts: fraction of the updates, or a length such as 2 epochs or 500 updates
    warm_up: Length = 0.2
    #: longest time in which the method acts, likewise; null: all that warm_up and fine_tune leave
    press: Length | None = None
    #: least time after the cut, in which the remaining nodes are trained without the penalty,
    #: likewise
    fine_tune: Length = 0.5
    #: starts a new learning-rate schedule where the sparsify phase is planned to end (the cut may
    #: come earlier), with this factor on train.learning_rate; null: one schedule for the whole run
    release_rate: float | None = None
    #: permanently removed nodes are dropped from the computation during training; false keeps them
    #: as zeros to the end
    live_shrink: bool = True
    #: minimum number of nodes in each layer
    min_nodes: int = 8
    #: with keep: minimum size of each layer, as a fraction of the size that it would have if all
    #: layers kept alike
    floor: float = 0.8
    #: whether nodes of linear layers, the bottlenecks of factored maps, are turned to axes in which
    #: few of them matter before the method acts on them
    turn: bool = False
    #: whether coefficients of the spliced input are removed as nodes are; the fraction that remains
    #: is that of the nodes, or the number given here
    inputs: bool | float = False
    #: rank to which the output layer is factored at the cut; auto: the least that keeps
    #: `output_energy`
    output_rank: int | Literal["auto"] | None = None
    #: with output_rank auto: fraction of the variance of the logits over the training frames
    output_energy: float = 0.99

    @classmethod
    def usual(cls, asked: Mapping[str, Any], plain_relu: bool = True) -> dict[str, Any]:
        """Defaults that are not those of the class. asked: the settings given; plain_relu: whether
        the network is a plain ReLU network.
        """
        of_weights = cls.OF_WEIGHTS if asked.get("granularity") == "weight" else {}
        return of_weights if plain_relu else of_weights | cls.ELSEWHERE

    @property
    def acting_floor(self) -> float:
        return 0.0 if self.EVEN else self.floor

    @property
    def removes_inputs(self) -> bool:
        return self.inputs is not False

    @property
    def factors(self) -> bool:
        """Whether maps become two at the cut."""
        return self.output_rank is not None or self.FACTORS

    def for_inputs(self) -> PruneOptions:
        """Options with which the method acts on coefficients of the input, which have an outgoing
        vector only.
        """
        asked: dict[str, Any] = {}
        if self.inputs is not True:
            asked = {"keep": float(self.inputs), "strength": None}
        own = {field.name for field in fields(self)}
        sides: dict[str, Any] = {name: value for name, value in _OF_INPUTS.items() if name in own}
        return replace(self, inputs=False, output_rank=None, floor=0.0, **asked, **sides)

    @property
    def turns(self) -> bool:
        return self.turn and self.REMOVES and self.sparsity_asked is None

    @property
    def sparsity_asked(self) -> float | None:
        """The requested fraction of zero weights, for methods that prune single weights."""
        return None

    @property
    def ordered(self) -> bool:
        """Whether the first nodes of each layer matter most, so that every prefix of a layer is a
        smaller network.
        """
        return False

    def widths(self, hidden: Sequence[int], runs: Path) -> tuple[int, ...]:
        """Nodes of the hidden layers of the network to train. hidden: sizes in the recipe; runs:
        folder of all runs.
        """
        return tuple(hidden)

    def columns(self, runs: Path) -> list[int] | None:
        """The coefficients of the spliced input that the network to train reads; None for all."""
        return None

    def reads(self, runs: Path) -> list[Path]:
        """Files of other runs that the method reads: the run is trained again if they change."""
        return []

    def check_epochs(self, epochs: int, counted: bool = True) -> None:
        """Raises ValueError if warm_up and fine_tune leave no time in a run of `epochs` epochs.

        counted: lengths in epochs too; those in updates are not known here and count as 0.
        """
        lengths = [x for x in (self.warm_up, self.fine_tune) if counted or not isinstance(x, str)]
        if sum(epochs_of(length, epochs) for length in lengths) >= epochs:
            whole = f"the {epochs} epochs of the run" if counted else "1"
            raise ValueError(f"warm_up and fine_tune must together be below {whole}")

    def check_target(self, unknown: Collection[str] = ()) -> None:
        """Raises ValueError if nothing says how much is to be removed: the network would stay
        dense. unknown: keys that cannot be given here.
        """
        acts = self.ASKS and (self.REMOVES or self.SMALL or self.FACTORS) and self.sparsity_asked is None
        ends = self.output_rank is not None or not isinstance(self.inputs, bool)
        if acts and not ends and all(getattr(self, key) is None for key in self.ASKS):
            keys = listed([key for key in self.ASKS if key not in unknown], "or")
            raise ValueError(f"{self.method} needs {keys}: nothing says how much is to remain")

    def check_nodes(self, hidden: Sequence[int]) -> None:
        """Raises ValueError if layers of these sizes cannot end with the nodes that `keep`
        requests.
        """
        if self.keep is not None and self.REMOVES:
            check_request(hidden, self.keep, self.min_nodes, self.acting_floor)

    def check_inputs(self, count: int) -> None:
        """Raises ValueError if `count` coefficients of the spliced input cannot end with those that
        `inputs` requests.
        """
        keep = self.for_inputs().keep if self.removes_inputs else None
        if keep is not None:
            said = f"inputs true with keep {keep:g}" if self.inputs is True else f"inputs {keep:g}"
            check_input_request(count, keep, self.min_nodes, said)

    def __post_init__(self) -> None:
        if self.keep is not None and self.strength is not None:
            raise ValueError("give keep or strength, not both")
        self._check_budget()
        if self.keep is not None and not 0 < self.keep <= 1:
            raise ValueError(f"keep must be above 0 and at most 1, not {self.keep}")
        if self.strength is not None and self.strength < 0:
            raise ValueError(f"strength must be 0 or more, not {self.strength}")
        for key in ("warm_up", "press", "fine_tune"):
            if (length := getattr(self, key)) is not None:
                check_length(key, length)
        if self.STEERS and self.press is not None and is_nothing(self.press):
            raise ValueError(
                f"press {self.press} leaves {self.method} no update in which it could act before the cut; "
                "give it more, or take method magnitude"
            )
        self.check_epochs(1, counted=False)
        if self.release_rate is not None and self.release_rate <= 0:
            raise ValueError(f"release_rate must be above 0, not {self.release_rate}")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor must be from 0 to 1, not {self.floor}")
        if self.min_nodes < 1:
            raise ValueError(f"min_nodes must be 1 or more, not {self.min_nodes}")
        self._check_ends()

    def _check_budget(self) -> None:
        if self.budget is None:
            return
        if other := next((key for key in ("keep", "strength") if getattr(self, key) is not None), None):
            raise ValueError(f"give budget or {other}, not both")
        if not (self.REMOVES or self.SMALL or self.FACTORS):
            raise ValueError(f"{self.method} ends with every node; leave budget out, or take another method")
        if self.removes_inputs or self.output_rank is not None:
            raise ValueError("a budget is met by removing hidden nodes alone; leave inputs and output_rank out")

    def _check_ends(self) -> None:
        if self.removes_inputs and not self.REMOVES:
            raise ValueError(f"{self.method} removes no nodes, and no inputs either; leave inputs out")
        if self.removes_inputs and self.inputs is not True and not 0 < self.inputs <= 1:
            raise ValueError(f"inputs must be true, false, or above 0 and at most 1, not {self.inputs}")
        if self.output_rank is not None and self.output_rank != "auto" and self.output_rank < 1:
            raise ValueError(f"output_rank must be auto, or 1 or more, not {self.output_rank}")
        if not 0 < self.output_energy < 1:
            raise ValueError(f"output_energy must be above 0 and below 1, not {self.output_energy}")
