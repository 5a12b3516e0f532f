"""A net built again with a change of its text: what it counts then, and whether its claims hold.

To find one change that mends a net, hundreds are tried. So a block that the change does not reach,
given the same arguments and the same shape, is built once for all tries; a try ends at its first
error; and the layers built are paid from a budget, so that the answer does not depend on the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.diagnostics import Diagnostic, Log
from netc.compiler.elaborate import Elaborator, elaborate
from netc.compiler.evaluate import Block
from netc.compiler.frame import Frame, Stop
from netc.compiler.graph import BlockStep, LayerStep, Module, ParamStep, Step, Wire, walk
from netc.compiler.nodes import Changes, changed, used_blocks
from netc.compiler.sizes import Shape
from netc.compiler.source import Span

MOST_LAYERS = 24_000
"""Layers built for all nets of a file before no change is offered: about half a second."""
MORE_LAYERS = 18_000
"""The same to find a line that was left out, where no other change was found."""
TRY = 10
"""What each try costs beside the layers it builds: the copy of the definition."""
JUDGED = 3
"""How often a layer counts where its net is built and measured in full."""
NAMED = 6
"""How often a layer counts in a net whose inputs have sizes with names: arithmetic is slower."""

Counts: TypeAlias = Mapping[str, int]
"""What is counted of a net, by the name that claims have for it: `params`, `macs`, `flops`."""


class Budget(Struct):
    """How many layers may still be built to try changes, for all nets of a file together."""

    left: int = MOST_LAYERS
    more: int = MORE_LAYERS


class Rebuilding:
    """Builds a net again and again, each time with other nodes in one of its definitions."""

    def __init__(
        self, program_: program.Program, net: str, values: Mapping[str, Any], budget: Budget
    ) -> None:
        self.program, self.net, self.values, self.budget = program_, net, values, budget
        self.apart: tuple[Shape, Shape] | None = None
        """The shape found and the one wanted where the last try came to two that differ."""
        self.kept: dict[Any, BlockStep] = {}
        self._price = NAMED if _has_named_sizes(program_.definitions[net]) else 1
        self._sums: dict[int, tuple[Module, int, int | None]] = {}
        self._reached: dict[str, tuple[str, ...]] = {}

    def counts(self, key: str, changes: Changes = ()) -> Counts | None:
        """The counts with changes in one definition; None if the net is not built, or no more."""
        if self.budget.left <= 0:
            return None
        self.budget.left -= TRY
        self.apart = None
        program_ = self._with(key, changes)
        try:
            module = _Trying(program_, self, key if changes else "").net(
                program_.definitions[self.net]
            )
        except Stop:
            return None
        return None if module is None else _named(*self._sum(module.steps))

    def holds(
        self, key: str, changes: Changes, net: str = "", *, but: Set[str] = frozenset()
    ) -> bool:
        """Whether the net is built with the changes and everything claimed of it is true.

        Or another net of the file. Claims of the counts in `but` are left out.
        """
        if self.budget.left <= 0:
            return False
        from netc.compiler.claims import counts_claimed, judge
        from netc.compiler.report import report

        log = Log()
        built = elaborate(self._with(key, changes), net or self.net, self.values, log)
        if built is None:
            return False
        self.budget.left -= JUDGED * sum(1 for _ in walk(built.module))
        claims = tuple(c for c in built.claims if not but & counts_claimed([c[:2]]).keys())
        judge(replace(built, claims=claims), report(built), log)
        return not log.has_errors

    def pay(self, layers: int) -> None:
        """Takes layers from the budget. Raises Stop where it is used up."""
        self.budget.left -= layers * self._price
        if self.budget.left < 0:
            raise Stop

    def reached(self, key: str) -> tuple[str, ...]:
        """A definition's key and those of all blocks that it may use, however deep."""
        if key not in self._reached:
            found, waiting = dict[str, None](), [key]
            while waiting:
                if (one := waiting.pop()) not in found:
                    found[one] = None
                    waiting += used_blocks(self.program.definitions[one])
            self._reached[key] = tuple(found)
        return self._reached[key]

    def _with(self, key: str, changes: Changes) -> program.Program:
        if not changes:
            return self.program
        definition = changed(self.program.definitions[key], changes)
        return replace(self.program, definitions={**self.program.definitions, key: definition})

    def _sum(self, steps: tuple[Step, ...]) -> tuple[int, int | None]:
        """Parameters and MACs of some steps; None where MACs depend on sizes with names."""
        params, macs = 0, 0
        known = True
        for step in steps:
            some, more = self._of(step)
            params += some
            known = known and more is not None
            macs += more or 0
        return params, macs if known else None

    def _of(self, step: Step) -> tuple[int, int | None]:
        match step:
            case LayerStep():
                some = step.macs
                owned = 0 if step.reuse else sum(w.count for w in step.weights if not w.buffer)
                return owned, some if isinstance(some, int) else None
            case ParamStep():
                return step.weight.count, 0
            case BlockStep(module=module):
                if id(module) not in self._sums:
                    self._sums[id(module)] = (module, *self._sum(module.steps))
                _, params, macs = self._sums[id(module)]
                return 0 if step.reuse else params, macs
        return self._sum(step.items if hasattr(step, "items") else step.steps)


def _has_named_sizes(definition: program.Definition) -> bool:
    inputs = (item for item in definition.body if isinstance(item, program.Input))
    return any(isinstance(size, tree.Name) for item in inputs for size in item.kind.sizes)


def _named(params: int, macs: int | None) -> Counts:
    counts = {"params": params}
    return counts if macs is None else {**counts, "macs": macs, "flops": 2 * macs}


class _Trying(Elaborator):
    """Builds a net up to its first error, with blocks that were built before."""

    def __init__(self, program_: program.Program, rebuilding: Rebuilding, key: str) -> None:
        super().__init__(program_, _FirstError(), dict(rebuilding.values))
        self._rebuilding, self._changed = rebuilding, key
        self._own: dict[Any, BlockStep] = {}

    def bound(
        self, definition: program.Definition, values: Mapping[str, Any], frame: Frame
    ) -> None:
        """Nothing: the budget ends a net that grows without bound."""

    def count(self, layers: int, span: Span, frame: Frame) -> None:
        self._rebuilding.pay(layers)

    def count_rounds(self, rounds: int, span: Span, frame: Frame) -> None:
        self._rebuilding.pay(rounds)

    def unknown(self, frame: Frame) -> None:
        raise Stop

    def differ(self, found: Shape, wanted: Shape) -> None:
        self._rebuilding.apart = found, wanted
        raise Stop

    def build_block(
        self,
        use: program.BlockUse,
        frame: Frame,
        definition: program.Definition,
        parameters: dict[str, Any],
        inner: Frame,
    ) -> BlockStep | None:
        source = inner.current
        assert isinstance(source, Wire)
        blocks = [use.block, *(v.key for v in parameters.values() if isinstance(v, Block))]
        touched = any(self._changed in self._rebuilding.reached(block) for block in blocks)
        built = self._own if touched else self._rebuilding.kept
        key = (use.block, source.tensor, *_values(parameters))
        known = built.get(key)
        if known is None:
            step = super().build_block(use, frame, definition, parameters, inner)
            if step is not None:
                built[key] = step
            return step
        wires = (source, *(v for v in parameters.values() if isinstance(v, Wire)))
        output = Wire(known.output.tensor, use.span, known.output.by)
        return BlockStep(known.module, wires, output, use.arguments, use.span)


def _values(parameters: Mapping[str, Any]) -> Iterator[Any]:
    """What a block's lines depend on: its arguments' values, and of flowing ones the shapes."""
    for value in parameters.values():
        yield value.tensor if isinstance(value, Wire) else (type(value), value)


class _FirstError(Log):
    """Ends a try where an error is found."""

    def add(self, diagnostic: Diagnostic) -> None:
        if diagnostic.severity == "error":
            raise Stop
