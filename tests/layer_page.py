"""The pages in docs/layers/: each written from its layer's class and from what netc says of it."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from textwrap import dedent
from typing import Any

from compiling import REPOSITORY, findings, net_of

from netc.compiler.graph import LayerStep
from netc.compiler.layers import find, words
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.render import render, summary
from netc.compiler.report import Row
from netc.compiler.why import letters as known_letters

FOLDER = REPOSITORY / "docs" / "layers"
_LABEL = re.compile(r"(?:(?<=\n)|(?<=\. ))(?=(?:Shape|Weights[^:`]*|MACs|Source): )")
_FORWARD = re.compile(r" def forward\(.*?\) -> \S+:\n(?P<lines>.*)", re.DOTALL)
_ARGUMENT = re.compile(r"^    (\w+): .*?  #: (.+)$", re.MULTILINE)
_BUILT = re.compile(r"super\(\).__init__\(\)\n(?P<lines>.*?)\n+    def ", re.DOTALL)


def layer_of(word: str) -> type[Layer]:
    """The class behind a word that exists."""
    found = find(word)
    assert found is not None
    return found


def families() -> dict[str, list[str]]:
    """The words of each module of compiler/layers/."""
    found: dict[str, list[str]] = {}
    for word in words():
        found.setdefault(layer_of(word).__module__, []).append(word)
    return dict(sorted(found.items()))


def index() -> str:
    """The page docs/layers/README.md: every layer by family."""
    parts = [
        "# The layers\n",
        f"All {len(words())} of them, each with its arguments, its arithmetic and its PyTorch. The "
        "pages are written\nfrom the classes in `compiler/layers/`; a test holds them to what netc "
        "says.\n",
    ]
    for module, members in families().items():
        title, more = re.split(
            r"[.:]\s*", (import_module(module).__doc__ or "").strip(), maxsplit=1
        )
        parts += [f"## {title}\n", *([more[0].upper() + more[1:] + "\n"] if more else [])]
        rows = [f"| [`{word}`]({word}.md) | {_summary(layer_of(word))} |" for word in members]
        parts.append("\n".join(["| layer | what it is |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def page(word: str) -> str:
    """The page of one layer."""
    kind = layer_of(word)
    parts = [
        f"# `{word}`\n",
        *_prose(kind),
        "## Arguments\n",
        _arguments(kind),
        "## Accepted\n",
        *(_accepted(*example) for example in kind.examples),
        "## Refused\n",
        *(_refused(line, flows) for line, flows, _ in kind.refused),
    ]
    return "\n".join(parts)


def _summary(kind: type[Layer]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]


def _prose(kind: type[Layer]) -> list[str]:
    """The class's docstring: a sentence, a paragraph, and a list of its labelled parts."""
    summary, _, rest = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")
    free, *labelled = _LABEL.split("\n" + rest)
    items = []
    for part in labelled:
        label, _, text = part.strip().partition(": ")
        text = re.sub(r"https://\S+", r"<\g<0>>", text)
        items.append(f"- **{label}:** " + text.replace("\n", "\n  "))
    letters = ", ".join(f"`{letter}` {meaning}" for letter, meaning in _letters(kind))
    items += [f"- **Letters:** {letters}"] if letters else []
    file = kind.__module__.removeprefix("netc.").replace(".", "/") + ".py"
    items.append(f"- **Class:** `{kind.__name__}` in [`{file}`](../../{file})")
    paragraphs = [summary, *([free.strip()] if free.strip() else []), "\n".join(items)]
    return [text + "\n" for text in paragraphs]


def _letters(kind: type[Layer]) -> list[tuple[str, str]]:
    """The letters of the formulas that the page shows."""
    used: set[str] = set()
    for line, flows, _ in kind.examples:
        (row,) = net_of(spec(line, flows)).report().rows
        formulas = row.why.formulas
        texts = (formulas.output, formulas.params, formulas.macs, _field(row)[0])
        used |= set(re.findall(r"[a-z]\w*", " ".join(texts)))
    return [(letter, meaning) for letter, meaning in known_letters(kind.letters) if letter in used]


def _arguments(kind: type[Layer]) -> str:
    schema = kind.model_json_schema()
    fields: dict[str, Any] = schema.get("properties", {})
    needed = schema.get("required", [])
    places = [name for name in fields if name not in kind.operands][: kind.positional]
    lines = []
    if kind.inputs[1] is None:
        lines.append(
            f"Joins what flows with the values named: `{kind.kind} a, b`, or "
            f"`(a, b, c) -> {kind.kind}`."
        )
    if not fields:
        lines.append("None." if kind.inputs[1] is not None else "It has no others.")
        return "\n".join(lines) + "\n"
    if places:
        listed = ", ".join(name.upper() for name in places)
        named = "; the others by name" if len(places) < len(fields) else ""
        lines.append(f"By place or by name: `{kind.kind} {listed}`{named}.")
    else:
        lines.append("By name only.")
    meanings = _meanings(kind)
    rows = ["| argument | meaning | takes | default |", "|---|---|---|---|"]
    for name, field in fields.items():
        takes = "a value of the net" if name in kind.operands else takes_of(field)
        default = "needed" if name in needed else _written(field["default"])
        assert name in meanings, f"`{name}` of `{kind.kind}` owes its meaning: `{name}: …  #: text`"
        rows.append(f"| `{name}` | {meanings[name]} | {takes} | {default} |")
    return "\n".join([*lines, "", *rows]) + "\n"


def _meanings(kind: type[Layer]) -> dict[str, str]:
    """What the comments `#:` beside the fields say, of the class and those it comes from."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Layer):
            found |= dict(_ARGUMENT.findall(inspect.getsource(base)))
    return found


def _written(default: object) -> str:
    """A default as it stands in a spec."""
    match default:
        case None:
            return "none"
        case bool():
            return "`yes`" if default else "`no`"
        case float() if default.is_integer():
            return f"`{int(default)}`"
    return f"`{default}`"


def takes_of(field: dict[str, Any]) -> str:
    """What an argument takes, in words, from its JSON schema."""
    if "anyOf" in field:
        parts = [takes_of(part) for part in field["anyOf"] if part.get("type") != "null"]
        return ", or ".join(dict.fromkeys(parts))
    if field.get("format") == "size":
        return "a name, `T`"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{word}`" for word in field["enum"])
    match field["type"]:
        case "array" if "anyOf" in field["items"]:
            return "sizes, `[T, 8, 64]`"
        case "array" if field["items"].get("type") == "array":
            return "a list of lists, `[[0, 1], [2]]`"
        case "array" if "minItems" in field:
            return "a list, `[4, 2, 1]`"
        case "array":
            return f"one per axis, `{'(1, 0)' if field['items'].get('minimum') == 0 else '3x5'}`"
        case "boolean":
            return "`yes` or `no`"
        case kind:
            return {"integer": "a whole number", "number": "a number"}[kind] + _range(field)


def _range(field: dict[str, Any]) -> str:
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return "".join(
        f"{' and' if index else ''} {sign} {_number(field[key])}"
        for index, (key, sign) in enumerate((k, s) for k, s in bounds.items() if k in field)
    )


def _number(value: float) -> str:
    return str(int(value) if float(value).is_integer() else value)


def said(text: str) -> str:
    """What `netc check` prints about a spec."""
    found = findings(text)
    return f"{render(found)}\n{summary(found)}\n" if found else "nothing to say\n"


def spec(line: str, flows: str, claim: str = "") -> str:
    """A net of one line: what flows in is `x`, further values are `b` and `c`."""
    shapes = flows.split(" ; ")
    inputs = [f"    input {name}: {shape}\n" for name, shape in zip("xbc", shapes, strict=False)]
    start = "x -> " if len(shapes) > 1 else ""
    return f"net Example:\n{''.join(inputs)}    {start}{line}{claim}\n"


def _accepted(line: str, flows: str, output: str) -> str:
    # a claim is of real numbers, and whole ones stay what they are
    claim = "" if output.startswith("int") else f" -> {output}"
    text = spec(line, flows, claim)
    net = net_of(text)
    (row,) = net.report().rows
    why = row.why
    facts = {
        "output": (why.formulas.output, why.output),
        "parameters": (why.formulas.params, why.params),
        "MACs": (why.formulas.macs, why.macs),
        "receptive field": _field(row),
        "PyTorch": _pytorch(net.source()),
    }
    told = "".join(
        f"{'' if index else name:<17}{part}\n"
        for name, parts in facts.items()
        for index, part in enumerate(filter(None, parts))
    )
    shown = f"`{line}` {_does(row)}.\n\n```net\n{text}```\n\n```text\n{told}```\n"
    return f"{shown}\n```text\n{said(text)}```\n" if findings(text) else shown


def _step(row: Row) -> tuple[LayerStep, list[Tensor]]:
    step = row.step
    assert isinstance(step, LayerStep)
    return step, [wire.tensor for wire in step.inputs]


def _does(row: Row) -> str:
    step, inputs = _step(row)
    return step.layer.does(inputs, step.output.tensor)


def _field(row: Row) -> tuple[str, str]:
    """What the layer does to the receptive field, by itself: no layers stand before it."""
    step, inputs = _step(row)
    seen = step.layer.receptive(inputs)
    if not isinstance(seen, str):
        return row.why.field_formula, row.why.receptive_field
    return "", {"same": "stays", "whole": "grows to the whole input", "unknown": "unknown"}[seen]


def _pytorch(source: str) -> list[str]:
    """The lines of the emitted class that the layer makes."""
    body = source.partition("class Example(nn.Module):")[2]
    built, forward = _BUILT.search(body), _FORWARD.search(body)
    assert forward is not None
    lines = [dedent(match["lines"]) for match in (built, forward) if match is not None]
    return "\n".join(lines).strip().splitlines()


def _refused(line: str, flows: str) -> str:
    text = spec(line, flows)
    return f"```net wrong\n{text}```\n\n```text\n{said(text)}```\n"
