"""From program to graph: blocks are put in place, sizes flow down the lines, every join is checked.

One walk does expansion and inference together, because a block may ask for the sizes that flow in
(`shortcut when=in.channels != width`). An error makes what flows from it unknown; unknown values
are silent, and a shape claim further down takes over.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.applying import check_claim, layer_step
from netc.compiler.conditions import together
from netc.compiler.declaring import expect, init, input_, learned
from netc.compiler.diagnostics import Log
from netc.compiler.edits import Fix, append
from netc.compiler.evaluate import (
    UNKNOWN,
    Block,
    Unknown,
    evaluate,
    say,
)
from netc.compiler.expansion import MOST, Bounds, Work
from netc.compiler.frame import DEEPEST, Findings, Frame, Shared, Stop
from netc.compiler.graph import (
    AUTO,
    BlockStep,
    LayerStep,
    Module,
    Net,
    Step,
    Wire,
    has_weights,
    walk,
)
from netc.compiler.naming import Namer
from netc.compiler.positive import positive_when
from netc.compiler.repeating import repeat
from netc.compiler.sizes import Size
from netc.compiler.source import Span
from netc.compiler.splicing import block, distinct_names, handed_block, sequential, when
from netc.compiler.structure import gather, named, parallel, residual
from netc.compiler.tying import shared


def elaborate(
    program_: program.Program,
    net: str,
    values: Mapping[str, Any],
    log: Log,
    *,
    lenient: bool = False,
    partly: bool = False,
) -> Net | None:
    """The typed graph of a net. `values` set its parameters, or the names of its inputs' sizes.

    Findings (E03xx, E04xx, E05xx) go to the log; None if the net could not be built. `lenient`
    passes over claims of shapes that are false, as if they were not written. `partly` looks at a
    net in which not all is understood: the log gets what is wrong beside that.
    """
    definition = program_.definitions[net]
    elaborator = Elaborator(program_, log, dict(values))
    elaborator.lenient, elaborator.partly = lenient, partly
    try:
        module = elaborator.net(definition)
    except Stop:
        return None
    if log.has_errors or module is None or partly:
        return None
    asked = (*elaborator.conditions, *positive_when(_symbolic(module)))
    if elaborator.too_small(module, asked):
        return None
    start = elaborator.start or (AUTO, None)
    return Net(module, tuple(elaborator.claims), together(asked), asked, start)


def _symbolic(module: Module) -> Iterator[Size]:
    """Sizes with names of all values in a net that has such inputs, and what its layers ask for."""
    if all(isinstance(size, int) for _, wire in module.inputs for size in wire.tensor.shape):
        return
    for placed in walk(module):
        step = placed.step
        yield from step.output.tensor.shape
        if isinstance(step, LayerStep):
            yield from step.layer.fitting([wire.tensor for wire in step.inputs])


class Elaborator(Findings):
    """Builds the graph of one net, line by line."""

    def __init__(self, program_: program.Program, log: Log, values: dict[str, Any]) -> None:
        super().__init__(log)
        self.program, self.values = program_, values
        self.claims: list[tuple[tree.Expr, dict[str, Any], Span]] = []
        self.nets_outputs: list[tuple[str, Wire]] = []
        self.start: tuple[str, float | None] | None = None
        self.open: list[str] = []
        """The names of sizes that the inputs leave open."""
        self.shares = False
        """Whether any line so far is a `share`."""
        self._in_sight: dict[int, dict[str, Any]] = {}

    # -- nets and blocks

    def net(self, definition: program.Definition) -> Module | None:
        """The net as a module."""
        env: ChainMap[str, Any] = ChainMap({}, self.in_sight(definition))
        frame = Frame(env, [], Namer(definition.body), None)
        given = {k: v for k, v in self.values.items() if k in definition.parameters}
        parameters = self._parameters(definition, given, env, definition.span)
        for name, value in self.values.items():
            if name not in definition.parameters:
                env[name] = value  # a size of the inputs, by its name
                self.open.append(name)
        self.bound(definition, parameters, frame)
        self.body(definition.body, frame)
        distinct_names(self, frame.steps, frame)
        outputs = self.nets_outputs
        told = self.partly or self.log.has_errors
        if not outputs and isinstance(frame.current, Wire):
            outputs = [("output", frame.current)]
        elif not outputs and isinstance(frame.current, tuple) and not told:
            hint = "name each of them, `output NAME = …`, or join them: `-> concat`"
            self.tell("E0406", definition.span, "the net ends with several values", frame, hint)
        if frame.steps and not outputs and not told:
            message = f"the last line of the net `{definition.name}` leaves no value"
            self.log.say("E0403", definition.span, message, "say what it gives: `output NAME = …`")
        if not frame.steps and not told:
            message = f"the net `{definition.name}` has no layers"
            self.log.say("E0403", definition.span, message, "write its layers below the input")
        return Module(
            "net",
            definition.name,
            parameters,
            tuple(self.nets_inputs),
            tuple(frame.steps),
            tuple(outputs),
            definition.span,
            tuple(frame.names),
            tuple(frame.ways),
        )

    def bound(
        self, definition: program.Definition, values: Mapping[str, Any], frame: Frame
    ) -> None:
        """Refuses a net that would grow beyond the limit, at the line that makes it so."""
        bounds, total = Bounds(self.program), Work()
        for item in definition.body:
            total += bounds.line(item, values)
            if total.too_much:
                what, count = ("layers", total.layers)
                if count <= MOST:
                    what, count = "rounds of repeats", total.rounds
                message = f"the net comes to {count:,} {what} or more; the limit is {MOST:,}"
                self.tell("E0405", item.span, message, frame)
                raise Stop

    def _parameters(
        self,
        definition: program.Definition,
        given: Mapping[str, Any],
        env: ChainMap[str, Any],
        span: Span,
    ) -> dict[str, Any]:
        """Binds parameters to given values or defaults; a net's may be set from outside."""
        found: dict[str, Any] = {}
        for name, default in definition.parameters.items():
            value: Any = UNKNOWN
            if name in given:
                value = given[name]
            elif default is not None:
                value = self.value(default, env, ())
            else:
                message = f"the net `{definition.name}` needs a value for `{name}`"
                hint = f"give it a default, or set it: `--set {name}=…`"
                self.log.say("E0205", span, message, hint)
            env[name] = found[name] = value
        return found

    def in_sight(self, definition: program.Definition) -> dict[str, Any]:
        """The blocks that a definition can hand on, by name."""
        found = self._in_sight.get(id(definition))
        if found is None:
            found = {name: Block(key, name) for name, key in definition.blocks.items()}
            self._in_sight[id(definition)] = found
        return found

    def enter(
        self, use: program.BlockUse, frame: Frame, *, handed: bool = False
    ) -> tuple[program.Definition, dict[str, Any], Frame] | None:
        """A block's definition, its parameters here, and the frame that its lines start in."""
        definition = self.program.definitions[use.block]
        given = {n: self.value(e, frame.env, ()) for n, e in use.arguments.items()}
        if handed and any(isinstance(value, Block) for value in given.values()):
            message = f"`{use.word.text}` was handed in itself, and is given no blocks"
            hint = "blocks are handed one level down: write a block for each case"
            self.tell("E0210", use.span, message, frame, hint)
            return None
        if not isinstance(frame.current, Wire):
            self.needs_one(definition.name, use.span, frame)
            return None
        if definition.word == "net":
            message = f"`{definition.name}` is a net; a net inside a net is not built yet"
            self.tell("E0208", use.word, message, frame, "make it a `block`")
            return None
        self.count(1, use.span, frame)
        source = frame.current
        env: ChainMap[str, Any] = ChainMap({"in": source, "out": source}, self.in_sight(definition))
        inner = Frame(
            env,
            [],
            Namer(definition.body),
            source,
            (*frame.calls, (definition.name, use.span)),
            frame.depth + 1,
            frame.repeats,
        )
        return definition, self._parameters(definition, given, env, use.span), inner

    def call_block(
        self, use: program.BlockUse, frame: Frame, *, handed: bool = False
    ) -> BlockStep | None:
        """A block applied to what flows here; None after an error."""
        entered = self.enter(use, frame, handed=handed)
        return None if entered is None else self.build_block(use, frame, *entered)

    def build_block(
        self,
        use: program.BlockUse,
        frame: Frame,
        definition: program.Definition,
        parameters: dict[str, Any],
        inner: Frame,
    ) -> BlockStep | None:
        """An entered block's lines as a module; None after an error."""
        source = inner.current
        assert isinstance(source, Wire)
        self.body(definition.body, inner)
        distinct_names(self, inner.steps, inner)
        output = inner.current
        if not isinstance(output, Wire):
            if isinstance(output, tuple):
                message = f"`{definition.name}` ends with {len(output)} values; a block gives one"
                self.tell("E0406", definition.body[-1].span, message, inner, _joined(definition))
            return None
        values = tuple((n, w) for n, w in parameters.items() if isinstance(w, Wire))
        inputs = (("x", source), *values)
        module = Module(
            "block",
            definition.name,
            parameters,
            inputs,
            tuple(inner.steps),
            (("output", output),),
            definition.span,
            tuple(inner.names),
            tuple(inner.ways),
            tuple(
                (name, evaluate(default, {}))
                for name, default in definition.parameters.items()
                if isinstance(default, tree.Number | tree.String | tree.Dims)
            ),
        )
        return BlockStep(module, tuple(w for _, w in inputs), output, use.arguments, use.span)

    # -- lines

    def body(self, body: program.Body, frame: Frame) -> None:
        if frame.depth > DEEPEST and body:
            message = f"blocks and their lines nest deeper than {DEEPEST} here"
            self.tell("E0405", body[0].span, message, frame)
            raise Stop
        for item in body:
            match item:
                case program.Flow():
                    self._flow(item, frame)
                case program.Input():
                    input_(self, item, frame)
                case program.Share():
                    key = frame.key(item.name)
                    frame.env[item.name] = Shared(item, frame.env, key, frame.level)
                    self.shares = True
                case program.Learned():
                    learned(self, item, frame)
                case program.Expect():
                    expect(self, item, frame)
                case program.Init():
                    init(self, item, frame)

    def _flow(self, item: program.Flow, frame: Frame) -> None:
        if item.target is None and frame.namer is not None:
            for element in item.elements:
                self.element(element, frame)
            return
        steps = gather(self, item.elements, frame, item.target or "layer")
        if item.target is None:
            frame.steps += steps
            return
        frame.steps += named(self, steps, frame.key(item.target), item.span)
        frame.env[item.target] = frame.current if frame.current is not None else UNKNOWN
        if isinstance(frame.current, Wire):
            frame.names.append((frame.current, item.target))
        if item.output:
            self._output(item, frame)

    def _output(self, item: program.Flow, frame: Frame) -> None:
        assert item.target is not None
        if isinstance(frame.current, Wire):
            self.nets_outputs.append((item.target, frame.current))
        elif isinstance(frame.current, tuple):
            message = f"`output {item.target}` is several values"
            self.tell("E0406", item.span, message, frame, "join them, or name each")

    def add(self, step: Step, kind: str, frame: Frame) -> None:
        """Puts a step in place; a weighted one without a name takes its word and count."""
        if frame.namer is not None and step.name is None and has_weights(step):
            step = replace(step, name=frame.namer.next(kind))
        frame.steps.append(step)
        frame.flow(step.output)

    # -- elements

    def element(self, element: program.Element, frame: Frame) -> None:
        if self.program.unclear and element in self.program.unclear:
            self.unknown(frame)
            return
        match element:
            case program.Missing():
                self.unknown(frame)
            case program.LayerUse():
                self._layer(element, frame)
            case program.BlockUse():
                block(self, element, frame)
            case program.HandedUse():
                handed_block(self, element, frame)
            case program.ShapeClaim():
                check_claim(self, element, frame)
            case program.ValueUse():
                self._value(element, frame)
            case program.SharedUse():
                shared(self, element, frame)
            case program.Residual():
                residual(self, element, frame)
            case program.Parallel():
                parallel(self, element, frame)
            case program.Repeat():
                repeat(self, element, frame)
            case program.Sequential():
                sequential(self, element, frame)
            case program.When():
                when(self, element, frame)

    def unknown(self, frame: Frame) -> None:
        """Goes on from an element that is not understood."""
        frame.flow(UNKNOWN)

    def _value(self, element: program.ValueUse, frame: Frame) -> None:
        value = self.value(element.value, frame.env, ())
        if isinstance(value, Block) and isinstance(element.value, tree.Name):
            call = tree.Call(element.value, (), element.span)
            handed_block(self, program.HandedUse(call), frame)
        elif isinstance(value, Wire | Unknown) or (
            isinstance(value, tuple) and value and all(isinstance(v, Wire) for v in value)
        ):
            frame.flow(value)
        else:
            self.tell("E0407", element.span, f"this is {say(value)}, not a value that flows", frame)
            frame.flow(UNKNOWN)

    def _layer(self, use: program.LayerUse, frame: Frame) -> None:
        self.count(1, use.span, frame)
        step = layer_step(self, use, frame, frame.current)
        if step is None:
            frame.flow(UNKNOWN)
        else:
            self.add(step, use.layer.kind, frame)


def _joined(definition: program.Definition) -> Fix:
    """The end of a block whose last line is several values, as one value."""
    last = definition.body[-1]
    hint = "join them with `-> concat` or `-> add`, or write a block for each"
    written = isinstance(last, program.Flow) and isinstance(last.elements[-1], program.ValueUse)
    return append(last.span, " -> concat", hint) if written else Fix(hint)
