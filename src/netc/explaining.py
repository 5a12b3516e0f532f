"""`netc explain`: the page of a code, one layer's arithmetic, or a walk through whole nets."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from netc.checking import width_of

if TYPE_CHECKING:
    from netc.api import NetHandle, Spec
    from netc.compiler.explain import Found
    from netc.compiler.parts import Outline
    from netc.compiler.report import Row

_CODE = re.compile(r"[EWNewn]\d+")


class Unknown(Exception):
    """There is no such code, layer or line; the message says what is near."""


def is_code(target: str) -> bool:
    """Whether a target is a finding's code (`E0301`) and not a file."""
    return _CODE.fullmatch(target) is not None


def shown(code: str, as_json: bool) -> str:
    """The catalogue's page of a code. Raises Unknown if there is none."""
    from netc.pages import codes, page

    found = page(code.upper())
    if found is None:
        from netc.compiler.edits import nearest

        near = nearest(code.upper(), codes())
        hint = f"; did you mean {near}?" if near else ""
        raise Unknown(f"no finding has the code {code.upper()}{hint}")
    text = found if found.endswith("\n") else found + "\n"
    return _written({"code": code.upper(), "page": text}) if as_json else text


def told(spec: Spec, nets: list[NetHandle], layer: str | None, as_json: bool) -> str:
    """A layer explained, or whole nets told line by line. Raises Unknown if it is not there.

    `layer` may also name a net, or a block: then each place of the block is told.
    """
    if named := [net for net in nets if net.name == layer]:
        nets, layer = named, None
    if as_json:
        return _written(_data(spec, nets, layer))
    return _text(spec, nets, layer)


def _written(content: dict[str, Any]) -> str:
    from netc.jsons import json_text

    return json_text(content) + "\n"


def _text(spec: Spec, nets: list[NetHandle], layer: str | None) -> str:
    from netc.compiler.lecture import lecture, walk_through

    if layer is None:
        return "\n".join(_lines(lecture(_outline(net))) for net in nets)
    from netc.compiler.explain import explanation

    told: list[str] = []
    for net, found in _found(spec, nets, layer):
        if found.rows:
            told.append(explanation(found.rows, net))
        if found.parts:
            told.append(_lines(walk_through(found.parts, net)))
    return "\n".join(told)


def _lines(told: list[str]) -> str:
    """A line for each layer; broken to the terminal's width where one reads along."""
    width = width_of(sys.stdout)
    if width is not None:
        told = [_broken(line, max(width, 40)) for line in told]
    return "".join(f"{line}\n" for line in told)


def _broken(line: str, width: int) -> str:
    from textwrap import fill

    further = " " * (len(line) - len(line.lstrip()) + 4)
    return fill(
        line, width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


def _data(spec: Spec, nets: list[NetHandle], layer: str | None) -> dict[str, Any]:
    """The form that docs/json.md describes."""
    from netc.compiler.explain import to_json
    from netc.compiler.lecture import lecture
    from netc.compiler.report import FORMAT

    if layer is None:
        data: list[dict[str, Any]] = [
            {"name": net.name, "lecture": lecture(_outline(net))} for net in nets
        ]
    else:
        data = [
            {
                "name": net.report.name,
                "layers": to_json([*found.rows, *_inside(found)]),
            }
            for net, found in _found(spec, nets, layer)
        ]
    return {"format": FORMAT, "nets": data}


def _outline(net: NetHandle) -> Outline:
    from netc.compiler.parts import outline

    return outline(net.report(), net.graph.module)


def _found(spec: Spec, nets: list[NetHandle], layer: str) -> list[tuple[Outline, Found]]:
    """Where the nets have what a word names; the others are left out."""
    from netc.compiler.explain import find, missing

    outlines = [_outline(net) for net in nets]
    found = [(one, find(layer, one.parts, spec.source)) for one in outlines]
    there = [(one, what) for one, what in found if what.rows or what.parts]
    if not there and layer in spec.blocks:
        message = f"no net of {spec.source.name} has the block `{layer}` as a part of its own"
        raise Unknown(f"{message}: a block gets its sizes where a net uses it")
    if not there:
        raise Unknown(missing(layer, [one.parts for one in outlines], spec.source))
    return there


def _inside(found: Found) -> list[Row]:
    return [row for part in found.parts for row in part.rows]
