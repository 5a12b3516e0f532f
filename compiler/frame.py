"""Where elaboration stands, and what it has to say there."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.conditions import Condition
from netc.compiler.diagnostics import Diagnostic, Label, Log, finding
from netc.compiler.edits import Fix, rewrite
from netc.compiler.evaluate import (
    UNKNOWN,
    EvaluationError,
    Poisoned,
    Unknown,
    as_size,
    evaluate,
)
from netc.compiler.expansion import MOST
from netc.compiler.graph import (
    BlockStep,
    LayerStep,
    Module,
    Step,
    Wire,
)
from netc.compiler.naming import Namer
from netc.compiler.positive import Most
from netc.compiler.sizes import Shape, Size
from netc.compiler.source import Span

if TYPE_CHECKING:
    from netc.compiler.possible import Possible

DEEPEST = 100
"""How deep blocks and structure may nest, across all uses of blocks."""

Current = Wire | tuple[Wire, ...] | Unknown | None


class Stop(Exception):
    """The net cannot be expanded any further; the reason is in the log."""


class Shared(Struct, eq=False):
    """A module made by `share`: what it is, and what it turned out to own when first applied.

    `key` is its name in the state dict; `level` counts the modules around its line, from the block
    or net inwards.
    """

    share: program.Share
    env: Mapping[str, Any]
    key: str
    level: int
    first: LayerStep | BlockStep | None = None


class Frame(Struct, eq=False):
    """Where elaboration stands: the names in sight, what flows, and where steps go.

    `namer` is None while the steps of a named line are gathered: they are named when it ends.
    `counted` is set in an inline repeat: the names of its lines take the count. `conditional` is
    set in lines that stand under a condition: those of a condition in them are spliced. `level`
    counts the stretches around, up to the block or net, that are modules of their own.
    """

    env: ChainMap[str, Any]
    steps: list[Step]
    namer: Namer | None
    current: Current
    calls: tuple[tuple[str, Span], ...] = ()
    depth: int = 0
    repeats: int = 1
    level: int = 0
    names: list[tuple[Wire, str]] = field(default_factory=list)
    ways: list[tuple[Wire, str]] = field(default_factory=list)
    counted: bool = False
    conditional: bool = False

    def inner(self, **changes: Any) -> Frame:
        """A frame inside this one, with its own names."""
        return replace(self, env=self.env.new_child(), depth=self.depth + 1, **changes)

    def key(self, name: str) -> str:
        """A line's name as its key in the state dict."""
        return self.namer.next(name) if self.counted and self.namer is not None else name

    def flow(self, value: Current) -> None:
        """Sets what the next line takes."""
        self.current = value
        self.env["out"] = value


class Findings:
    """Values of expressions and findings about them, for one net."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.conditions: list[Condition] = []
        self.possible: Possible | None = None  # made at the first condition
        self.layers = self.rounds = 0
        self.nets_inputs: list[tuple[str, Wire]] = []
        self.claimed: set[Wire] = set()
        """Values of which a claim is true."""
        self.lenient = False
        """Whether claims of shapes that are false are passed over."""
        self.partly = False
        """Whether errors said before leave parts of the net unknown."""

    def value(self, expr: tree.Expr, env: Mapping[str, Any], words: Sequence[str]) -> Any:
        if type(expr) is tree.Number:
            return expr.value
        try:
            return evaluate(expr, env, words)
        except Poisoned:
            if not self.log.has_errors and not self.partly:
                message = f"`{expr.span.text}` has no value here"
                hint = "names given inside `residual`, `branch` and `repeat` are known inside only"
                self.log.say("E0202", expr.span, message, hint)
            return UNKNOWN
        except EvaluationError as error:
            self.log.say(error.code, error.span, error.message, error.hint)
            return UNKNOWN

    def size(self, expr: tree.Expr, frame: Frame) -> Size:
        value = self.value(expr, frame.env, ())
        if isinstance(value, Unknown):
            return 1
        try:
            return as_size(value, expr.span)
        except EvaluationError as error:
            self.log.say(error.code, error.span, error.message, error.hint)
            return 1

    def count(self, layers: int, span: Span, frame: Frame) -> None:
        self.layers += layers
        if self.layers > MOST:
            self.tell("E0405", span, f"the net has more than {MOST:,} layers", frame)
            raise Stop

    def count_rounds(self, rounds: int, span: Span, frame: Frame) -> None:
        """Adds rounds of a repeat to the work done; beyond the limit the net is given up."""
        self.rounds += rounds
        if self.rounds > MOST:
            self.tell("E0405", span, f"the repeats run more than {MOST:,} rounds", frame)
            raise Stop

    def differ(self, found: Shape, wanted: Shape) -> None:
        """Two shapes are not equal, and an edit is looked for next; tries of edits stop here."""

    def needs_one(self, word: str, span: Span, frame: Frame) -> None:
        if isinstance(frame.current, Unknown):
            return
        if isinstance(frame.current, tuple):
            message = f"`{word}` takes one value, and here flow {len(frame.current)}"
            fix = rewrite(span.before, "concat -> ", "join them first: `{}" + f"{word} …`")
            self.tell("E0406", span, message, frame, fix)
        elif len(self.nets_inputs) > 1:
            names = ", ".join(f"`{name}`" for name, _ in self.nets_inputs)
            message = f"nothing says which of the inputs {names} `{word}` takes"
            fix = rewrite(span.before, f"{self.nets_inputs[0][0]} -> ", "write `{}" + f"{word} …`")
            self.tell("E0406", span, message, frame, fix)
        else:
            message = f"nothing flows into `{word}`"
            self.tell("E0406", span, message, frame, "write the net's `input` above this line")

    def too_small(self, module: Module, asked: Sequence[Condition]) -> bool:
        """Says (E0305) that a layer fits none of the few sizes that are left."""
        if self.possible is None and not any(type(one) is Most for one in asked):
            return False
        from netc.compiler.possible import Possible  # most nets have no such sizes

        found = (self.possible or Possible()).too_small(module, asked)
        if found is None:
            return False
        step = found.placed.step
        fact = f"gives {step.output.tensor}, with sizes below 1 wherever the joins and claims of"
        if not found.given:
            fact = f"does not take {step.inputs[0].tensor} wherever the joins and claims of"
        message = f"`{step.span.text}` {fact} the net hold: {'; '.join(found.left)}"
        labels = [made_by(wire) for wire in step.inputs[:2] if wire.made != step.span]
        self.log.say("E0305", step.span, message, "", labels)
        return True

    def tell(
        self,
        code: str,
        span: Span,
        message: str,
        frame: Frame,
        hint: str | Fix = "",
        labels: Sequence[Label] = (),
    ) -> None:
        self.report(finding(code, span, message, hint, labels), frame)

    def report(self, diagnostic: Diagnostic, frame: Frame) -> None:
        """Logs a finding; inside a block it also points at the line that used the block."""
        if frame.calls:
            block, span = frame.calls[-1]
            label = Label(span, f"in this use of `{block}`")
            diagnostic = replace(diagnostic, labels=(*diagnostic.labels, label))
        self.log.add(diagnostic)


def made_by(wire: Wire) -> Label:
    """Points at the line that gave a value its shape, with the arithmetic."""
    origin = wire.origin()
    return Label(origin.made, origin.story)
