"""JSON as every command prints it: indented, in UTF-8, nothing in it that steers a terminal."""

from __future__ import annotations

import json
from typing import Any

from netc.compiler.visible import visible_json


def json_text(content: dict[str, Any]) -> str:
    """The object as text, without an end of line."""
    return visible_json(json.dumps(content, indent=2, ensure_ascii=False))
