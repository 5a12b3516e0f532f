"""The page: one file of HTML with its style, script and data, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from netc.compiler.graph import Module
from netc.compiler.report import Report
from netc.compiler.table import table
from netc.compiler.view.content import content


def page(nets: Sequence[tuple[Report, Module]], file: str) -> str:
    """Nets as an HTML page; `file` is the spec's name.

    What stands in a spec reaches the page in two places: as text with `<`, `>`, `&` and quotes
    escaped, and as JSON in a data block, which the script shows by `textContent` alone. The
    page's policy lets no other script and no other style run, and loads nothing.
    """
    style, script = _part("page.css"), _part("drawing.js") + _part("page.js")
    plain = "\n".join(table(report, module) for report, module in nets)
    return Template(_part("page.html")).substitute(
        title=escape(", ".join(report.name for report, _ in nets)),
        script_hash=_hash(script),
        style_hash=_hash(style),
        style=style,
        script=script,
        data=embedded(content(nets, file)),
        plain=escape(plain),
    )


def embedded(data: Any) -> str:
    """JSON that can stand in a `<script>` element: nothing in it ends the element or opens one.

    >>> embedded({"a": "</script><!--"})
    '{"a":"\\\\u003c/script\\\\u003e\\\\u003c!--"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _part(name: str) -> str:
    return (files("netc.compiler.view") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content security policy calls a script or a style by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
