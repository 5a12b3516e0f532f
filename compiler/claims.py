"""`expect` lines: the paper's table in the spec, held against what the compiler counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netc.compiler import tree
from netc.compiler.diagnostics import Log, did_you_mean
from netc.compiler.evaluate import EvaluationError, Poisoned, evaluate, say
from netc.compiler.graph import Net
from netc.compiler.report import Claim, Report
from netc.compiler.sizes import Symbolic
from netc.compiler.source import Span


def judge(net: Net, report: Report, log: Log) -> Report:
    """The report with every claim judged; false ones (E0502) and unclear ones (E0503) go to the log."""
    measured = _measured(report)
    claims: list[Claim] = []
    for expr, values, span in net.claims:
        text = span.text.removeprefix("expect").strip()
        try:
            holds = _holds(expr, measured, values, span, log)
        except Poisoned:
            continue
        except EvaluationError as error:
            log.say(error.code, error.span, error.message, error.hint)
            continue
        if holds is not None:
            claims.append(Claim(text, span.line, holds))
    return replace(report, claims=tuple(claims))


def _measured(report: Report) -> dict[str, Any]:
    """What a claim may name, by its name."""
    inference, training = report.inference_peak, report.training_peak
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
        "receptive_field": report.receptive_field,
        "layers": len(report.rows),
    }
    for name, tensor in report.outputs:
        found[name] = tensor.shape
    if len(report.outputs) == 1:
        found["output"] = report.outputs[0][1].shape
    return found


_FLIP = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _holds(
    expr: tree.Expr, measured: Mapping[str, Any], values: Mapping[str, Any], span: Span, log: Log
) -> bool | None:
    """Whether a claim holds; None, with a diagnostic, if it cannot be judged."""
    if isinstance(expr, tree.Binary) and expr.operator == "and":
        left = _holds(expr.left, measured, values, span, log)
        right = _holds(expr.right, measured, values, span, log)
        return None if left is None or right is None else left and right
    if not isinstance(expr, tree.Binary) or expr.operator not in _FLIP:
        hint = "write it as in `expect params <= 1e6`"
        raise EvaluationError(expr.span, "a claim is a comparison", hint, "E0503")
    name, operator, other = _name(expr.left), expr.operator, expr.right
    if name not in measured and _name(expr.right) in measured:
        name, operator, other = _name(expr.right), _FLIP[operator], expr.left
    if name not in measured:
        hint = did_you_mean(name or expr.left.span.text, measured)
        message = f"`{name or expr.left.span.text}` is nothing that is measured"
        raise EvaluationError(expr.left.span, message, hint, "E0503")
    actual, claimed = measured[name], evaluate(other, values)
    return _compare(name, actual, operator, claimed, span, log)


def _name(expr: tree.Expr) -> str:
    match expr:
        case tree.Name(text=text):
            return text
        case tree.Attribute(target=tree.Name(text=text), name=name):
            return f"{text}.{name}"
    return ""


def _compare(
    name: str, actual: Any, operator: str, claimed: Any, span: Span, log: Log
) -> bool | None:
    if actual is None or isinstance(actual, Symbolic):
        shown = "unknown" if actual is None else str(actual)
        hint = "set the input's sizes: `--set H=224`, or write numbers there"
        message = f"the claim cannot be judged: {name} is {shown} here"
        log.say("E0503", span, message, hint)
        return None
    if name == "receptive_field" and isinstance(claimed, int):
        claimed = (claimed,) * len(actual)
    if isinstance(actual, tuple) != isinstance(claimed, tuple) and operator != "==":
        raise EvaluationError(
            span, f"{name} is {say(actual)} and cannot be compared so", "", "E0503"
        )
    holds = _true(actual, operator, claimed)
    if not holds:
        log.say("E0502", span, _false_message(name, actual, operator, claimed), _edit(name, actual))
    return holds


def _true(actual: Any, operator: str, claimed: Any) -> bool:
    if isinstance(claimed, tuple) and not isinstance(actual, tuple):  # a range: low..high
        low, high = claimed
        return bool(low <= actual <= high) == (operator == "==")
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


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:,}"


def _false_message(name: str, actual: Any, operator: str, claimed: Any) -> str:
    text = f"the claim is false: {name} is {_shown(actual)}"
    if isinstance(actual, int) and isinstance(claimed, int | float):
        difference = actual - claimed
        way = "more" if difference > 0 else "less"
        if difference:
            text += f", {_shown(abs(difference))} {way} than {_shown(claimed)}"
    return text


def _edit(name: str, actual: Any) -> str:
    value = f"{actual:_}" if isinstance(actual, int) else _shown(actual)
    return f"write `{name} == {value}`, or change the net" if name else ""
