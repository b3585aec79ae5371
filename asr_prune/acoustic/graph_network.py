"""A network made from the graph of an nnet3 model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from asr_prune.acoustic.graph_groups import Group, groups_of
from asr_prune.acoustic.graph_layers import (
    Chained,
    GraphLayer,
    Joined,
    evaluate_descriptor,
    scalings,
)
from asr_prune.acoustic.graph_parts import (
    MAPS,
    GraphMap,
    Normalising,
    Scaling,
    fill_part,
    make_part,
    module_key,
    skeleton,
    spec_of,
)
from asr_prune.acoustic.group_gates import GatedValues, GroupGates
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import Along, NodeLayer, by_columns, unchanged
from asr_prune.errors import UserError
from asr_prune.nnet3.graph import needed_nodes, reads, sizes_of, spliced_node
from asr_prune.nnet3.graph_lines import RANGE, parse_line, range_of
from asr_prune.nnet3.model import Nnet3
from asr_prune.nnet3.plan import FramePlan, context_of, plan_of

#: the input that has one vector for an utterance, which online2 gives for every frame
IVECTOR = "ivector"
_PLANS = 128  # that are kept: about a megabyte each
_LONG = 3000  # frames of the utterance from which rates are taken


class GraphNetwork(Network):
    """The nodes that the output of an nnet3 model needs, over whole utterances.

    inputs: the values of a frame: those of the input node `input`, then those of `ivector`; the
    edges of an utterance are repeated as nnet3 does. stride: Kaldi's frame-subsampling-factor.
    lines: of the graph; parts: what `graph_parts.spec_of` says of each component.
    """

    narrows_inputs = False  # the first map also mixes frames

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        lines: Sequence[str],
        parts: Mapping[str, Mapping[str, Any]],
        activation: str = "relu",
    ) -> None:
        self.lines, self.specs, self.frame_stride = list(lines), {k: dict(v) for k, v in parts.items()}, stride
        self.nodes = [parse_line(line) for line in lines]
        components = {name: skeleton(spec) for name, spec in self.specs.items()}
        self.groups = groups_of(self.nodes, components)
        super().__init__(inputs, [0] * len(self.groups), outputs, activation, 0.0)
        self.plans: dict[int, FramePlan] = {}
        self.parts = nn.ModuleDict({module_key(name): make_part(spec) for name, spec in self.specs.items()})
        self.steps = [(each.name, reads(each, components) if each.reads else None) for each in self.nodes]
        self.context = context_of(self.steps)
        self.sizes = {each.name: int(each.settings["dim"]) for each in self.nodes if each.kind == "input-node"}
        gated = [group.name for group in self.groups if not group.plain]
        self.gates = GroupGates({name: self._map(name).out_features for name in gated})
        self._set_rates()

    @classmethod
    def of(cls, model: Nnet3, stride: int, where: object) -> GraphNetwork:
        """The network of a model. where: for messages. Raises UserError if it cannot be made."""
        nodes = needed_nodes(model, where)
        sizes = sizes_of(nodes, model.components, where)
        inputs = {each.name: sizes[each.name] for each in nodes if each.kind == "input-node"}
        if others := [name for name in inputs if name not in ("input", IVECTOR)]:
            raise UserError(f"{where}: the input-node {others[0]!r} is not known (input and {IVECTOR} are).")
        specs: dict[str, dict[str, Any]] = {}
        for each in nodes:
            if each.component:
                component, source = model.components[each.component], reads(each, model.components)
                spliced = spliced_node(source) if component.kind in MAPS else None
                spec = spec_of(component, spliced[1] if spliced else 1)
                if specs.setdefault(each.component, spec) != spec:
                    raise UserError(f"{where}: two nodes use {each.component!r} in different ways.")
        lines = [each.line() for each in nodes]
        network = cls(sum(inputs.values()), sizes[nodes[-1].name], stride, lines, specs)
        for name in specs:
            fill_part(network.parts[module_key(name)], model.components[name], f"{where}: {name!r}")
        network.balance()
        return network.eval()

    @torch.no_grad()
    def balance(self) -> None:
        """Gives each gate the norm of its node's outgoing vector, which that is divided by."""
        for group in self.groups:
            if group.plain:
                continue
            readers = [self._map(name).weight for name in group.readers]
            norm = torch.cat([by_columns(weight) for weight in readers]).norm(dim=0).clamp_min(1e-30)
            for weight in readers:
                weight.div_(norm)
            self.gates.of(group)[1].weight.mul_(norm)

    def part(self, name: str) -> nn.Module:
        """What computes a component-node."""
        return self.parts[module_key(next(each.component for each in self.nodes if each.name == name))]

    def _map(self, name: str) -> GraphMap:
        return cast("GraphMap", self.part(name))

    def gate_of(self, name: str) -> Tensor | None:
        """The factor of each column of a map, [columns], None if they have none."""
        for group in self.groups:
            if name in group.readers and not group.plain:
                return self.gates.factors(group)
        return None

    def _set_rates(self) -> None:
        counts = self._planned(_LONG).counts
        for each in self.nodes:
            if isinstance(part := self.parts[module_key(each.component)] if each.component else None, GraphMap):
                part.rate = counts[each.name] / _LONG

    @property
    def stride(self) -> int:
        return self.frame_stride

    @property
    def reach(self) -> tuple[int, int]:
        return self.context

    @property
    def _last(self) -> str:
        """The type of the component whose values are the output, "" if it is none."""
        source = self.steps[-1][1]
        found = [x.component for x in self.nodes if source and source.kind == "node" and x.name == source.name]
        return str(self.specs[found[0]]["kind"]) if found and found[0] else ""

    @property
    def gives_posteriors(self) -> bool:
        """Whether the model's outputs are posteriors, whose logarithms this network gives."""
        return self._last == "SoftmaxComponent"

    @property
    def normalised(self) -> bool:
        """Whether outputs are (log) posteriors, not the scores of a chain model."""
        return self._last in ("SoftmaxComponent", "LogSoftmaxComponent")

    @property
    def affine(self) -> list[nn.Linear]:
        first = [part for part in self.parts.values() if isinstance(part, GraphMap) and part is not self.output]
        return [*first, *self.factors(0)]

    @property
    def output(self) -> GraphMap:  # type: ignore[override]
        """The last map before the output."""
        return next(part for part in reversed([*self.parts.values()]) if isinstance(part, GraphMap))

    @property
    def maps(self) -> list[nn.Linear]:
        return [self.output]

    def node_layers(self) -> list[NodeLayer]:
        every = tuple(self.affine)
        return [self._plain(group, every) if group.plain else self._gated(group, every) for group in self.groups]

    def _plain(self, group: Group, every: tuple[nn.Linear, ...]) -> NodeLayer:
        between = [self.part(name) for name in group.between]
        outgoing = self._map(group.readers[0])
        last = outgoing is self.output
        along = tuple(scalings(between))
        act = Chained(between) if between else unchanged
        return GraphLayer(self._map(group.name), outgoing, act, feeders=every, gives_logits=last, along=along)

    def _gated(self, group: Group, every: tuple[nn.Linear, ...]) -> NodeLayer:
        makers = [self._map(name) for name in group.makers]
        along: list[Along] = [(m, name, 0) for m in makers for name in ("weight", "bias")]
        readers = [self._map(name) for name in group.readers]
        along += [(m, "weight", -1) for m in sorted(readers, key=lambda m: m is self.output)]
        along += scalings([self.part(name) for name in group.between])
        gates, last = self.gates.of(group), self.output in readers
        return GraphLayer(*gates, unchanged, feeders=every, gives_logits=last, along=tuple(along))

    def shape(self) -> dict[str, Any]:
        return {
            "type": "nnet3",
            "inputs": self.inputs,
            "outputs": self.outputs,
            "stride": self.frame_stride,
            "lines": self.lines,
            "parts": {name: self._spec(name) for name in self.specs},
            "activation": self.activation,
            **self.thinned(),
        }

    def _spec(self, name: str) -> dict[str, Any]:
        spec, part = self.specs[name], self.parts[module_key(name)]
        if isinstance(part, GraphMap):
            rows = self.outputs if part is self.output else part.out_features
            return spec | {"size": rows, "columns": part.in_features}
        return spec | {"size": len(part.scale)} if isinstance(part, Scaling) else spec

    def set_normalisation(self, mean: Tensor, deviation: Tensor) -> None:
        """Nothing: the graph reads features as they are."""

    def plan(self, frames: int) -> FramePlan:
        """The plan of an utterance of `frames` frames."""
        if frames not in self.plans:
            self.plans = dict([*self.plans.items()][1 - _PLANS :]) | {frames: self._planned(frames)}
        return self.plans[frames]

    def _planned(self, frames: int) -> FramePlan:
        return plan_of(self.steps, frames, self.frame_stride, self.context, frozenset([IVECTOR]))

    def forward(self, frames: Tensor) -> Tensor:
        """frames: float [frames, inputs] of one utterance. Returns the outputs [frames out, classes]."""
        return self.forward_utterances(frames, torch.tensor([len(frames)]))[0]

    def forward_utterances(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        plan = Joined([self.plan(count) for count in lengths.tolist()], lengths, frames.device)
        values, starts = dict[str, Tensor](), {"input": 0, IVECTOR: self.inputs - self.sizes.get(IVECTOR, 0)}
        gated = {name: group for group in self.groups if not group.plain for name in [*group.makers, *group.between]}
        for each, (name, source) in zip(self.nodes, self.steps, strict=True):
            if source is None:
                values[name] = frames[plan.inputs[name], starts[name] : starts[name] + self.sizes[name]]
                continue
            part = self.parts[module_key(each.component)] if each.component else None
            read = GatedValues(values, gated, self.gates) if isinstance(part, GraphMap) else values
            x, _ = evaluate_descriptor(source, iter(plan.leaves[name]), read, plan.counts[name], frames)
            x = x[:, range_of(each)] if each.kind == RANGE else x
            values[name] = x if part is None else self._through(part, x, gated.get(name))
        y = values[self.steps[-1][0]]
        return (y.log() if self.gives_posteriors else y), torch.tensor(plan.lengths, device=lengths.device)

    def _through(self, part: nn.Module, x: Tensor, group: Group | None) -> Tensor:
        if isinstance(part, Normalising) and group:
            return cast("Tensor", part(x, self.gates.kept(group)))
        if not isinstance(part, GraphMap):
            return cast("Tensor", part(x))
        x = x.view(len(x), *part.weight.shape[1:-1], -1)
        return self.mapped(0, x) if part is self.output else part(x)
