"""The work grows as the text does: calls are counted, which no other process disturbs."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from compiling import findings
from hypothesis import given
from hypothesis import strategies as st
from lark import Token

from netc.compiler import scope
from netc.compiler.diagnostics import Log
from netc.compiler.edits import nearest, suggest
from netc.compiler.layout import Layout
from netc.compiler.parse import MOST_ERRORS, parse
from netc.compiler.source import Source

HEAD = "net A:\n    input x: [4]\n"


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, those written in C among them."""
    count = 0

    def counted(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


SPECS: dict[str, Callable[[int], str]] = {
    "one unknown word": lambda n: HEAD + "    dnse 4\n" * n,
    "many unknown words": lambda n: HEAD + "".join(f"    dnse{i} 4\n" for i in range(n)),
    "many unknown values": lambda n: HEAD + "".join(f"    dense wdth{i}\n" for i in range(n)),
    "names bound below": lambda n: (
        HEAD
        + "".join(f"    v{i}\n" for i in range(n))
        + "".join(f"    v{i} = relu\n" for i in range(n))
    ),
    "blocks in a row": lambda n: (
        "".join(f"block B{i}:\n    B{i + 1}\n\n" for i in range(n))
        + f"block B{n}:\n    relu\n\n{HEAD}    dense 3\n"
    ),
    "layers": lambda n: HEAD + "    dense 4 -> relu\n" * n,
}


@pytest.mark.parametrize("name", SPECS)
def test_twice_the_text_is_twice_the_work(name: str) -> None:
    text = SPECS[name]
    findings(text(10))  # modules are loaded, caches are warm
    few, many = calls(lambda: findings(text(200))), calls(lambda: findings(text(400)))
    assert many < 2.3 * few


TEXTS: dict[str, Callable[[int], str]] = {
    "layers": SPECS["layers"],
    "arguments with operators": lambda n: HEAD + "    conv 4*(2 + 1), 3x3, pad=1 if n else 2\n" * n,
    "one long line": lambda n: f"{HEAD}    dense 4{' -> relu' * n}\n",
    "definitions": lambda n: "".join(f"block B{i}:\n    relu\n\n" for i in range(n)),
    "an error in each definition": lambda n: "".join(
        f"block B{i}:\n    relu,,\n\n" for i in range(n)
    ),
    "an error in each line": lambda n: HEAD + "    dense 4,, 3\n" * n,
    "an error after many lines": lambda n: f"{SPECS['layers'](n)}    dense 4,,\n",
    "an indented line after many comments": lambda n: HEAD + "    # so\n" * n + "        relu\n",
    "an indented line after many blank ones": lambda n: HEAD + "\n" * n + "        relu\n",
    "a tab in each line": lambda n: HEAD + "\tdense 4\n" * n,
    "lines that are indented anyhow": lambda n: HEAD + "    relu\n      relu\n" * n,
    "a call over many lines": lambda n: HEAD + "    conv 1" + ",\n        3" * n,
    "a bracket that is never closed": lambda n: HEAD + "    conv (1, 3\n" + "    relu\n" * n,
    "arrows of print in one line": lambda n: f"{HEAD}    dense 4{' → relu' * n}\n",
    "other languages' calls": lambda n: HEAD + "    conv(8, 3x3) => relu()\n" * n,
}


@pytest.mark.parametrize("name", TEXTS)
def test_twice_the_text_is_twice_the_work_of_reading_it(name: str) -> None:
    """With and without errors: a definition is read again for each, and so often at most."""
    text = TEXTS[name]

    def read(n: int) -> Callable[[], object]:
        return lambda: parse(Source("spec.net", text(n)), Log())

    read(10)()
    few, many = calls(read(200)), calls(read(400))
    assert many < 2.1 * few


def test_a_definition_is_read_so_often_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = 0
    process = Layout.process

    def counted(self: Layout, stream: Iterator[Token]) -> Iterator[Token]:
        nonlocal fed
        fed += 1
        return process(self, stream)

    monkeypatch.setattr(Layout, "process", counted)
    log = Log()
    parse(Source("spec.net", TEXTS["an error in each line"](100)), log)
    assert fed == len(list(log)) == MOST_ERRORS


def test_searches_for_a_word_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "MOST_COMPARED", 1000)
    found = findings(SPECS["many unknown words"](50))
    hinted = [bool(d.hint) for d in found]
    assert len(found) == 50
    assert hinted == sorted(hinted, reverse=True)
    assert 0 < sum(hinted) < 50


@given(st.text("abcdeAB", max_size=8), st.lists(st.text("abcdeAB", max_size=8), max_size=6))
def test_a_quick_look_at_letters_loses_no_word_that_is_near(word: str, known: list[str]) -> None:
    lower = {choice.lower(): choice for choice in known}
    best = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    found = nearest(word, known)
    assert (found is not None) >= bool(best)
    if found is not None and len(word) < 4 and word.lower() not in lower:
        assert found == lower[best[0]]  # short words are no slips: only how alike they are counts


def test_the_same_word_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from netc.compiler import edits

    searched: list[str] = []
    original = edits.nearest
    monkeypatch.setattr(
        edits, "nearest", lambda word, known: searched.append(word) or original(word, known)
    )
    (span,) = {d.span for d in findings(HEAD + "    dnsee 4\n")}
    for _ in range(3):
        suggest(span, "dnsee_", ["dense", "conv"])
    assert searched.count("dnsee_") == 1
