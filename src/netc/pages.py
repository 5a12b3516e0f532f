"""The catalogue of diagnostics: one page for each code, from docs/errors/."""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path(__file__).with_name("errors")
_CODE = re.compile(r"[EWN]\d{4}")


def page(code: str) -> str | None:
    """The Markdown page of a code such as `E0301`; None if there is no such code."""
    if not _CODE.fullmatch(code):
        return None
    file = _FOLDER / f"{code}.md"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def codes() -> tuple[str, ...]:
    """Every code that has a page, in order."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.md") if _CODE.fullmatch(file.stem)))
