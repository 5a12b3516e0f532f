"""How weights begin, written at the end of the net's constructor as torchvision's nets have it.

A loop over the modules draws what most layers of a kind have in common. What differs follows it: a
line for a layer, or a branch for a block where all its instances agree.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.emit.classes import Plan, Plans
from netc.compiler.emit.drawing import Drawn, drawing
from netc.compiler.emit.format import statement
from netc.compiler.expression import torch_of
from netc.compiler.graph import (
    Around,
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    Net,
    ParamStep,
    RepeatStep,
    Step,
)
from netc.compiler.initialising import TORCH, Start, starts
from netc.compiler.layers.calls import Given, Inferred
from netc.compiler.layers.refusals import need_known

Lines = list[str]
_INDENT = 8
_TRIED = 3
"""How many schemes of a kind are tried as what it has in common."""


class Owner(Struct, frozen=True, eq=False):
    """A class that a layer stands in, and how its code reaches the layer: `.layer1[0].conv1`."""

    plan: Plan
    way: str


Owners: TypeAlias = tuple[Owner, ...]


class Beginner(Struct, frozen=True, eq=False):
    """A layer whose weights may begin otherwise than PyTorch has it.

    Attributes:
        drawn: the module that is drawn, as `drawing` knows it.
        owners: the classes around it, the innermost first; the net's own last.
    """

    drawn: Drawn
    start: Start
    owners: tuple[Owner, ...]

    @property
    def root(self) -> str:
        """How the net reaches it."""
        return f"self{self.owners[-1].way}"


def start_lines(net: Net, plans: Plans) -> Lines:
    """The statements that draw the weights, for the end of the net's constructor."""
    counts: Counter[str] = Counter()
    layers = [*_beginners(net, plans, counts)]
    kinds: dict[str, list[Beginner]] = {}
    for layer in layers:
        kinds.setdefault(layer.drawn.module, []).append(layer)
    return _shortest(layers, counts, kinds)


def _shortest(
    layers: Sequence[Beginner], counts: Mapping[str, int], kinds: Mapping[str, Sequence[Beginner]]
) -> Lines:
    """The statements with that in common, kind by kind, which leaves the fewest lines."""
    frequent = {kind: _frequent(members) for kind, members in kinds.items()}
    common = {kind: starts[0] for kind, starts in frequent.items() if starts}
    shortest = _Writer(layers, counts, kinds, common).lines(_INDENT)
    for kind in [*common]:
        for start in (*frequent[kind][1:], None):
            other = {each: found for each, found in common.items() if each != kind}
            if start is not None:
                other[kind] = start
            lines = _Writer(layers, counts, kinds, other).lines(_INDENT)
            if _cost(lines) < _cost(shortest):
                common, shortest = other, lines
    return shortest


def _cost(lines: Lines) -> int:
    """Lines to read; a layer that is drawn and then given back to PyTorch is a detour."""
    return len(lines) + 2 * sum("reset_parameters" in line for line in lines)


def _frequent(members: Sequence[Beginner]) -> list[Start]:
    """What most layers of a kind begin by; nothing where each is drawn apart, or none is."""
    if members[0].drawn.alone:
        return []
    counts = Counter(_key(layer.start) for layer in members if _chosen(layer))
    return [start for start, _ in counts.most_common(_TRIED)]


def _beginners(net: Net, plans: Plans, counts: Counter[str]) -> Iterator[Beginner]:
    """Every layer with a choice, once; `counts` gets the number of instances of each class."""
    begin = starts(net)

    def visit(
        steps: Sequence[Step], homes: tuple[Owners, ...], owners: Owners, around: Around, where: str
    ) -> Iterator[Beginner]:
        for step in steps:
            if isinstance(step, ParamStep):
                continue
            home = step.home if isinstance(step, LayerStep | BlockStep) else None
            way = "" if step.name is None else where.format(step.name)
            inside = tuple(replace(owner, way=owner.way + way) for owner in owners)
            if home is not None:
                inside = tuple(
                    replace(owner, way=f"{owner.way}.{step.name}") for owner in homes[-1 - home]
                )
            match step:
                case LayerStep(reuse=False, name=str()):
                    start = begin.get(around.path(step)) or _scale(step)
                    if start is not None:
                        yield Beginner(_drawn(step), _grouped(step, start), inside)
                case BlockStep(reuse=False, module=module):
                    yield from enter(module, homes, inside, around.inside(step))
                case RepeatStep(items=items):
                    held = "[{}]" if step.name else where
                    yield from visit(items, homes, inside, around.inside(step), held)
                case GroupStep(steps=others):
                    held = ("[{}]" if plans.unary(step) else '["{}"]') if step.name else where
                    yield from visit(others, homes, inside, around.inside(step), held)
                case LayerStep() | BlockStep():
                    continue
                case _:  # lines with a condition stand in the class around them
                    yield from visit(step.steps, homes, owners, around, where)

    def enter(
        module: Module, homes: tuple[Owners, ...], owners: Owners, around: Around
    ) -> Iterator[Beginner]:
        plan, _ = plans.of(module)
        counts[plan.name] += 1
        here = (Owner(plan, ""), *owners)
        yield from visit(module.steps, (*homes, here), here, around, ".{}")

    yield from enter(net.module, (), (), Around())


def _scale(step: LayerStep) -> Start | None:
    """A norm whose scale begins as 0."""
    zeros = step.layer.kind == "batch_norm" and getattr(step.layer, "init", None) == "zeros"
    return Start("zeros", told=True) if zeros else None


def _grouped(step: LayerStep, start: Start) -> Start:
    """Xavier's numbers for a convolution in groups, whose fan-out `nn.init` takes for that of one.

    It would count the filters of all groups: with 512 channels alone each its deviation would be
    16 times too small.
    """
    call = torch_of(step).module
    given = dict(call.keywords).get("groups") if call is not None else None
    groups = int(given.value) if isinstance(given, Given | Inferred) else 1
    if groups == 1 or not start.scheme.startswith("xavier"):
        return start
    filters, *window = step.weights[0].shape
    fans = math.prod(window) + filters // groups * math.prod(window[1:])
    std = float(f"{math.sqrt(2 / fans):.6g}")
    return replace(start, scheme=start.scheme.removeprefix("xavier_"), std=std)


def _drawn(step: LayerStep) -> Drawn:
    call = torch_of(step).module
    assert call is not None
    table = (0, 0)
    if call.function == "TableConv":
        channels = need_known(step.inputs[0].tensor.shape[0], "channels", "table_conv")
        table = (step.weights[0].count, channels)
    norm = step.layer.kind == "batch_norm"  # its shift is 0 as it is
    bias = not norm and any(
        weight.name.rpartition(".")[2].startswith("bias") for weight in step.weights
    )
    return Drawn(call.function, bias, table)


class _Writer:
    """Writes what the kinds of modules have in common, and the rest."""

    def __init__(
        self,
        layers: Sequence[Beginner],
        counts: Mapping[str, int],
        kinds: Mapping[str, Sequence[Beginner]],
        common: Mapping[str, Start],
    ) -> None:
        self.layers, self.counts, self.kinds, self.common = layers, counts, kinds, common

    def lines(self, indent: int) -> Lines:
        """All statements; none where PyTorch draws everything."""
        rules = self._rules()
        others = [layer for layer in self.layers if self._differs(layer)]
        branches, single = self._shared(others)
        again = any(layer.drawn.module in self.common for layer in others)
        loops = [[*rules], branches] if again else [[*rules, *branches]]
        found: Lines = []
        for loop in loops:
            found += self._loop(loop, indent)
        for layer in single:
            for line in self._told(layer, layer.root):
                found += _put(line, indent)
        return found

    def _differs(self, layer: Beginner) -> bool:
        common = self.common.get(layer.drawn.module)
        return _chosen(layer) if common is None else _key(layer.start) != common

    def _told(self, layer: Beginner, text: str) -> Lines:
        """The statements for one layer; its biases are 0 already where a loop has set them."""
        zeroed = layer.drawn.module in self.common
        return drawing(layer.drawn, layer.start, text, zeroed=zeroed)

    def _rules(self) -> list[tuple[str, Lines]]:
        """For each scheme its kinds of modules, with what is done to one."""
        found: dict[tuple[str, ...], list[str]] = {}
        for kind, start in self.common.items():
            biases = {each.drawn.bias for each in self.kinds[kind]}
            body = drawing(Drawn(kind, any(biases)), start, "layer", unsure=len(biases) > 1)
            found.setdefault(tuple(body), []).append(kind)
        return _together(found)

    def _shared(self, others: Sequence[Beginner]) -> tuple[list[tuple[str, Lines]], list[Beginner]]:
        """Branches for classes whose instances all agree, and the layers that are left."""
        alike: Counter[tuple[str, str, Start]] = Counter()
        for layer in others:
            for owner in layer.owners:
                alike[(owner.plan.name, owner.way, _key(layer.start))] += 1
        chosen: dict[str, dict[str, Beginner]] = {}
        held: dict[str, list[Beginner]] = {}
        for layer in others:
            owner = next(
                owner
                for owner in layer.owners
                if alike[(owner.plan.name, owner.way, _key(layer.start))]
                == self.counts[owner.plan.name]
            )
            chosen.setdefault(owner.plan.name, {}).setdefault(owner.way, layer)
            held.setdefault(owner.plan.name, []).append(layer)
        branches: dict[tuple[str, ...], list[str]] = {}
        single: set[int] = set()
        for name, ways in chosen.items():
            body = [
                line for way, layer in ways.items() for line in self._told(layer, "layer" + way)
            ]
            if 1 + len(body) < len(body) * self.counts[name]:
                branches.setdefault(tuple(body), []).append(name)
            else:
                single |= {id(layer) for layer in held[name]}
        return _together(branches), [layer for layer in others if id(layer) in single]

    def _loop(self, rules: Sequence[tuple[str, Lines]], indent: int) -> Lines:
        if not rules:
            return []
        found = _put("for layer in self.modules():", indent)
        for number, (kinds, body) in enumerate(rules):
            word = "elif" if number else "if"
            found += _put(f"{word} isinstance(layer, {kinds}):", indent + 4)
            for line in body:
                found += _put(line, indent + 8)
        return found


def _together(branches: Mapping[tuple[str, ...], Sequence[str]]) -> list[tuple[str, Lines]]:
    """The classes of each branch as `isinstance` takes them, with its statements."""
    return [
        (names[0] if len(names) == 1 else f"({', '.join(names)})", [*body])
        for body, names in branches.items()
    ]


def _chosen(layer: Beginner) -> bool:
    return layer.start.scheme != TORCH


def _key(start: Start) -> Start:
    return replace(start, told=False)


def _put(line: str, indent: int) -> Lines:
    """A line that may be indented itself."""
    text = line.lstrip(" ")
    return statement(text, indent + len(line) - len(text))
