"""Whatever the text, the compiler answers with findings: it never raises.

Each test goes through all of it: reading, judging claims, rendering, reports, tables, sources.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from compiling import REPOSITORY, TESTS, everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REAL = [
    file.read_text(encoding="utf-8")
    for folder in (TESTS / "tour", TESTS / "nets", REPOSITORY / "specs")
    for file in sorted(folder.glob("*.net"))
]
PIECES = (
    *("->", ":", "=", ",", "(", ")", "[", "]", '"', "\n", "    ", "\t", "..", "**", "//", "%", "#"),
    *(
        "0",
        "-1",
        "1.5",
        "1e400",
        "3x3",
        "5x0",
        "9" * 30,
        "1..2",
        "(1, 2)",
        '"text"',
        "\r\n",
        "\u2028",
    ),
    *(
        "in",
        "out",
        "in.channels",
        "in.rank",
        "out.features",
        "yes",
        "none",
        "same",
        "not",
        "if",
        "_",
    ),
    *(
        "repeat 2:",
        "repeat in [1, 2] as n:",
        "residual:",
        "branch:",
        "shortcut:",
        "parallel join=add:",
    ),
    *("share", "output", "param", "input", "use", "net", "block", "train", "state", "expect", "as"),
    *(
        "concat",
        "add",
        "dense 3",
        "conv 3, 3x3",
        "flatten",
        "H",
        "T",
        "x",
        "params",
        "padded",
        "int[",
    ),
)


def relaxed(examples: int) -> settings:
    """So many examples, each as long as it takes."""
    checks = list(HealthCheck)
    return settings(max_examples=examples, deadline=None, suppress_health_check=checks)


@relaxed(150)
@given(st.text())
def test_any_text(text: str) -> None:
    everything(text)


@relaxed(150)
@given(st.lists(st.sampled_from([*PIECES, " "]), max_size=40))
def test_any_pieces_of_the_language(pieces: list[str]) -> None:
    everything("net N:\n    input x: [3, 8, 8]\n    " + " ".join(pieces) + "\n")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real spec with up to four words or marks replaced, inserted, or lines moved."""
    text = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(1, 4))):
        found = list(re.finditer(r"\w+|[^\w\s]", text))
        at = found[draw(st.integers(0, len(found) - 1))] if found else None
        kind = draw(st.sampled_from(["replace", "exchange", "insert", "copy line", "drop line"]))
        if at is not None and kind == "replace":
            text = text[: at.start()] + draw(st.sampled_from(PIECES)) + text[at.end() :]
        elif at is not None and kind == "exchange":
            other = found[draw(st.integers(0, len(found) - 1))][0]
            text = text[: at.start()] + other + text[at.end() :]
        elif at is not None and kind == "insert":
            text = text[: at.start()] + draw(st.sampled_from(PIECES)) + " " + text[at.start() :]
        else:
            lines = text.split("\n")
            number = draw(st.integers(0, len(lines) - 1))
            other = draw(st.integers(0, len(lines) - 1))
            lines[number : number + 1] = (
                [] if kind == "drop line" else [lines[other], lines[number]]
            )
            text = "\n".join(lines)
    return text


@relaxed(400)
@given(mutated())
def test_any_mutation_of_a_real_spec(text: str) -> None:
    everything(text)


@pytest.mark.parametrize("file", sorted((TESTS / "found").glob("*.net")), ids=lambda f: f.stem)
def test_specs_that_once_raised(file: Path) -> None:
    everything(file.read_text(encoding="utf-8"))
