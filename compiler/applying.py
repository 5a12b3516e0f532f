"""Layers applied to what flows: arguments become a layer, inputs are checked, an output comes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from pydantic import ValidationError

from netc.compiler import program, tree
from netc.compiler.arguments import problems, words_of
from netc.compiler.changing import change_argument
from netc.compiler.conditions import Condition, equal_when, together
from netc.compiler.diagnostics import Label, finding
from netc.compiler.edits import Edit, Fix, begins_line, rewrite, take_out
from netc.compiler.evaluate import (
    UNKNOWN,
    EvaluationError,
    Poisoned,
    Unknown,
    as_size,
    say,
)
from netc.compiler.exact import exact
from netc.compiler.frame import Current, Findings, Frame, made_by
from netc.compiler.graph import (
    LayerStep,
    Wire,
)
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.refusals import JoinError, ShapeError
from netc.compiler.sizes import Shape, Size, names_in, shape_spec_text
from netc.compiler.source import Span

if TYPE_CHECKING:
    from netc.compiler.possible import Conflict


def layer_step(
    context: Findings, use: program.LayerUse, frame: Frame, current: Current
) -> LayerStep | None:
    """The layer applied to what flows and to the values it names; None after an error."""
    main = current if isinstance(current, tuple) else (current,)
    fields: dict[str, Any] = {}
    ready = True
    for name, expr in use.arguments.items():
        words = words_of(use.layer, name)
        fields[name] = context.value(expr, frame.env, words)
        ready = ready and not isinstance(fields[name], Unknown)
    wires: list[Any] = [*main]
    for name, expr in use.operands:
        wire = context.value(expr, frame.env, ())
        if not isinstance(wire, Wire | Unknown):
            message = f"`{use.layer.kind}` takes a value here, and this is {say(wire)}"
            context.tell("E0407", expr.span, message, frame, _joins(expr, use))
            wire = UNKNOWN
        if name:
            fields[name] = len(wires)
        wires.append(wire)
    layer = make_layer(context, use, fields, frame) if ready else None
    if None in wires:
        context.needs_one(use.layer.kind, use.span, frame)
        return None
    if layer is None or any(isinstance(wire, Unknown) for wire in wires):
        return None
    return apply(context, layer, use, tuple(wires), frame)


def _joins(expr: tree.Expr, use: program.LayerUse) -> Fix:
    """`concat(a, b)` and `concat [a, b]` as `(a, b) -> concat`, where a line begins with it."""
    named = re.fullmatch(r"[\[(]((?:[ \t]*\w+[ \t]*,?)+)[\])]", expr.span.text)
    if named is None or len(use.operands) != 1 or not begins_line(use.span):
        return Fix("")
    return rewrite(use.span, f"({named[1].strip()}) -> {use.layer.kind}")


def make_layer(
    context: Findings, use: program.LayerUse, fields: dict[str, Any], frame: Frame
) -> Layer | None:
    if not fields and not use.layer.model_fields:
        return use.layer.model_construct()  # nothing to check: 1 ms less for each such layer
    try:
        return use.layer(**fields)
    except ValidationError as error:
        places = {name: expr.span for name, expr in use.arguments.items()}
        fix = _swapped(use, fields)
        for problem in problems(error, use.layer, use.layer.kind, fields, places, use.word):
            if fix is not None:
                problem = replace(problem, hint=fix.hint, edits=fix.edits, safe=fix.safe)
            context.report(problem, frame)
            fix = None
        return None


def _swapped(use: program.LayerUse, fields: dict[str, Any]) -> Fix | None:
    """Two arguments in each other's place, if the layer can be made so and as it stands cannot."""
    for a, b in combinations(use.arguments, 2):
        try:
            use.layer(**{**fields, a: fields[b], b: fields[a]})
        except ValidationError:
            continue
        one, other = use.arguments[a].span, use.arguments[b].span
        hint = f"write `{other.text}` as `{a}` and `{one.text}` as `{b}`"
        return Fix(hint, (Edit(one, other.text), Edit(other, one.text)))
    return None


def apply(
    context: Findings, layer: Layer, use: program.LayerUse, wires: tuple[Wire, ...], frame: Frame
) -> LayerStep | None:
    tensors = [wire.tensor for wire in wires]
    least, most = layer.inputs
    counted = len(wires) - sum(1 for name, _ in use.operands if name)
    if counted < least or (most is not None and counted > most):
        fix = Fix("write `(a, b) -> …`")
        if counted > 1:
            hint = "join them first: `{}" + f"{layer.kind} …`"
            fix = rewrite(use.word.before, "concat -> ", hint)
        wanted = "one value" if most == 1 else f"at least {least} values"
        message = f"`{layer.kind}` takes {wanted}, and here flow {counted}"
        context.tell("E0406", use.word, message, frame, fix)
        return None
    try:
        if not check_joins(context, layer, tensors, wires, use, frame):
            return None
        output = layer.output(tensors)
        weights = layer.weights(tensors)
        macs = layer.macs(tensors, output)
    except ShapeError as error:
        _shape_error(context, error, layer, use, wires, frame)
        return None
    wire = Wire(output, use.span, f"`{use.span.text}` gives {output}", layer, wires)
    return LayerStep(layer, wires, wire, weights, macs, use.arguments, use.span)


def _shape_error(
    context: Findings,
    error: ShapeError,
    layer: Layer,
    use: program.LayerUse,
    wires: tuple[Wire, ...],
    frame: Frame,
) -> None:
    span = use.word
    if error.argument in use.arguments:
        span = use.arguments[error.argument].span
    labels = [made_by(w) for w in wires[:2] if w.made != use.span]
    fix = Fix(error.hint)
    if isinstance(error, JoinError) and error.ranks:
        from netc.compiler.bridging import Meeting, bridged
        from netc.compiler.joining import history

        labels = [history(wire) for wire in wires]
        fix = bridged(Meeting(use, wires, frame))
    elif error.change is not None:
        fix = change_argument(use.span, use.arguments, *error.change, error.hint)
    elif error.code in ("E0302", "E0303", "E0304"):
        from netc.compiler.reordering import sequence_fix

        fix = _instead_of_flatten(wires[0].origin(), error) or fix
        fix = sequence_fix(error, layer, wires, use.span) or fix
    context.tell(error.code, span, error.message, frame, fix, labels)


def _instead_of_flatten(flattened: Wire, error: ShapeError) -> Fix | None:
    """Offers to take out a `flatten` that stands in the way, or to pool in its stead."""
    if flattened.layer is None or flattened.layer.kind != "flatten":
        return None
    before = flattened.read[0].tensor
    if error.code == "E0303":
        return take_out(flattened.made, "take the `flatten` above out, or move it below")
    if error.code == "E0302" and len(before.shape) > 1 and isinstance(before.shape[0], int):
        hint = "write `{}` in the place of `flatten`: it gives one number for each channel"
        return rewrite(flattened.made, "global_avg_pool", hint + f", {before.shape[0]}")
    return None


def check_joins(
    context: Findings,
    layer: Layer,
    tensors: list[Tensor],
    wires: tuple[Wire, ...],
    use: program.LayerUse,
    frame: Frame,
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
            _unequal(context, layer, wires, (left, right, axis), use, frame)
            return False
        kept = narrowed(context, equal, use.word, wires)
        if not isinstance(kept, Condition):
            _unequal(context, layer, wires, (left, right, axis), use, frame, (equal, kept))
            return False
        found.append(kept)
    only_if(context, f"this `{layer.kind}` holds", found, use.word, frame)
    return True


def narrowed(
    context: Findings, condition: Condition, place: Span, wires: Sequence[Wire]
) -> Condition | Conflict:
    """The condition, kept in mind for those to come; or what excludes it."""
    if context.possible is None:
        from netc.compiler.possible import Possible

        context.possible = Possible()
    return context.possible.narrow(condition, place, wires)


def only_if(
    context: Findings, what: str, found: Sequence[Condition], span: Span, frame: Frame
) -> None:
    """Notes that something holds under conditions, and keeps them for the net's report."""
    context.conditions += found
    if found:
        context.tell(
            "N0301", span, f"{what} for some sizes only: {'; '.join(together(found))}", frame
        )


def _unequal(
    context: Findings,
    layer: Layer,
    wires: tuple[Wire, ...],
    sizes: tuple[Size, Size, int],
    use: program.LayerUse,
    frame: Frame,
    excluded: tuple[Condition, Conflict] | None = None,
) -> None:
    """Says that sizes differ (E0310): always, or for the sizes that earlier lines leave."""
    left, right, axis = sizes
    context.differ(wires[-1].tensor.shape, wires[0].tensor.shape)
    shapes = " and ".join(str(wire.tensor) for wire in wires)
    message = (
        f"`{layer.kind}` {layer.needs} along axis {axis}: {left} is not {right} "
        f"{_whatever(left, right)}({shapes})"
    )
    earlier: list[Label] = []
    if excluded is not None:
        asked, conflict = excluded
        message = (
            f"`{layer.kind}` {layer.needs} along axis {axis}, {left} and {right} ({shapes}): "
            f"{_excluded(asked, conflict)}"
        )
        earlier = [Label(span, f"here {text}") for span, text in conflict.places]
    from netc.compiler.joining import Place, history, mend

    fix = mend(layer, wires, axis, Place(use, frame, context.nets_inputs, context.claimed))
    labels = [*(history(wire) for wire in wires), *earlier]
    context.tell("E0310", use.word, message, frame, fix, labels)


def _whatever(left: Size, right: Size) -> str:
    """That sizes with names differ for all their values, in words."""
    names = sorted(names_in(left) | names_in(right))
    return f"whatever {' and '.join(names)} " if names else ""


def _excluded(asked: Condition, conflict: Conflict) -> str:
    return f"{together([asked])[0]} for that, and before {conflict.text}: no size is left"


def check_claim(context: Findings, claim: program.ShapeClaim, frame: Frame) -> None:
    try:
        values = [exact(item, frame.env) for item in claim.items.items]
        claimed = tuple(
            as_size(value, item.span)
            for (value, _), item in zip(values, claim.items.items, strict=True)
        )
    except Poisoned:
        if context.partly:  # the line that makes the name may be the one that is left out
            frame.flow(UNKNOWN)
        return
    except EvaluationError as error:
        context.report(finding(error.code, error.span, error.message, error.hint), frame)
        return
    current = frame.current
    if isinstance(current, Unknown) or current is None:  # after an error: go on from the claim
        wire = Wire(Tensor(claimed), claim.span, f"claimed to be {Tensor(claimed)}")
        frame.flow(wire if isinstance(current, Unknown) else None)
        return
    if isinstance(current, tuple):
        context.tell("E0406", claim.span, "several values flow here; a claim is about one", frame)
        return
    shape = current.tensor.shape
    equal: list[Any] = [len(shape) == len(claimed)]
    if equal[0]:
        equal = [a == b or equal_when(a, b) for a, b in zip(shape, claimed, strict=True)]
    if False in equal:
        _false_claim(context, claim, claimed, current, frame)
        return
    found: list[Condition] = []
    asked = [one for one in equal if not isinstance(one, bool)]
    for condition in [*asked, *(one for _, divided in values for one in divided)]:
        kept = narrowed(context, condition, claim.span, [current])
        if not isinstance(kept, Condition):
            _excluded_claim(context, claim, condition, kept, current, frame)
            return
        found.append(kept)
    context.claimed.add(current)
    only_if(context, "the claim holds", found, claim.span, frame)


def _excluded_claim(
    context: Findings,
    claim: program.ShapeClaim,
    asked: Condition,
    conflict: Conflict,
    current: Wire,
    frame: Frame,
) -> None:
    """Says that a claim (E0501) is false for every size that earlier lines leave."""
    if context.lenient:
        return
    message = f"the claim is false: {_excluded(asked, conflict)}"
    fix = rewrite(claim.span, shape_spec_text(current.tensor.shape), "write `{}`, which flows here")
    labels = [made_by(current), *(Label(span, f"here {text}") for span, text in conflict.places)]
    context.tell("E0501", claim.span, message, frame, fix, labels)


def _false_claim(
    context: Findings, claim: program.ShapeClaim, claimed: Shape, current: Wire, frame: Frame
) -> None:
    """Says that a claim is false (E0501), and goes on from it if one argument makes it true."""
    if context.lenient:
        return
    shape = current.tensor.shape
    context.differ(shape, claimed)
    from netc.compiler.claimed import claimed_way, factors

    message = f"the claim {Tensor(claimed)} is false: here flows {Tensor(shape)}"
    written = shape_spec_text(shape)
    fix = claimed_way(current, claimed, frame, context.claimed)
    if fix is None:
        why = factors(current, claimed)
        hint = "write `{}`, or change what leads here"
        fix = rewrite(claim.span, written, f"{hint}: {why}" if why else hint)
    else:
        fix = replace(fix, hint=f"{fix.hint}; or claim `{written}`")
        tensor = replace(current.tensor, shape=claimed)
        frame.flow(Wire(tensor, claim.span, f"claimed to be {Tensor(claimed)}"))
    labels = [made_by(current)]
    for edit in fix.edits[:1]:
        if edit.span.line not in (claim.span.line, labels[0].span.line):
            labels.append(Label(edit.span, "one change here makes it true"))
    context.tell("E0501", claim.span, message, frame, fix, labels)
