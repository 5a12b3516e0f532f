"""docs/json.md: every key of the JSON stands on the page with its type, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from compiling import REPOSITORY, TESTS, spec_files

from netc.cli import main

SPECS = [*spec_files(), *sorted((REPOSITORY / "docs" / "examples").glob("*.net"))]
_SPEC = re.compile(r"^```net(?: wrong)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
Check = Callable[[Any], bool]


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _size(value: Any) -> bool:
    """A number, or text that names a size: `H//2`."""
    return _integer(value) or (isinstance(value, str) and bool(re.search("[A-Za-z]", value)))


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _fraction(value: Any) -> bool:
    """A whole number, or one like `1/2` as text."""
    return _integer(value) or (_text(value) and bool(re.fullmatch(r"\d+/\d+", value)))


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


TYPES: dict[str, Check] = {
    "integer": _integer,
    "number": lambda value: _integer(value) or isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "text": _text,
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "integers": _list_of(_integer),
    "texts": _list_of(_text),
    "fractions as text": lambda value: not _list_of(_integer)(value) and _list_of(_fraction)(value),
    "size": _size,
    "sizes": _list_of(_size),
    "shapes": _list_of(_list_of(_size)),
    "null": lambda value: value is None,
    '"unknown"': lambda value: value == "unknown",
}


def documented(command: str) -> dict[str, list[str]]:
    """The types of each key on the page."""
    page = (REPOSITORY / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.split(f"## `netc {command} --json`")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE)
    return {key: re.split(r", | or ", kind) for key, kind in rows}


def values(
    content: Any, types: dict[str, list[str]], before: str = ""
) -> Iterator[tuple[str, Any]]:
    """Every value with the way to it, down to those that the page describes as one."""
    whole = before in types and not before.endswith("[]")
    if whole or not isinstance(content, dict):
        yield before, content
        return
    for key, inner in content.items():
        path = f"{before}.{key}".lstrip(".")
        if f"{path}[]" not in types:
            yield from values(inner, types, path)
            continue
        yield f"{path}[]", inner
        for one in inner if isinstance(inner, list) else ():
            if isinstance(one, dict):
                yield from values(one, types, f"{path}[]")


def printed(command: str, *arguments: str, text: str | None = None) -> Any:
    return json.loads(CliRunner().invoke(main, [command, *arguments, "--json"], input=text).stdout)


def held(command: str, contents: list[Any], *, whole: bool = True) -> None:
    """Every value is of a type that the page gives its key; if `whole`, all of them are met."""
    types = documented(command)
    met: dict[str, set[str]] = {key: set() for key in types}
    for key, value in chain.from_iterable(values(content, types) for content in contents):
        assert key in types, f"`{key}` of `netc {command} --json` is not on the page"
        fitting = [kind for kind in types[key] if TYPES[kind](value)]
        assert fitting, f"`{key}` is {value!r}, on the page {' or '.join(types[key])}"
        met[key] |= set(fitting)
    if not whole:
        return
    owed = {(key, kind) for key, kinds in types.items() for kind in kinds if kind not in met[key]}
    assert not owed, f"no spec shows {sorted(owed)}"


def test_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    found = [printed("report", str(file)) for file in SPECS if file.stem != "wrong_kernel"]
    larger = "net N:\n    input x: [3, 8, 8]\n    conv_transpose 4, 2x2, stride=2\n"
    held("report", [*found, printed("report", "-", text=larger)])


def test_check() -> None:
    pages = [*(TESTS / "goldens").glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    texts = chain.from_iterable(_SPEC.findall(page.read_text("utf-8")) for page in sorted(pages))
    found = [printed("check", "-", text=text) for text in texts]
    assert sum(len(content["diagnostics"]) for content in found) > 60
    held("check", found)


def test_fmt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ugly, wrong = "net  Net :\n  input x:[4]\n", "net Net:\n    dense 3,,\n"
    for name, text in {"a": ugly, "b": wrong, "c": "# in form\n"}.items():
        Path(f"{name}.net").write_text(text)
    found = [
        printed("fmt", *options, "a.net", "b.net", "c.net", "no.net")
        for options in (["--check"], ["--diff"], [])
    ]
    found.append(printed("fmt", "-", text=ugly))
    for content in found:
        for one in content["files"]:
            held("check", [{"diagnostics": one["diagnostics"]}], whole=False)
            one["diagnostics"] = []
    held("fmt", found)


@pytest.mark.parametrize("name", ["lenet5", "rows_lstm"])
def test_check_of_a_right_spec_prints_the_same_form(name: str) -> None:
    assert printed("check", str(Path("specs") / f"{name}.net")) == {"diagnostics": []}
