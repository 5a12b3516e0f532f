"""From program to graph: blocks are put in place, sizes flow down the lines, every join is checked.

One walk does expansion and inference together, because a block may ask for the sizes that flow in
(`shortcut when=in.channels != width`). An error makes what flows from it unknown; unknown values
are silent, and a shape claim further down takes over.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from netc.compiler import program, tree
from netc.compiler.arguments import problems, words_of
from netc.compiler.conditions import Condition, equal_when, together
from netc.compiler.diagnostics import Diagnostic, Label, Log
from netc.compiler.evaluate import (
    UNKNOWN,
    EvaluationError,
    Poisoned,
    Unknown,
    as_size,
    evaluate,
    say,
)
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    Net,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
    has_weights,
)
from netc.compiler.layers.base import Layer, ShapeError, Tensor, Weight
from netc.compiler.naming import Namer, camel, snake
from netc.compiler.sizes import Size, Symbolic, symbol
from netc.compiler.source import Span

MOST_LAYERS = 1_000_000
"""Layers one net may expand to, and the most that nested repeats may multiply to."""
DEEPEST = 64
"""How deep blocks may use blocks."""

Current = Wire | tuple[Wire, ...] | Unknown | None


class Stop(Exception):
    """The net cannot be expanded any further; the reason is in the log."""


def elaborate(
    program_: program.Program, net: str, values: Mapping[str, Any], log: Log
) -> Net | None:
    """The typed graph of a net. `values` set its parameters, or the names of its inputs' sizes.

    Findings (E03xx, E04xx, E05xx) go to the log; None if the net could not be built.
    """
    definition = program_.definitions[net]
    elaborator = _Elaborator(program_, log, dict(values))
    try:
        module = elaborator.net(definition)
    except Stop:
        return None
    if log.has_errors or module is None:
        return None
    return Net(module, tuple(elaborator.claims), together(elaborator.conditions))


@dataclass(slots=True, eq=False, repr=False)
class _Shared:
    """A module made by `share`: what it is, and what it turned out to own when first applied."""

    share: program.Share
    env: Mapping[str, Any]
    owner: object
    first: LayerStep | BlockStep | None = None


@dataclass(slots=True, eq=False, repr=False)
class _Frame:
    """Where elaboration stands: the names in sight, what flows, and where steps go.

    `namer` is None while the steps of a named line are gathered: they are named when it ends.
    """

    env: ChainMap[str, Any]
    steps: list[Step]
    namer: Namer | None
    current: Current
    calls: tuple[tuple[str, Span], ...] = ()
    repeats: int = 1
    owner: object = field(default_factory=object)
    names: list[tuple[Wire, str]] = field(default_factory=list)
    ways: list[tuple[Wire, str]] = field(default_factory=list)

    def inner(self, **changes: Any) -> _Frame:
        """A frame inside this one, with its own names."""
        return replace(self, env=self.env.new_child(), **changes)

    def flow(self, value: Current) -> None:
        """Sets what the next line takes."""
        self.current = value
        self.env["out"] = value


class _Elaborator:
    def __init__(self, program_: program.Program, log: Log, values: dict[str, Any]) -> None:
        self.program, self.log, self.values = program_, log, values
        self.conditions: list[Condition] = []
        self.claims: list[tuple[tree.Expr, dict[str, Any], Span]] = []
        self.layers = 0
        self.nets_inputs: list[tuple[str, Wire]] = []
        self.nets_outputs: list[tuple[str, Wire]] = []

    # -- nets and blocks

    def net(self, definition: program.Definition) -> Module | None:
        """The net as a module."""
        env: ChainMap[str, Any] = ChainMap({})
        frame = _Frame(env, [], Namer(definition.body), None)
        given = {k: v for k, v in self.values.items() if k in definition.parameters}
        parameters = self._parameters(definition, given, env, definition.span)
        for name, value in self.values.items():
            if name not in definition.parameters:
                env[name] = value  # a size of the inputs, by its name
        self._body(definition.body, frame)
        outputs = self.nets_outputs
        if not outputs and isinstance(frame.current, Wire):
            outputs = [("output", frame.current)]
        elif not outputs and isinstance(frame.current, tuple):
            self._say("E0406", definition.span, "the net ends with several values", frame)
        if frame.steps and not outputs and not self.log.has_errors:
            message = f"the last line of the net `{definition.name}` leaves no value"
            self.log.say("E0403", definition.span, message, "say what it gives: `output NAME = …`")
        if not frame.steps and not self.log.has_errors:
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
                value = self._value(default, env, ())
            else:
                message = f"the net `{definition.name}` needs a value for `{name}`"
                hint = f"give it a default, or set it: `--set {name}=…`"
                self.log.say("E0205", span, message, hint)
            env[name] = found[name] = value
        return found

    def _call_block(self, use: program.BlockUse, frame: _Frame) -> BlockStep | None:
        definition = self.program.definitions[use.block]
        given = {n: self._value(e, frame.env, ()) for n, e in use.arguments.items()}
        if not isinstance(frame.current, Wire):
            self._needs_one(use.block, use.span, frame)
            return None
        if len(frame.calls) >= DEEPEST:
            self._say("E0405", use.span, f"blocks use blocks deeper than {DEEPEST}", frame)
            raise Stop
        if definition.word == "net":
            message = f"`{use.block}` is a net; a net inside a net is not built yet"
            self._say("E0208", use.word, message, frame, "make it a `block`")
            return None
        self._count(1, use.span, frame)
        source = frame.current
        env: ChainMap[str, Any] = ChainMap({"in": source, "out": source})
        inner = _Frame(
            env,
            [],
            Namer(definition.body),
            source,
            (*frame.calls, (use.block, use.span)),
            frame.repeats,
        )
        parameters = self._parameters(definition, given, env, use.span)
        self._body(definition.body, inner)
        output = inner.current
        if not isinstance(output, Wire):
            if isinstance(output, tuple):
                self._say("E0406", use.span, f"`{use.block}` ends with several values", frame)
            return None
        handed = tuple((n, w) for n, w in parameters.items() if isinstance(w, Wire))
        inputs = (("x", source), *handed)
        module = Module(
            "block",
            use.block,
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

    def _body(self, body: program.Body, frame: _Frame) -> None:
        for item in body:
            match item:
                case program.Flow():
                    self._flow(item, frame)
                case program.Input():
                    self._input(item, frame)
                case program.Share():
                    frame.env[item.name] = _Shared(item, frame.env, frame.owner)
                case program.Learned():
                    self._learned(item, frame)
                case program.Expect():
                    values = {
                        k: v for k, v in frame.env.items() if isinstance(v, int | float | Symbolic)
                    }
                    self.claims.append((item.claim, values, item.span))

    def _input(self, item: program.Input, frame: _Frame) -> None:
        sizes: list[Size] = []
        for expr in item.kind.sizes:
            if isinstance(expr, tree.Name) and expr.text not in frame.env:
                frame.env[expr.text] = symbol(expr.text)
            sizes.append(self._size(expr, frame))
        dtype = "int" if item.kind.dtype is not None and item.kind.dtype.text == "int" else "float"
        tensor = Tensor(tuple(sizes), dtype)  # type: ignore[arg-type]
        wire = Wire(tensor, item.span, f"`{item.name}` is the input {tensor}")
        frame.env[item.name] = wire
        self.nets_inputs.append((item.name, wire))
        frame.flow(wire if len(self.nets_inputs) == 1 else None)

    def _learned(self, item: program.Learned, frame: _Frame) -> None:
        sizes = [self._size(expr, frame) for expr in item.kind.sizes]
        if any(isinstance(size, Symbolic) for size in sizes):
            message = f"`param {item.name}` needs sizes as numbers: weights have fixed sizes"
            self._say("E0302", item.span, message, frame)
            return
        shape = tuple(int(str(size)) for size in sizes)
        wire = Wire(Tensor(shape), item.span, f"`{item.name}` is learned, {Tensor(shape)}")
        frame.env[item.name] = wire
        frame.steps.append(
            ParamStep(Weight(item.name, shape), item.start, wire, item.span, item.name)
        )

    def _flow(self, item: program.Flow, frame: _Frame) -> None:
        if item.target is None:
            for element in item.elements:
                self._element(element, frame)
            return
        steps = self._gather(item.elements, frame, item.target)
        frame.steps += self._named(steps, item.target, item.span)
        frame.env[item.target] = frame.current if frame.current is not None else UNKNOWN
        if isinstance(frame.current, Wire):
            frame.names.append((frame.current, item.target))
        if item.output:
            self._output(item, frame)

    def _output(self, item: program.Flow, frame: _Frame) -> None:
        assert item.target is not None
        if isinstance(frame.current, Wire):
            self.nets_outputs.append((item.target, frame.current))
        elif isinstance(frame.current, tuple):
            message = f"`output {item.target}` is several values"
            self._say("E0406", item.span, message, frame, "join them, or name each")

    def _gather(self, elements: Sequence[program.Element], frame: _Frame, name: str) -> list[Step]:
        """The steps of a named line, not yet named. Structure inside becomes a module."""
        steps, namer = frame.steps, frame.namer
        frame.steps, frame.namer = [], None
        try:
            for element in elements:
                if isinstance(element, program.Residual | program.Parallel):
                    self._enclosed((program.Flow((element,), element.span),), frame, name)
                else:
                    self._element(element, frame)
            return frame.steps
        finally:
            frame.steps, frame.namer = steps, namer

    def _enclosed(self, body: program.Body, frame: _Frame, name: str) -> None:
        """A stretch of lines as a module of its own, with its own names."""
        source = frame.current
        if not isinstance(source, Wire):
            self._needs_one(name, body[0].span, frame)
            frame.flow(UNKNOWN)
            return
        before = set(map(id, frame.env.values()))
        inner = frame.inner(steps=[], namer=Namer(body), owner=object(), names=[], ways=[])
        inner.env["in"] = source
        inner.flow(source)
        self._body(body, inner)
        if not isinstance(inner.current, Wire):
            frame.flow(UNKNOWN)
            return
        inputs = _inputs_of(inner.steps, source, before, frame.env)
        module = Module(
            "body",
            camel(name),
            {},
            inputs,
            tuple(inner.steps),
            (("output", inner.current),),
            body[0].span,
            tuple(inner.names),
            tuple(inner.ways),
        )
        wires = tuple(wire for _, wire in inputs)
        frame.steps.append(BlockStep(module, wires, inner.current, {}, body[0].span))
        frame.flow(inner.current)

    def _named(self, steps: list[Step], name: str, span: Span) -> list[Step]:
        """Law 6: one weighted step takes the line's name, several are numbered under it."""
        weighted = [step for step in steps if step.name is None and has_weights(step)]
        if len(weighted) <= 1:
            return [replace(s, name=name) if weighted and s is weighted[0] else s for s in steps]
        shared = next((step for step in steps if step.name is not None), None)
        if shared is not None:
            message = (
                f"`{name}` numbers its layers, and `{shared.name}` among them has a name of its own"
            )
            hint = f"give `{shared.name}` a line of its own"
            self.log.say("E0408", shared.span, message, hint)
        numbered = tuple(
            replace(step, name=str(number)) if has_weights(step) else step
            for number, step in enumerate(steps)
        )
        own = {id(step.output) for step in steps}
        inputs = tuple(dict.fromkeys(w for step in steps for w in step.inputs if id(w) not in own))
        return [GroupStep(numbered, inputs, steps[-1].output, span, name)]

    def _add(self, step: Step, kind: str, frame: _Frame) -> None:
        """Puts a step in place; a weighted one without a name takes its word and count."""
        if frame.namer is not None and step.name is None and has_weights(step):
            step = replace(step, name=frame.namer.next(kind))
        frame.steps.append(step)
        frame.flow(step.output)

    # -- elements

    def _element(self, element: program.Element, frame: _Frame) -> None:
        match element:
            case program.LayerUse():
                self._layer(element, frame)
            case program.BlockUse():
                block = self._call_block(element, frame)
                if block is None:
                    frame.flow(UNKNOWN)
                else:
                    self._add(block, snake(element.block), frame)
            case program.ShapeClaim():
                self._claim(element, frame)
            case program.ValueUse():
                frame.flow(self._take(element, frame))
            case program.SharedUse():
                self._shared(element, frame)
            case program.Residual():
                self._residual(element, frame)
            case program.Parallel():
                self._parallel(element, frame)
            case program.Repeat():
                self._repeat(element, frame)

    def _take(self, element: program.ValueUse, frame: _Frame) -> Current:
        value = self._value(element.value, frame.env, ())
        if isinstance(value, Wire | Unknown):
            return value
        if isinstance(value, tuple) and value and all(isinstance(v, Wire) for v in value):
            return value
        self._say("E0407", element.span, f"this is {say(value)}, not a value that flows", frame)
        return UNKNOWN

    def _layer(self, use: program.LayerUse, frame: _Frame) -> None:
        self._count(1, use.span, frame)
        step = self._layer_step(use, frame, frame.current)
        if step is None:
            frame.flow(UNKNOWN)
        else:
            self._add(step, use.layer.kind, frame)

    def _layer_step(
        self, use: program.LayerUse, frame: _Frame, current: Current
    ) -> LayerStep | None:
        """The layer applied to what flows and to the values it names; None after an error."""
        main = current if isinstance(current, tuple) else (current,)
        fields: dict[str, Any] = {}
        ready = True
        for name, expr in use.arguments.items():
            words = words_of(use.layer.model_fields[name])
            fields[name] = self._value(expr, frame.env, words)
            ready = ready and not isinstance(fields[name], Unknown)
        wires: list[Any] = [*main]
        for name, expr in use.operands:
            wire = self._value(expr, frame.env, ())
            if not isinstance(wire, Wire | Unknown):
                message = f"`{use.layer.kind}` takes a value here, and this is {say(wire)}"
                self._say("E0407", expr.span, message, frame)
                wire = UNKNOWN
            if name:
                fields[name] = len(wires)
            wires.append(wire)
        layer = self._make(use, fields, frame) if ready else None
        if None in wires:
            self._needs_one(use.layer.kind, use.span, frame)
            return None
        if layer is None or any(isinstance(wire, Unknown) for wire in wires):
            return None
        return self._apply(layer, use, tuple(wires), frame)

    def _make(self, use: program.LayerUse, fields: dict[str, Any], frame: _Frame) -> Layer | None:
        if not use.layer.model_fields:
            return use.layer.model_construct()  # nothing to check: 1 ms less for each such layer
        try:
            return use.layer(**fields)
        except ValidationError as error:
            places = {name: expr.span for name, expr in use.arguments.items()}
            for problem in problems(error, use.layer.kind, fields, places, use.word):
                self._report(problem, frame)
            return None

    def _apply(
        self, layer: Layer, use: program.LayerUse, wires: tuple[Wire, ...], frame: _Frame
    ) -> LayerStep | None:
        tensors = [wire.tensor for wire in wires]
        least, most = layer.inputs
        counted = len(wires) - sum(1 for name, _ in use.operands if name)
        if counted < least or (most is not None and counted > most):
            hint = "join them first: `(a, b) -> concat`" if counted > 1 else "write `(a, b) -> …`"
            wanted = "one value" if most == 1 else f"at least {least} values"
            message = f"`{layer.kind}` takes {wanted}, and here flow {counted}"
            self._say("E0406", use.word, message, frame, hint)
            return None
        try:
            if not self._joins(layer, tensors, wires, use, frame):
                return None
            output = layer.output(tensors)
            weights = layer.weights(tensors)
        except ShapeError as error:
            self._shape_error(error, use, wires, frame)
            return None
        wire = Wire(output, use.span, f"`{use.span.text}` gives {output}", layer, wires)
        return LayerStep(layer, wires, wire, weights, use.arguments, use.span)

    def _shape_error(
        self, error: ShapeError, use: program.LayerUse, wires: tuple[Wire, ...], frame: _Frame
    ) -> None:
        span = use.word
        if error.argument in use.arguments:
            span = use.arguments[error.argument].span
        labels = [_made(w) for w in wires[:2] if w.made != use.span]
        self._say(error.code, span, error.message, frame, error.hint, labels)

    def _joins(
        self,
        layer: Layer,
        tensors: list[Tensor],
        wires: tuple[Wire, ...],
        use: program.LayerUse,
        frame: _Frame,
    ) -> bool:
        """Checks the sizes that a layer needs to be equal; symbolic ones become conditions."""
        found: list[Condition] = []
        for left, right, axis in layer.joins(tensors):
            if isinstance(left, int) and isinstance(right, int):
                equal: Any = left == right
            else:
                equal = left == right or equal_when(left, right)
            if equal is True:
                continue
            if equal is False:
                self._unequal(layer, wires, (left, right, axis), use, frame)
                return False
            found.append(equal)
        self._only_if(f"this `{layer.kind}` holds", found, use.word, frame)
        return True

    def _only_if(self, what: str, found: Sequence[Condition], span: Span, frame: _Frame) -> None:
        """Notes that something holds under conditions, and keeps them for the net's report."""
        self.conditions += found
        if found:
            self._say(
                "N0301", span, f"{what} for some sizes only: {'; '.join(together(found))}", frame
            )

    def _unequal(
        self,
        layer: Layer,
        wires: tuple[Wire, ...],
        sizes: tuple[Size, Size, int],
        use: program.LayerUse,
        frame: _Frame,
    ) -> None:
        left, right, axis = sizes
        shapes = " and ".join(str(wire.tensor) for wire in wires)
        message = (
            f"`{layer.kind}` needs equal sizes along axis {axis}: {left} is not {right} ({shapes})"
        )
        labels = [_made(wire) for wire in wires]
        hint = f"give both ways the same kernel, stride and padding, so that axis {axis} agrees"
        self._say("E0310", use.word, message, frame, hint, labels)

    def _claim(self, claim: program.ShapeClaim, frame: _Frame) -> None:
        try:
            claimed = tuple(
                as_size(evaluate(item, frame.env), item.span) for item in claim.items.items
            )
        except Poisoned:
            return
        except EvaluationError as error:
            self._report(Diagnostic(error.code, error.message, error.span, error.hint), frame)
            return
        current = frame.current
        if isinstance(current, Unknown) or current is None:  # after an error: go on from the claim
            wire = Wire(Tensor(claimed), claim.span, f"claimed to be {Tensor(claimed)}")
            frame.flow(wire if isinstance(current, Unknown) else None)
            return
        if isinstance(current, tuple):
            self._say("E0406", claim.span, "several values flow here; a claim is about one", frame)
            return
        shape = current.tensor.shape
        equal: list[Any] = [len(shape) == len(claimed)]
        if equal[0]:
            equal = [a == b or equal_when(a, b) for a, b in zip(shape, claimed, strict=True)]
        if False in equal:
            message = f"the claim {Tensor(claimed)} is false: here flows {Tensor(shape)}"
            hint = f"write `{Tensor(shape)}`, or change what leads here"
            self._say("E0501", claim.span, message, frame, hint, [_made(current)])
        found = [condition for condition in equal if not isinstance(condition, bool)]
        if False not in equal:
            self._only_if("the claim holds", found, claim.span, frame)

    def _shared(self, use: program.SharedUse, frame: _Frame) -> None:
        shared = frame.env[use.name]
        assert isinstance(shared, _Shared)
        element = shared.share.element
        if shared.owner is not frame.owner:
            message = f"`{use.name}` is shared around a stretch that is a module of its own"
            label = Label(shared.share.span, "it is made here")
            hint = "take the name off the line, or share inside the block"
            self._say("E0408", use.span, message, frame, hint, [label])
            frame.flow(UNKNOWN)
            return
        inner = replace(frame, env=ChainMap({}, shared.env))  # type: ignore[arg-type]
        step: LayerStep | BlockStep | None
        if isinstance(element, program.BlockUse):
            step = self._call_block(element, inner)
        else:
            self._count(1, use.span, frame)
            step = self._layer_step(element, inner, frame.current)
        if step is None:
            frame.flow(UNKNOWN)
            return
        first = shared.first
        if first is not None and _owned(first) != _owned(step):
            message = (
                f"`{use.name}` is shared, and its weights would need other sizes here: "
                f"{step.inputs[0].tensor} flows in, and at first {first.inputs[0].tensor}"
            )
            label = Label(first.span, "its weights got their sizes from its first use")
            self._say("E0404", use.span, message, frame, "share another module here", [label])
            frame.flow(UNKNOWN)
            return
        step = replace(step, name=use.name, reuse=first is not None, span=use.span)
        shared.first = first or step
        frame.steps.append(step)
        frame.flow(step.output)

    # -- structure

    def _residual(self, element: program.Residual, frame: _Frame) -> None:
        source = frame.current
        if not isinstance(source, Wire):
            self._needs_one("residual", element.span, frame)
            frame.flow(UNKNOWN)
            return
        inner = frame.inner()
        inner.env["in"] = source
        inner.flow(source)
        self._body(element.body, inner)
        skip: Current = source
        if element.shortcut is not None:
            skip = self._shortcut(element.shortcut, source, frame)
        if not isinstance(inner.current, Wire) or not isinstance(skip, Wire):
            frame.flow(UNKNOWN)
            return
        self._residual_add(element, inner.current, skip, frame)

    def _residual_add(
        self, element: program.Residual, body: Wire, skip: Wire, frame: _Frame
    ) -> None:
        from netc.compiler.layers.joins import Add

        if len(body.tensor.shape) == len(skip.tensor.shape):
            pairs = list(zip(body.tensor.shape, skip.tensor.shape, strict=True))
            differ = [i for i, (a, b) in enumerate(pairs) if a != b and not equal_when(a, b)]
        else:
            differ = [-1]
        if differ:
            message = (
                f"the residual adds {body.tensor} and {skip.tensor}, which differ: "
                f"its lines give {body.tensor}, and past them goes {skip.tensor}"
            )
            labels = [_made(body), _made(skip)]
            hint = _residual_hint(body.tensor, skip.tensor, element.shortcut is not None)
            self._say("E0310", element.span, message, frame, hint, labels)
            frame.flow(UNKNOWN)
            return
        use = program.LayerUse(Add, {}, (), element.span, element.span)
        step = self._apply(Add(), use, (body, skip), frame)
        if step is None:
            frame.flow(UNKNOWN)
        else:
            self._add(step, "add", frame)

    def _shortcut(self, shortcut: program.Shortcut, source: Wire, frame: _Frame) -> Current:
        taken: Any = True
        if shortcut.when is not None:
            inner = frame.inner()
            inner.env["in"] = source
            taken = self._value(shortcut.when, inner.env, ())
        if isinstance(taken, Unknown):
            return UNKNOWN
        if not isinstance(taken, bool):
            assert shortcut.when is not None
            message = f"`when` is yes or no, and this is {say(taken)}"
            self._say("E0210", shortcut.when.span, message, frame, "compare it: `when=stride > 1`")
            return UNKNOWN
        name = shortcut.name
        if name is None and frame.namer is not None:
            name = frame.namer.next("shortcut")
        steps, output = self._way(shortcut.body, source, frame, name) if taken else ([], source)
        if shortcut.when is None:
            frame.steps += steps
        elif isinstance(output, Wire):
            inputs = (source,)
            frame.steps.append(
                WhenStep(shortcut.when, taken, tuple(steps), inputs, output, shortcut.span)
            )
        return output

    def _way(
        self, body: program.Body, source: Wire, frame: _Frame, name: str | None
    ) -> tuple[list[Step], Current]:
        """A named way around or through: its lines from `source`, under its name."""
        inner = frame.inner(steps=[], namer=frame.namer)
        inner.env["in"] = source
        inner.flow(source)
        flows = [item for item in body if isinstance(item, program.Flow)]
        if name is None:
            self._body(body, inner)
            return inner.steps, inner.current
        if len(flows) == len(body) and all(flow.target is None for flow in flows):
            elements = [element for flow in flows for element in flow.elements]
            steps = self._gather(elements, inner, name)
        else:
            inner.namer = None
            self._enclosed(body, inner, name)
            steps = inner.steps
        return self._named(steps, name, body[0].span), inner.current

    def _parallel(self, element: program.Parallel, frame: _Frame) -> None:
        source = frame.current
        if not isinstance(source, Wire):
            self._needs_one("parallel", element.span, frame)
            frame.flow(UNKNOWN)
            return
        ends: list[Current] = []
        for number, branch in enumerate(element.branches, 1):
            steps, end = self._way(branch.body, source, frame, branch.name)
            frame.steps += steps
            ends.append(end)
            if isinstance(end, Wire) and end is not source:
                frame.ways.append((end, branch.name or f"branch{number}"))
        if not all(isinstance(end, Wire) for end in ends):
            frame.flow(UNKNOWN)
            return
        wires = tuple(end for end in ends if isinstance(end, Wire))
        use = replace(element.join)
        layer = self._make(use, {}, frame)
        step = self._apply(layer, use, wires, frame) if layer is not None else None
        if step is None:
            frame.flow(UNKNOWN)
        else:
            self._add(step, use.layer.kind, frame)

    def _repeat(self, element: program.Repeat, frame: _Frame) -> None:
        values = self._repeated(element, frame)
        if values is None or not isinstance(frame.current, Wire):
            if values is not None:
                self._needs_one("repeat", element.span, frame)
            frame.flow(UNKNOWN)
            return
        repeats = frame.repeats * max(len(values), 1)
        if repeats > MOST_LAYERS:
            message = f"the repeats multiply to {repeats:,}; the limit is {MOST_LAYERS:,} layers"
            self._say("E0405", element.span, message, frame)
            raise Stop
        source = frame.current
        items: list[Step] = []
        for number, value in enumerate(values):
            item = frame.inner(steps=[], namer=None, repeats=repeats)
            item.env["in"] = frame.current
            if element.variable is not None:
                item.env[element.variable] = value
            items += self._repeat_item(element, item, str(number))
            frame.flow(item.current)
            if not isinstance(item.current, Wire):
                return
        if _is_shared(element.body):  # one module, applied again and again: nothing to number
            frame.steps += items
            return
        if not any(has_weights(item) for item in items):
            frame.steps += [_unnamed(item) for item in items]
            return
        assert isinstance(frame.current, Wire)
        own = {id(step.output) for step in items}
        inputs = dict.fromkeys(w for s in items for w in s.inputs if id(w) not in own)
        inputs.setdefault(source)
        self._add(
            RepeatStep(tuple(items), tuple(inputs), frame.current, element.span), "repeat", frame
        )

    def _repeat_item(self, element: program.Repeat, item: _Frame, name: str) -> list[Step]:
        """One round: a single layer or block is the item itself, more lines are a module."""
        body = element.body
        only = body[0] if len(body) == 1 else None
        plain = (
            isinstance(only, program.Flow)
            and only.target is None
            and sum(not isinstance(e, program.ShapeClaim) for e in only.elements) == 1
            and not isinstance(only.elements[0], program.Residual | program.Parallel)
        )
        if plain:
            self._body(body, item)
        elif body:
            self._enclosed(body, item, "layer")
        if _is_shared(body):
            return item.steps
        return [replace(step, name=name) for step in item.steps]

    def _repeated(self, element: program.Repeat, frame: _Frame) -> Sequence[Any] | None:
        """The values that the rounds run through; None after an error."""
        if element.items is not None:
            listed = self._value(element.items, frame.env, ())
            return listed if isinstance(listed, tuple) else None
        assert element.count is not None
        count = self._value(element.count, frame.env, ())
        if isinstance(count, Unknown):
            return None
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            message = f"`repeat` takes a whole number of rounds, and this is {say(count)}"
            self._say("E0210", element.count.span, message, frame)
            return None
        if count > MOST_LAYERS:
            message = f"{count:,} rounds are more than the {MOST_LAYERS:,} layers a net can have"
            self._say("E0405", element.count.span, message, frame)
            raise Stop
        return range(count)

    # -- values and findings

    def _value(self, expr: tree.Expr, env: Mapping[str, Any], words: Sequence[str]) -> Any:
        if type(expr) is tree.Number:
            return expr.value
        try:
            return evaluate(expr, env, words)
        except Poisoned:
            if not self.log.has_errors:
                message = f"`{expr.span.text}` has no value here"
                hint = "names given inside `residual`, `branch` and `repeat` are known inside only"
                self.log.say("E0202", expr.span, message, hint)
            return UNKNOWN
        except EvaluationError as error:
            self.log.say(error.code, error.span, error.message, error.hint)
            return UNKNOWN

    def _size(self, expr: tree.Expr, frame: _Frame) -> Size:
        value = self._value(expr, frame.env, ())
        if isinstance(value, Unknown):
            return 1
        try:
            return as_size(value, expr.span)
        except EvaluationError as error:
            self.log.say(error.code, error.span, error.message, error.hint)
            return 1

    def _count(self, layers: int, span: Span, frame: _Frame) -> None:
        self.layers += layers
        if self.layers > MOST_LAYERS:
            self._say("E0405", span, f"the net has more than {MOST_LAYERS:,} layers", frame)
            raise Stop

    def _needs_one(self, word: str, span: Span, frame: _Frame) -> None:
        if isinstance(frame.current, Unknown):
            return
        if isinstance(frame.current, tuple):
            message = f"`{word}` takes one value, and here flow {len(frame.current)}"
            self._say("E0406", span, message, frame, "join them first: `-> concat`")
        elif len(self.nets_inputs) > 1:
            names = ", ".join(f"`{name}`" for name, _ in self.nets_inputs)
            message = f"nothing says which of the inputs {names} `{word}` takes"
            self._say(
                "E0406", span, message, frame, f"write `{self.nets_inputs[0][0]} -> {word} …`"
            )
        else:
            message = f"nothing flows into `{word}`"
            self._say("E0406", span, message, frame, "write the net's `input` above this line")

    def _say(
        self,
        code: str,
        span: Span,
        message: str,
        frame: _Frame,
        hint: str = "",
        labels: Sequence[Label] = (),
    ) -> None:
        self._report(Diagnostic(code, message, span, hint, tuple(labels)), frame)

    def _report(self, diagnostic: Diagnostic, frame: _Frame) -> None:
        """Logs a finding; inside a block it also points at the line that used the block."""
        if frame.calls:
            block, span = frame.calls[-1]
            label = Label(span, f"in this use of `{block}`")
            diagnostic = replace(diagnostic, labels=(*diagnostic.labels, label))
        self.log.add(diagnostic)


def _made(wire: Wire) -> Label:
    """Points at the line that gave a value its shape, with the arithmetic."""
    origin = wire.origin()
    return Label(origin.made, origin.story)


def _unnamed(step: Step) -> Step:
    return step if isinstance(step, ParamStep) else replace(step, name=None)


def _is_shared(body: program.Body) -> bool:
    """Whether a body is one use of a shared module and nothing else."""
    only = body[0] if len(body) == 1 else None
    return (
        isinstance(only, program.Flow)
        and only.target is None
        and all(isinstance(e, program.SharedUse | program.ShapeClaim) for e in only.elements)
    )


def _owned(step: LayerStep | BlockStep) -> list[tuple[str | None, tuple[Weight, ...]]]:
    from netc.compiler.graph import walk

    if isinstance(step, LayerStep):
        return [(None, step.weights)]
    return [
        (placed.path, placed.step.weights)
        for placed in walk(step.module)
        if isinstance(placed.step, LayerStep)
    ]


def _inputs_of(
    steps: Sequence[Step], source: Wire, before: set[int], env: Mapping[str, Any]
) -> tuple[tuple[str, Wire], ...]:
    """What a stretch of lines takes from around it: what flows in first, then values by name."""
    names = {id(value): name for name, value in env.items() if isinstance(value, Wire)}
    found: dict[int, tuple[str, Wire]] = {id(source): ("x", source)}
    for step in steps:
        for wire in step.inputs:
            if id(wire) in before and id(wire) not in found:
                found[id(wire)] = (names.get(id(wire), "skip"), wire)
    return tuple(found.values())


def _residual_hint(body: Tensor, skip: Tensor, has_shortcut: bool) -> str:
    """The edit that makes a residual's two ways equal."""
    b, s = body.shape, skip.shape
    if has_shortcut:
        return (
            f"make the shortcut give {body}: its filters and stride must match the lines above it"
        )
    if len(b) == len(s) >= 2 and isinstance(b[0], int):
        stride = 1
        if len(s) >= 3 and isinstance(s[1], int) and isinstance(b[1], int) and b[1] < s[1]:
            stride = -(-s[1] // b[1])
        if b[1:] == s[1:] or stride > 1:
            kernel = "x".join("1" * (len(b) - 1)) if len(b) > 2 else "1"
            strided = f", stride={stride}" if stride > 1 else ""
            return f"add a shortcut: `shortcut: conv {b[0]}, {kernel}{strided}`"
        return "pad the convolutions (`pad=same`), so that the size stays"
    if len(b) == len(s) == 1:
        return f"end with `dense {s[0]}`, or add `shortcut: dense {b[0]}`"
    return ""
