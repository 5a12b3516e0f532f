"""`expect` lines: the paper's table in the spec, held against what the compiler counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler import tree
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import Fix, rewrite, suggest, take_line_out
from netc.compiler.evaluate import EvaluationError, Poisoned, Range, evaluate, say
from netc.compiler.graph import Net
from netc.compiler.report import Claim, Report, Row
from netc.compiler.sizes import Symbolic, names_in, shape_spec_text, spec_text
from netc.compiler.source import Span

if TYPE_CHECKING:
    from netc.compiler.rebuilding import Counts
    from netc.compiler.supposed import Supposed

    Explain: TypeAlias = Callable[[Counts, Counts], Supposed | None]


COUNTED = ("params", "macs", "flops")
"""What is counted over layers: a change of the text is looked for that makes it as claimed."""


def judge(net: Net, report: Report, log: Log, explain: Explain | None = None) -> Report:
    """The report with every claim judged; false (E0502) and unclear ones (E0503) are logged.

    `explain` finds the change of the text that makes counts true; it is asked for the first
    false claim of a file only, for one mistake in a family of nets is seen in each of them.
    """
    peaks = any("memory" in span.text for _, _, span in net.claims)  # they take a while to work out
    least, unknown = (_least(report), report.unknown) if peaks else ({}, "")
    measured = _Measured(
        _values(report, peaks=peaks), report.rows, _counts_claimed(net), explain, least, unknown
    )
    claims: list[Claim] = []
    for expr, values, span in net.claims:
        text = span.text.removeprefix("expect").strip()
        here, place = measured, span
        if _is_sized(expr, span):
            from netc.compiler.sized import at_sizes

            try:
                known = at_sizes(net, measured.values, values)
            except ValueError as error:
                log.say("E0503", span, f"the claim cannot be judged: {error}")
                continue
            here, place = _Measured(known, report.rows, {}, None), expr.span
        try:
            holds = _holds(expr, here, values, place, log)
        except Poisoned:
            message = "the claim names something that has no value here"
            hint = "claims compare with numbers, sizes and parameters"
            log.say("E0503", span, message, _measured_claim(expr, here, place, hint))
            continue
        except EvaluationError as error:
            fix = error.hint if isinstance(error.hint, Fix) else Fix(error.hint)
            fix = fix if fix.hint else _measured_claim(expr, here, place, "")
            log.say(error.code, error.span, error.message, fix)
            continue
        if holds is not None:
            claims.append(Claim(text, span.line, holds))
    return replace(report, claims=tuple(claims))


class _Measured(Struct, frozen=True, eq=False):
    """What claims are held against: values by name, and the layers that they are sums of.

    `least` is for values of which a part, the `unknown` one, has no known size.
    """

    values: dict[str, Any]
    rows: tuple[Row, ...]
    claimed: dict[str, int]
    explain: Explain | None
    least: Mapping[str, int] = {}
    unknown: str = ""


def _counts_claimed(net: Net) -> dict[str, int]:
    """The counts that a net's claims say it has."""
    plain = ((expr, values) for expr, values, span in net.claims if not _is_sized(expr, span))
    return counts_claimed(plain)


def _is_sized(expr: tree.Expr, span: Span) -> bool:
    """Whether a claim is about sizes that the spec leaves open: these stand behind it."""
    behind = replace(span, line=expr.span.end_line, column=expr.span.end_column)
    return "=" in behind.text


def counts_claimed(claims: Iterable[tuple[tree.Expr, Mapping[str, Any]]]) -> dict[str, int]:
    """The same of claims with the values of the names in them."""
    found: dict[str, int] = {}
    waiting = [*claims]
    while waiting:
        expr, values = waiting.pop()
        if not isinstance(expr, tree.Binary):
            continue
        if expr.operator == "and":
            waiting += [(expr.left, values), (expr.right, values)]
        elif expr.operator == "==" and (name := _name(expr.left)) in COUNTED:
            try:
                value = evaluate(expr.right, values)
            except (Poisoned, EvaluationError):
                continue  # said where the claim is judged
            if isinstance(value, int):
                found[name] = value
    return found


def _values(report: Report, *, peaks: bool) -> dict[str, Any]:
    """What a claim may name, by its name; activations are None where `peaks` is False."""
    inference, training = (report.inference_peak, report.training_peak) if peaks else (None, None)
    whole = None if inference is None else report.weights_bytes + inference
    found: dict[str, Any] = {
        "params": report.params,
        "params.trainable": report.trainable,
        "params.frozen": report.frozen,
        "params.buffers": report.buffers,
        "macs": report.macs,
        "flops": report.flops,
        "memory": whole,
        "memory.weights": report.weights_bytes,
        "memory.inference": inference,
        "memory.training": training,
        "depth": report.depth,
        "receptive_field": None if report.receptive_field == "unknown" else report.receptive_field,
        "layers": len(report.rows),
    }
    for name, tensor in report.outputs:
        found.setdefault(name, tensor.shape)
    for name, field in report.output_fields:
        found[f"{name}.receptive_field"] = None if field == "unknown" else field
    if len(report.outputs) == 1:
        found["output"] = report.outputs[0][1].shape
    return found


def _least(report: Report) -> dict[str, int]:
    """The least that values are which are not known."""
    if report.least_peaks is None:
        return {}
    inference, training = report.least_peaks
    whole = report.weights_bytes + inference
    return {"memory": whole, "memory.inference": inference, "memory.training": training}


_FLIP = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _holds(
    expr: tree.Expr, measured: _Measured, values: Mapping[str, Any], span: Span, log: Log
) -> bool | None:
    """Whether a claim holds; None, with a diagnostic, if it cannot be judged."""
    if isinstance(expr, tree.Binary) and expr.operator == "and":
        left = _holds(expr.left, measured, values, expr.left.span, log)
        right = _holds(expr.right, measured, values, expr.right.span, log)
        return None if left is None or right is None else left and right
    if not isinstance(expr, tree.Binary) or expr.operator not in _FLIP:
        raise EvaluationError(expr.span, "a claim is a comparison", "", "E0503")
    name, operator, other = _name(expr.left), expr.operator, expr.right
    if name not in measured.values and _name(expr.right) in measured.values:
        name, operator, other = _name(expr.right), _FLIP[operator], expr.left
    if name not in measured.values:
        fix = suggest(expr.left.span, name or expr.left.span.text, measured.values)
        message = f"`{name or expr.left.span.text}` is nothing that is measured"
        raise EvaluationError(expr.left.span, message, fix, "E0503")
    return _compare(measured, name, operator, evaluate(other, values), span, log)


def _name(expr: tree.Expr) -> str:
    match expr:
        case tree.Name(text=text):
            return text
        case tree.Attribute(target=tree.Name(text=text), name=name):
            return f"{text}.{name}"
    return ""


_UNITS = {"params": "parameters", "params.trainable": "parameters", "macs": "MACs"}
"""Claims about sums over layers, for which single layers can make up a difference."""


def _compare(
    measured: _Measured, name: str, operator: str, claimed: Any, span: Span, log: Log
) -> bool | None:
    actual = measured.values[name]
    if name.endswith("receptive_field") and isinstance(claimed, int) and isinstance(actual, tuple):
        claimed = (claimed,) * len(actual)
    _comparable(name, actual, operator, claimed, span)
    if actual is None and name in measured.least:
        return _at_least(measured, name, operator, claimed, span, log)
    holds = _true(actual, operator, claimed)
    if holds is None:
        shown = "unknown" if actual is None else _shown(actual)
        sizes = "".join(f", {name}=224" for name in sorted(_names([actual, claimed])))
        hint = f"say for which size, behind the claim: `{sizes}`; or write numbers in the input"
        hint = "write numbers in the input" if actual is None else hint
        message = f"the claim cannot be judged: {name} is {shown} here"
        fix = Fix(hint)
        if name.endswith("receptive_field"):  # no size would make it known
            whole = span.text.startswith("expect")
            fix = take_line_out(span, "take it out") if whole else Fix("")
        log.say("E0503", span, message, fix)
    elif not holds:
        fix = _true_claim(name, actual, operator, span)
        labels: Sequence[Label] = ()
        asked = operator != "==" or any(found.code == "E0502" for found in log)
        supposed = None if asked else _supposed(measured, _has_too_many_axes(actual, claimed))
        if supposed is not None:
            hint = f"{supposed.fix.hint}: then the claim is true; or claim `{fix.edits[0].text}`"
            what = f" {_UNITS[name]}" if name in _UNITS else f" as {name}"
            labels = [Label(supposed.place, f"one change here gives {_shown(claimed)}{what}")]
            fix = replace(supposed.fix, hint=hint)
        elif name in _UNITS and operator == "==" and isinstance(actual, int):
            from netc.compiler.accounting import could_be

            if isinstance(claimed, int | float) and (off := round(actual - claimed)):
                labels = could_be(measured.rows, off, _UNITS[name])
        log.say("E0502", span, _false_message(name, actual, operator, claimed), fix, labels)
    return holds


def _names(values: Iterable[Any]) -> set[str]:
    """The names in sizes, and in lists and ranges of them."""
    found: set[str] = set()
    for value in values:
        match value:
            case tuple():
                found |= _names(value)
            case Range(low=low, high=high):
                found |= _names((low, high))
            case Symbolic():
                found |= names_in(value)
    return found


def _at_least(
    measured: _Measured, name: str, operator: str, claimed: Any, span: Span, log: Log
) -> bool | None:
    """Whether a claim holds about a value of which the least is known: that may be enough."""
    least = measured.least[name]
    most = claimed.high if isinstance(claimed, Range) else claimed
    above = most < least or (most == least and operator in ("<", ">="))
    if not above:
        message = f"{name} is at least {least:,}; unknown is {measured.unknown}"
        log.say("E0503", span, f"the claim cannot be judged: {message}")
        return None
    if operator in (">", ">=", "!="):
        return True
    log.say("E0502", span, f"the claim is false: {name} is at least {least:,}")
    return False


def _has_too_many_axes(actual: Any, claimed: Any) -> bool:
    """Whether a shape has more axes than the claimed one: a `flatten` or a pool may be missing."""
    return isinstance(actual, tuple) and isinstance(claimed, tuple) and len(actual) > len(claimed)


def _supposed(measured: _Measured, even_uncounted: bool) -> Supposed | None:
    """The one change of the text after which all claims hold; counts must be claimed and known.

    `even_uncounted` looks for it where none is claimed as well.
    """
    actual = {name: measured.values[name] for name in COUNTED}
    known = all(isinstance(actual[name], int) for name in measured.claimed)
    if measured.explain is None or not known or not (measured.claimed or even_uncounted):
        return None
    return measured.explain(actual, measured.claimed)


def _comparable(name: str, actual: Any, operator: str, claimed: Any, span: Span) -> None:
    """Raises EvaluationError where a number meets a list, or something that is neither."""
    if isinstance(actual, tuple):
        fine = isinstance(claimed, tuple) and (
            operator in ("==", "!=") or len(actual) == len(claimed)
        )
        values = claimed if fine else ()
    elif isinstance(claimed, Range):
        fine, values = operator in ("==", "!="), (claimed.low, claimed.high)
    else:
        fine, values = True, (claimed,)
    if not fine or any(isinstance(v, bool) or not isinstance(v, _NUMBERS) for v in values):
        shown = "unknown" if actual is None else _shown(actual)
        other = _shown(claimed) if isinstance(claimed, tuple) else say(claimed)
        message = f"{name} is {shown}, and is not compared with {other} by `{operator}`"
        raise EvaluationError(span, message, "", "E0503")


_NUMBERS = (int, float, Symbolic)


def _true(actual: Any, operator: str, claimed: Any) -> bool | None:
    """Whether a comparison holds; None where that depends on sizes that are not known."""
    if actual is None:
        return None
    if isinstance(claimed, Range):
        low, high = _true(actual, ">=", claimed.low), _true(actual, "<=", claimed.high)
        if low is None or high is None:
            return None
        return (low and high) == (operator == "==")
    if isinstance(actual, tuple):
        if len(actual) != len(claimed):
            return operator == "!="
        pairs = [
            _true(a, "==" if operator == "!=" else operator, c)
            for a, c in zip(actual, claimed, strict=True)
        ]
        every = False if False in pairs else None if None in pairs else True
        return every if operator != "!=" or every is None else not every
    if isinstance(actual, Symbolic) or isinstance(claimed, Symbolic):
        difference = actual - claimed if not isinstance(claimed, float) else None
        if not isinstance(difference, int):
            return _same(actual, operator, claimed)
        actual, claimed = difference, 0
    match operator:
        case "==":
            return bool(actual == claimed)
        case "!=":
            return bool(actual != claimed)
        case "<":
            return bool(actual < claimed)
        case "<=":
            return bool(actual <= claimed)
        case ">":
            return bool(actual > claimed)
    return bool(actual >= claimed)


def _same(actual: Any, operator: str, claimed: Any) -> bool | None:
    """Whether sizes written differently are equal for all values of names; None if not for all."""
    if operator not in ("==", "!=") or isinstance(claimed, float):
        return None
    from netc.compiler.conditions import equal_when  # claims with such sizes are few

    return operator == "==" if equal_when(actual, claimed) is True else None


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return f"{int(value) if isinstance(value, float) and value.is_integer() else value:,}"


def _measured_claim(expr: tree.Expr, measured: _Measured, span: Span, hint: str) -> Fix:
    """What is measured, claimed in the place of what cannot be judged; else the claim taken out."""
    name = next((n for e in _sides(expr) if (n := _name(e)) in measured.values), "")
    actual = measured.values.get(name)
    if actual is not None:
        fix = _true_claim(name, actual, "==", span)
        true = f"write `{fix.edits[0].text}`, as it is measured"
        return replace(fix, hint=f"{hint}; {true}" if hint else true)
    if isinstance(expr, tree.Binary) and expr.operator == "and":
        return Fix(hint)
    out = "take it out" if name else "take it out; `params`, `macs` and `output` are measured"
    return take_line_out(span, f"{hint}; {out}" if hint else out)


def _sides(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    return (expr.left, expr.right) if isinstance(expr, tree.Binary) else (expr,)


def _written(value: Any) -> str:
    """A value as a claim has it."""
    return shape_spec_text(value) if isinstance(value, tuple) else spec_text(value)


def _false_message(name: str, actual: Any, operator: str, claimed: Any) -> str:
    text = f"the claim is false: {name} is {_shown(actual)}"
    if isinstance(actual, int) and isinstance(claimed, int | float):
        difference = actual - claimed
        way = "more" if difference > 0 else "less"
        if difference:
            text += f", {_shown(abs(difference))} {way} than {_shown(claimed)}"
    return text


def _true_claim(name: str, actual: Any, operator: str, span: Span) -> Fix:
    """The claim as it would be true, in the place of the false one."""
    value = f"{actual:_}" if isinstance(actual, int) else _written(actual)
    operator = {"<": "<=", ">": ">="}.get(operator, operator)
    if operator == "!=":
        return Fix("change the net, or take the claim out")
    text = span.text.removeprefix("expect").lstrip()
    place = replace(span, column=span.end_column - len(text))
    return rewrite(place, f"{name} {operator} {value}", "write `{}`, or change the net")
