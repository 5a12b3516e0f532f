"""What the lines of a class read: values made in it, and values handed in as its arguments.

Instances of a class have the same text, so what one of its words means is the same argument in all
of them. Two arguments may be one value in an instance: the first round of a repeat is given what
its lines may read by name, too. The other instances tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct, field

from netc.compiler.emit.borrowing import Borrowing
from netc.compiler.emit.identifiers import Names
from netc.compiler.expression import torch_of
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
)
from netc.compiler.layers.calls import Given, Torch

Path: TypeAlias = tuple[int | str, ...]
"""Where in the text of a class a value is read: instances of one text agree on it."""
Takes: TypeAlias = Callable[[Step], Sequence[Wire]]


class Reading:
    """The lines of one instance: what each step is and which of the values made here it reads.

    Attributes:
        text: all of it but conditions; where a value from outside is read stands None.
        whens: what stands under each condition, None where it does not hold.
        outside: the values from outside, by where they are read.
    """

    def __init__(
        self, module: Module, takes: Takes, numbers: Mapping[int, int], borrowing: Borrowing
    ) -> None:
        self.module = module
        self._takes, self._numbers = takes, numbers
        self.outside: dict[Path, Wire] = {}
        self._count = 0
        made: dict[Wire, int] = {}
        whens: list[Any] = []
        steps = tuple(self._steps(module.steps, made, whens, ()))
        outputs = self._refer([wire for _, wire in module.outputs], made, ("outputs",))
        declared = () if module.word == "body" else tuple(name for name, _ in module.inputs)
        shared = tuple(self._made(step) for step in borrowing.made(module))
        known = (declared, borrowing.handed(module), shared)
        self.text = (module.word, module.name, known, steps, outputs)
        self.whens = tuple(whens)

    def _made(self, step: LayerStep | BlockStep) -> Any:
        """What a shared module is that the lines of a class inside apply."""
        if isinstance(step, BlockStep):
            return (self._numbers[id(step.module)], step.name)
        return (step.layer.kind, step.name, _alike(torch_of(step)))

    def _refer(self, wires: Sequence[Wire], made: Mapping[Wire, int], path: Path) -> Any:
        found = tuple(made.get(wire) for wire in wires)
        for number, (place, wire) in enumerate(zip(found, wires, strict=True)):
            if place is None:
                self.outside[(*path, number)] = wire
        return found

    def _steps(
        self, steps: Sequence[Step], made: dict[Wire, int], whens: list[Any], path: Path
    ) -> Iterator[Any]:
        for number, step in enumerate(steps):
            yield self._step(step, made, whens, (*path, number))

    def _step(self, step: Step, made: dict[Wire, int], whens: list[Any], path: Path) -> Any:
        shown: Any
        match step:
            case LayerStep():
                refs = self._refer(step.inputs, made, (*path, ""))
                shown = (step.layer.kind, step.name, refs, *_shared(step), _alike(torch_of(step)))
            case BlockStep():
                refs = self._refer(self._takes(step), made, (*path, ""))
                shown = (self._numbers[id(step.module)], step.name, refs, *_shared(step))
            case ParamStep():
                shown = ("param", step.name, step.weight.shape, step.start)
            case RepeatStep():
                shown = ("repeat", step.name, tuple(self._steps(step.items, made, whens, path)))
            case GroupStep():
                shown = ("group", step.name, tuple(self._steps(step.steps, made, whens, path)))
            case WhenStep():
                place = (step.span.line, step.span.column)
                source = self._refer(step.inputs[:1], made, (*path, ""))
                before = self._count
                nested: list[Any] = []  # conditions within conditions are no `if`: all agree
                inner = None
                if step.taken:
                    inner = tuple(self._steps(step.steps, dict(made), nested, path))
                self._count = before  # a way that only some take must not shift what follows
                whens.append(None if inner is None else (inner, tuple(nested)))
                shown = ("when", place, source)
        made[step.output] = self._count
        self._count += 1
        return shown


class Argument(Struct, frozen=True, eq=False):
    """What a class is handed in: its name, and the value of each instance."""

    name: str
    wires: dict[int, Wire] = field(default_factory=dict)

    def fits(self, reads: Mapping[int, Wire]) -> bool:
        """Whether this is what instances read at a place; of some nothing may be known yet."""
        known = [self.wires[i] is wire for i, wire in reads.items() if i in self.wires]
        return bool(known) and all(known)


def arguments(family: Sequence[Reading]) -> tuple[list[Argument], list[dict[Path, int]]]:
    """The arguments of instances of one text, what flows first, and which is read at each place.

    A block has those of its definition; a stretch of lines has one for each value that it reads
    from outside.
    """
    flowing = [reading.module.inputs[0][1] for reading in family]
    found = _declared(family)
    read: list[dict[Path, int]] = [{} for _ in family]
    for path in dict.fromkeys(path for reading in family for path in reading.outside):
        reads = {i: r.outside[path] for i, r in enumerate(family) if path in r.outside}
        number = next((n for n, one in enumerate(found) if one.fits(reads)), None)
        if number is None and (apart := _apart(family, found, reads)):
            for i, own in apart.items():
                read[i][path] = own
            continue
        if number is None:
            number = len(found)
            found.append(Argument(_name(family, reads)))
        found[number].wires.update(reads)
        for i in reads:
            read[i][path] = number
    for one in found:
        for i, wire in enumerate(flowing):
            one.wires.setdefault(i, wire)  # never read in this instance
    names = Names()
    return [Argument(names.give(one.name), one.wires) for one in found], read


def _declared(family: Sequence[Reading]) -> list[Argument]:
    first = family[0].module
    count = 1 if first.word == "body" else len(first.inputs)
    return [
        Argument(first.inputs[n][0], {i: r.module.inputs[n][1] for i, r in enumerate(family)})
        for n in range(count)
    ]


def _apart(
    family: Sequence[Reading], found: Sequence[Argument], reads: Mapping[int, Wire]
) -> dict[int, int]:
    """The argument of a block that each instance reads where they differ: `a if n > 1 else b`."""
    own: dict[int, int] = {}
    if family[0].module.word == "body":
        return own
    for i, wire in reads.items():
        number = next((n for n, one in enumerate(found) if one.wires.get(i) is wire), None)
        if number is None:
            return {}
        own[i] = number
    return own


def _name(family: Sequence[Reading], reads: Mapping[int, Wire]) -> str:
    """What the text calls a value from outside."""
    for i, wire in reads.items():
        for name, known in family[i].module.inputs[1:]:
            if known is wire:
                return name
    return "skip"


def _shared(step: LayerStep | BlockStep) -> tuple[bool, int | None]:
    return step.reuse and not step.home, step.home  # the class around makes it


def _alike(torch: Torch) -> Any:
    """The part of a layer's text that no constructor argument can vary."""
    if torch.module is None:
        return (None, torch.inline)
    fixed = tuple(k for k, value in torch.module.keywords if not isinstance(value, Given))
    return (torch.module.function, torch.call, fixed)
