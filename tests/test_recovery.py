"""All findings at once, and nothing that only follows from what could not be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from compiling import REPOSITORY, findings, spec_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_never_raises import PIECES

from netc.api import Spec
from netc.compiler import layers
from netc.compiler.diagnostics import Log
from netc.compiler.edits import applied
from netc.compiler.parse import parse
from netc.compiler.source import Source

TRAIN = """\
train Good:
    data digits
    loss cross_entropy
    optimizer adamm
    epochs 0, batch=64
"""
GOOD = """\
net Good(classes=10):
    input image: [1, 28, 28]
    flatten -> dense classes
"""
BROKEN = """\
block Part(width):
    dense width,, bias=no
    relu
"""


def said(text: str) -> list[str]:
    """All findings as `line code`."""
    return [f"{d.span.line} {d.code}" for d in findings(text)]


# -- all of them at once


def test_a_train_block_is_judged_beside_a_syntax_error() -> None:
    assert said(f"{BROKEN}\n{GOOD}\n{TRAIN}") == ["2 E0101", "12 E0201", "13 E0210"]


def test_a_train_block_of_no_net_is_judged() -> None:
    text = f"{GOOD}\n{TRAIN.replace('train Good', 'train Other')}"
    assert said(text) == ["5 E0201", "8 E0201", "9 E0210"]


@pytest.mark.parametrize("head", ["net G:ood(classes=10):", "net G: ood(classes=10)", "net Go od:"])
def test_a_name_that_is_part_of_what_is_wrong_is_known_to_nobody(head: str) -> None:
    text = GOOD.replace("net Good(classes=10):", head)
    assert [line for line in said(f"{text}\n{TRAIN}") if line.startswith("5 ")] == []


def test_a_train_block_is_judged_though_its_net_is_broken() -> None:
    broken = GOOD.replace("dense classes", "dense classes )")
    assert said(f"{broken}\n{TRAIN}") == ["3 E0101", "8 E0201", "9 E0210"]


def test_a_train_block_is_judged_though_the_head_of_its_net_is_broken() -> None:
    assert said(f"{GOOD.replace('=10)', '=)')}\n{TRAIN}") == ["1 E0101", "8 E0201", "9 E0210"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("dens 3", "E0201"),
        ("dense width", "E0202"),
        ("dense units=3, bia=no", "E0203"),
        ("dense 3 -> [4]", "E0501"),
        ("conv 3, 5x5", "E0303"),
        ("relu\n    expect params == 3", "E0502"),
        ("dense 3\n    dense 3", "W0302"),
    ],
)
def test_a_net_that_was_read_is_judged_beside_a_broken_block(line: str, code: str) -> None:
    net = f"net Net:\n    input x: [4]\n    {line}\n"
    assert code in {d.code for d in findings(net)}
    alone = [(d.span.line, d.code, d.message) for d in findings(net)]
    beside = [(d.span.line, d.code, d.message) for d in findings(f"{net}\n{BROKEN}")]
    assert beside[:-1] == alone
    assert beside[-1][1] == "E0101"


def test_a_net_is_judged_beside_a_net_with_wrong_names() -> None:
    text = """
        net A:
            input x: [4]
            dens 3

        net B:
            input x: [4]
            dense 3 -> [4]
        """
    assert said(text) == ["4 E0201", "8 E0501"]


@pytest.mark.parametrize("allow", ["", "allow W0302\n"])
def test_nothing_is_called_unused_beside_errors(allow: str) -> None:
    """What is wrong may be the place that uses it."""
    other = "net Other(unused=3):\n    input x: [4]\n    dense 2\n"
    assert "W0201" in {d.code for d in findings(allow + other)}
    for wrong in (BROKEN, GOOD.replace("dense", "dens")):
        assert {d.code[0] for d in findings(f"{allow}{wrong}\n{other}")} == {"E"}


def test_errors_of_a_used_file_leave_this_one_judged(tmp_path: Path) -> None:
    (tmp_path / "parts.net").write_text(BROKEN + "\nblock Fine(n):\n    dense n\n")
    own = "net Net:\n    input x: [4]\n    Part 3, of=2\n    dense y\n"
    own += "net Other:\n    input x: [4]\n    Fine 3 -> [4]\n    Fin 3\n"
    for use in ("", ": Part, Fine"):
        (tmp_path / "net.net").write_text(f'use "parts.net"{use}\n\n{own}')
        spec = Spec(
            Source(str(tmp_path / "net.net"), (tmp_path / "net.net").read_text()), {}, tmp_path
        )
        spec.judge()
        found = [(Path(d.span.source.name).name, d.span.line, d.code) for d in spec.diagnostics]
        own_wanted = [("net.net", n, c) for n, c in ((6, "E0202"), (9, "E0501"), (10, "E0201"))]
        assert found == [*own_wanted, ("parts.net", 2, "E0101")]


@pytest.mark.parametrize(
    "lines",
    [
        'conv "16", 3x3',
        'residual:\n        conv "16", 3x3',
        'repeat 2:\n        relu\n        conv "16", 3x3',
        'inception:\n        branch: conv "16", 3x3\n        branch: relu',
        'a = sequential:\n        conv "16", 3x3',
        "Part",
        "part = Part\n    part",
    ],
)
@pytest.mark.parametrize("unknown", ["convv 4, 3x3", "conv 4", "conv 4, kernal=3", "nothing"])
def test_a_wrong_argument_is_said_behind_an_unknown_word(lines: str, unknown: str) -> None:
    net = f"net Net:\n    input x: [3, 32, 32]\n    {unknown}\n    {lines}\n"
    part = 'block Part:\n    relu\n    conv "16", 3x3\n'
    found = findings(f"{net}\n{part}")
    first, *others = [d for d in found if d.code.startswith("E02")]
    assert first.span.line == 3
    assert [d.span.text for d in others] == ['"16"']


CLAIMED = """
net Net:
    input x: [3, 32, 32]
    conv 6, 3x3 -> tanh -> [6, 28, 28]
    flatten -> dense 10
    expect {}
"""


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        ("params == 47_506", []),  # with the 5x5 kernels that the shape asks for
        ("params == 54_178", []),  # as written: then the shape is the wrong one
        ("macs == 1_000", ["macs is 399,840, 398,840 more than 1,000"]),
        ("depth == 2", []),
        ("depth == 3", ["depth is 2, 1 less than 3"]),
        ("parms == 3", ["`parms` is nothing that is measured"]),
    ],
)
def test_a_claim_of_the_net_is_judged_beside_a_false_shape(claim: str, shown: list[str]) -> None:
    first, *others = findings(CLAIMED.format(claim))
    assert first.code == "E0501"
    assert [d.message.removeprefix("the claim is false: ") for d in others] == shown
    assert all(d.code in ("E0502", "E0503") and d.span.line == 6 for d in others)
    same = "depth" in claim or "parms" in claim  # both nets, the written one and the meant, have it
    assert all(bool(d.labels) == (not same) for d in others)


def test_what_many_slips_hide_points_at_the_first_of_them() -> None:
    lines = "    conv 4, 3x3 -> reluu\n" * 5
    *slips, last = findings(f"net Net:\n    input x: [3, 32, 32]\n{lines}    conv 4, 32x32\n")
    assert [d.code for d in slips] == ["E0201"] * 5
    assert last.code == "E0305"
    assert [label.span.line for label in last.labels][-3:] == [3, 4, 5]


@pytest.mark.parametrize("slip", ["reluu", "Tanh", "conv 4, kernal=3x3, pad=1"])
def test_what_a_slip_hides_is_said_of_the_text_without_it(slip: str) -> None:
    text = f"net Net:\n    input x: [3, 8, 8]\n    {slip}\n    conv 2, 11x11\n    dense 3 -> [9]\n"
    edits = [edit for found in findings(text) if found.safe for edit in found.edits]
    mended = spec_of(applied(spec_of(text).source, edits))
    wanted = [(d.code, d.span.line) for d in mended.diagnostics if d.severity == "error"]
    found = [(d.code, d.span.line) for d in findings(text)]
    assert wanted
    assert found[1:] == wanted


@pytest.mark.parametrize(
    "lines",
    [
        'when no:\n        conv "16", 3x3',
        'residual:\n        relu\n        shortcut when=no: conv "16", 3x3',
        'conv "16"',
        'conv "16", 3x3, of=2',
        "conv n, 3x3\n    conv_transpose 3, 2x2, strid_of=2, output_pad=1",
        "conv n if m > 0 else k, 3x3, pad=same",
    ],
)
def test_nothing_is_said_of_arguments_that_may_be_right(lines: str) -> None:
    head = "net Net(n=3, m=1, k=none):\n    input x: [3, 32, 32]\n    foo 3\n    relu\n    "
    assert "E0210" not in {d.code for d in findings(head + lines + "\n")}


# -- no cascades


@pytest.mark.parametrize(
    "broken",
    [
        "block Part(width):\n    dense width,, 3\n",
        "block Part(width:\n    dense width\n",
        "block Part(width)\n    dense width\n",
        "block Part(=3):\n    dense 3\n",
        "blok Part(width):\n    dense width\n",
        "blok Part:\n    dense 3\n",
        "block Part(width):\n\tdense width\n",
        'use "nothing.net": Part\n',
        'use "nothing.net"\n',
        'use "nothing.net\n',
        "use std.visio\n",
        "use std.vision: Part\n",
        'uze "parts.net"\n',
        "block Part(n):\n    dense n\nblock Part(n, m):\n    dense n\n",
        "net Part(width)\n",
    ],
)
@pytest.mark.parametrize(
    "use", ["Part 3", "Part width=3, of=2, by=4", "By part=Part", "inline Part 3"]
)
def test_nothing_is_said_of_uses_of_what_could_not_be_read(broken: str, use: str) -> None:
    by = "block By(part):\n    part\n"
    net = f"net Net(n=3):\n    input x: [4]\n    {use}\n    dense n -> [7]\n"
    alone = said(broken)
    assert [code for code in alone if not code.endswith("E0110")]
    both = said(f"{broken}\n{by}\n{net}")
    assert both == [finding for finding in alone if not finding.endswith("E0110")]


@pytest.mark.parametrize(
    "allow",
    ["allow W0302,", "allow W302", "allw W0302", "allow", "allow W0302 W0301", "allow 'W0302'"],
)
def test_no_warnings_where_an_allow_of_the_file_could_not_be_read(allow: str) -> None:
    net = "net Net:\n    input x: [4]\n    dense 3\n    dense 3\n"
    assert said(net) == ["4 W0302"]
    assert [s.split()[0] for s in said(f"{allow}\n{net}")] == ["1"]


def test_an_allow_beside_errors_still_holds() -> None:
    net = "net Net:\n    input x: [4]\n    dense 3\n    dense 3\n"
    assert said(f"allow W0302\n{net}\n{BROKEN}") == ["8 E0101"]


def test_a_line_that_lost_its_indentation_is_missing_from_its_net() -> None:
    text = """
        net Net(classes=3):
            input x: [4]
            dense 5
        dense classes
            expect params == 43
        """
    assert {s.split()[0] for s in said(text)} <= {"5", "6"}


def test_several_circles_end() -> None:
    text = "".join(f"block {a}:\n    {b}\n" for a, b in ("AB", "BA", "CD", "DC", "EC"))
    nets = "net N:\n    input x: [4]\n    E\nnet M:\n    input x: [4]\n    dense 3 -> [4]\n"
    assert sorted({d.code for d in findings(text + nets)}) == ["E0401", "E0501"]


# -- any line of any shipped spec


@dataclass(frozen=True)
class Part:
    """The lines of a definition."""

    first: int
    last: int


def parts_of(text: str) -> list[Part]:
    """The definitions of a file, as a reader of its left margin sees them."""
    lines = text.split("\n")
    heads = [n for n, line in enumerate(lines) if re.match(r"(net|block|train|use)\b", line)]
    return [Part(a + 1, b) for a, b in pairwise([-1, *heads, len(lines)])]


SHIPPED = [
    file
    for folder in (REPOSITORY / "specs", REPOSITORY / "specs/vision", REPOSITORY / "specs/std")
    for file in sorted(folder.glob("*.net"))
    if file.stem not in ("densenet", "googlenet", "inception_v3")  # they take long, and add nothing
]


@st.composite
def broken_line(draw: st.DrawFn) -> tuple[Path, str, int]:
    """A shipped spec with something put into a line, or taken out of it; which line."""
    file = draw(st.sampled_from(SHIPPED))
    lines = file.read_text(encoding="utf-8").split("\n")
    codes = [n for n, line in enumerate(lines) if line.split("#")[0].strip()]
    number = draw(st.sampled_from(codes))
    line = lines[number]
    start = draw(st.integers(0, len(line)))
    end = draw(st.one_of(st.just(start), st.integers(start, len(line))))
    piece = draw(st.sampled_from(["", *PIECES, "'", "!", ";", ",,", "}"]))
    lines[number] = line[:start] + piece + line[end:]
    return file, "\n".join(lines), number + 1


@st.composite
def unknown_word(draw: st.DrawFn) -> tuple[Path, str, int]:
    """A shipped spec with an unknown word for a layer, an argument or a value; which line."""
    file = draw(st.sampled_from(SHIPPED))
    lines = file.read_text(encoding="utf-8").split("\n")
    layer = rf"\b(?:{'|'.join(layers.words())})\b(?!\s*=)"
    word = draw(st.sampled_from([layer, r"(?<=, )\w+(?==)", r"(?<==)[a-z]\w*\b(?![=(])"]))
    heads = r"\s*(net|block|train|use|expect|input|param|allow|repeat|data|loss|optimizer|#)\b|\s*#"
    places = [
        (number, found)
        for number, line in enumerate(lines)
        if not re.match(heads, line)
        for found in re.finditer(word, line.split("#")[0])
    ]
    assume(places)
    number, found = draw(st.sampled_from(places))
    lines[number] = lines[number][: found.start()] + "qqzzqq" + lines[number][found.end() :]
    return file, "\n".join(lines), number + 1


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(unknown_word())
def test_an_unknown_word_is_one_finding(case: tuple[Path, str, int]) -> None:
    """What it leaves unknown is no matter of the lines below, of its users and of their claims."""
    file, text, line = case
    spec = Spec(Source(str(file), text), {}, file.parent)
    spec.judge()
    assert [(d.code[:3], d.span.line) for d in spec.diagnostics] == [("E02", line)]


@pytest.mark.parametrize(
    "unknown",
    [
        "qqzz 4",
        "conv 4",
        "conv 4, 3x3, qqzz=3",
        "conv qqzz, 3x3",
        "residual:\n        qqzz",
        "Part",
    ],
)
def test_a_net_is_judged_beside_an_unknown_word(unknown: str) -> None:
    text = (
        "net Net:\n    input x: [3, 32, 32]\n    a = conv 4, 3x3 -> [4, 29, 29]\n    {}\n"
        "    [4, 9, 9] -> conv 4, 11x11\n    {}\n    a -> dense 3 -> [7]\n    relu\n    {}\n"
        "    expect params == 3\n\nblock Part:\n    conv 4, 1x1\n    qqzz\n    relu\n"
    ).replace("{}", unknown)
    codes = [d.code for d in findings(text)]
    assert codes.count("E0501") == 2
    assert codes.count("E0305") == 1
    assert {code[:3] for code in codes if code not in ("E0501", "E0305")} == {"E02"}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken_line())
def test_a_broken_line_is_no_matter_of_other_definitions(case: tuple[Path, str, int]) -> None:
    """With a syntax error, all findings stand in the part of that line: none in its users."""
    file, text, line = case
    log = Log()
    parse(Source(str(file), text), log)
    assume(log.has_errors)
    spec = Spec(Source(str(file), text), {}, file.parent)
    spec.judge()
    original = file.read_text(encoding="utf-8")
    hit = max((p for p in parts_of(original) if p.first <= line), key=lambda p: p.first)
    moved = text.count("\n") - original.count("\n")
    for diagnostic in spec.diagnostics:
        at = diagnostic.span.line
        at = at if at <= line else max(line, at - moved)
        own = str(file) == diagnostic.span.source.name
        assert (own and hit.first <= at <= hit.last) or diagnostic.severity == "note", diagnostic
