"""`netc check --fix` and `--format`: what is mended, what is left, what a program reads."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from compiling import REPOSITORY, spec_of
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.api import Spec
from netc.checking import Request, request_of
from netc.compiler import layers
from netc.compiler.edits import Edit, applied, is_slip, nearest, suggest, written
from netc.compiler.source import Source, Span
from netc.fixing import badness, fix

SLIPS = (
    "net Net:\n"
    "    input x: [3, 32, 32]\n"
    "\tconv 8, 3×3 → relu   # a tab, and signs of print\n"
    "    max_pol 2x2 -> Relu\n"
    "    conv 8 3x3, bias=false -> relu\n"
    "    flatten -> dense 10\n"
    "    expect params = 14_330\n"
)
MENDED = (
    "net Net:\n"
    "    input x: [3, 32, 32]\n"
    "    conv 8, 3x3 -> relu   # a tab, and signs of print\n"
    "    max_pool 2x2 -> relu\n"
    "    conv 8, 3x3, bias=no -> relu\n"
    "    flatten -> dense 10\n"
    "    expect params == 14_330\n"
)
FALSE = "net Net:\n    input x: [4]\n    dense 3 -> [4]\n"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def netc(*words: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "netc", "check", *words]
    return subprocess.run(command, input=text, capture_output=True, check=False)


def test_slips_are_mended_round_after_round() -> None:
    Path("a.net").write_text(SLIPS, encoding="utf-8")
    done = netc("--fix", "a.net")
    assert Path("a.net").read_text(encoding="utf-8") == MENDED
    assert done.returncode == 0, done.stdout
    said = done.stderr.decode().splitlines()
    assert said[0] == "fixed a.net:3:1: the line is indented with a tab"
    assert len(said) == 8


def test_what_is_false_is_left_to_the_author() -> None:
    Path("a.net").write_text(FALSE, encoding="utf-8")
    done = netc("--fix", "a.net")
    assert Path("a.net").read_text(encoding="utf-8") == FALSE
    assert done.returncode == 1
    assert done.stderr == b""
    assert b"E0501" in done.stdout


def test_standard_input_is_mended_to_standard_output() -> None:
    done = netc("--fix", "-", text=SLIPS.encode())
    assert done.stdout.decode() == MENDED
    assert b"fixed <stdin>:3:1" in done.stderr
    assert done.returncode == 0


def test_windows_line_ends_a_byte_mark_and_the_mode_of_the_file_stay() -> None:
    text = "\ufeffnett Net:\r\n    input x: [4]\r\n    dens 3\r\n"
    Path("a.net").write_bytes(text.encode())
    Path("a.net").chmod(0o640)
    assert netc("--fix", "a.net").returncode == 0
    wanted = text.replace("nett", "net").replace("dens", "dense")
    assert Path("a.net").read_bytes() == wanted.encode()
    assert stat.S_IMODE(Path("a.net").stat().st_mode) == 0o640


def test_files_that_are_used_are_not_written() -> None:
    Path("a.net").write_text('use "b.net"\n\nnet Net:\n    input x: [4]\n    Unit\n', "utf-8")
    Path("b.net").write_text("block Unit:\n    dens 3\n", encoding="utf-8")
    assert b"--fix` mends" not in netc("a.net").stdout  # it would not
    done = netc("--fix", "a.net")
    assert (done.returncode, b"--fix` mends" in done.stdout) == (1, False)
    assert Path("b.net").read_text(encoding="utf-8") == "block Unit:\n    dens 3\n"


def test_an_edit_that_does_not_help_is_not_kept() -> None:
    """`unitss` may be `units`, and `units` is there already."""
    text = "net Net:\n    input x: [4]\n    dense units=3, unitss=4\n"
    spec = spec_of(text)
    assert any(d.safe for d in spec.diagnostics)
    assert fix(spec.source, Path(), spec.diagnostics).text == text


def test_edits_that_show_more_errors_than_they_mend_are_not_kept() -> None:
    """The comma is right, and then three words of the line are unknown."""
    text = "net Net:\n    input x: [4]\n    dens 3 3x3 -> foo -> bar\n"
    spec = spec_of(text)
    assert [d.safe for d in spec.diagnostics] == [True]
    fixed = fix(spec.source, Path(), spec.diagnostics)
    assert (fixed.text, fixed.mended) == (text, ())
    assert not any(d.safe for d in fixed.left)


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("dens 3, bia=no", "dense 3, bias=no"),  # an argument is looked at when its layer is known
        ("dens units=3, biass=no, initt=zeros", "dense units=3, bias=no, init=zeros"),
        ("dens 3, of=4", "dense 3, of=4"),  # as many errors as before, and the slip is gone
        ("dens 3, of=4, by=5", "dens 3, of=4, by=5"),  # more errors than before
        ("dense units=3, unitss=4 -> Relu", "dense units=3, unitss=4 -> relu"),
        ("Dense units=3, unitss=4 -> Relu", "dense units=3, unitss=4 -> relu"),
        ('conv "8", 3x3 -> dens 3', "conv 8, 3x3 -> dense 3"),
    ],
)
def test_a_mended_slip_that_shows_another_error_is_kept(line: str, mended: str) -> None:
    text = "net Net:\n    input x: [3, 8, 8]\n    {}\n"
    spec = spec_of(text.format(line))
    assert fix(spec.source, Path(), spec.diagnostics).text == text.format(mended)


def test_a_slip_of_a_block_is_mended_though_its_arguments_are_wrong() -> None:
    text = (
        "block Part(width):\n    dense width\n\n"
        "net Net:\n    input x: [4]\n    {} 3\n    {} width=3, of=2\n"
    )
    spec = spec_of(text.format("Prat", "Parrt"))
    fixed = fix(spec.source, Path(), spec.diagnostics)
    assert fixed.text == text.format("Part", "Part")
    assert [d.message for d in fixed.mended] == [
        "there is no layer, block or value called `Prat`",
        "there is no layer, block or value called `Parrt`",
    ]
    assert [d.message for d in fixed.left] == ["`Part` has no argument `of`"]


PIECES = (
    "",
    " ",
    "\t",
    "3 x 3",
    "[4]",
    " 3",
    "3x3 ",
    "=>",
    "→",
    "×",
    ",",
    "for",
    "x",
    "=",
    "(",
    ")",
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_mended_text_has_no_more_errors_and_none_of_those_mended(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from((SLIPS, MENDED)))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 3, len(text))))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:]
    text = dedent(text)  # as `spec_of` does, which would move a mended text otherwise
    spec = spec_of(text)
    fixed = fix(spec.source, Path(), spec.diagnostics)
    again = Spec(Source("spec.net", fixed.text), {}, REPOSITORY)
    again.judge()
    after = again.diagnostics
    errors = [sum(d.severity == "error" for d in found) for found in (spec.diagnostics, after)]
    assert errors[1] <= errors[0]
    said = {(d.code, d.message, d.span.line) for d in after}
    assert not said & {(d.code, d.message, d.span.line) for d in fixed.mended}
    assert [(d.code, d.span.line) for d in after] == [(d.code, d.span.line) for d in fixed.left]


def test_fewer_errors_of_an_earlier_stage_are_better() -> None:
    """A line that is read now shows the two words in it that nobody has."""
    before, after = spec_of("(a"), spec_of("net N:\n    input x: [4]\n    foo 1\n    bar 1\n")
    assert len(after.diagnostics) > len(before.diagnostics)
    assert badness(after.diagnostics) < badness(before.diagnostics)


# -- words


@pytest.mark.parametrize(
    ("word", "known", "slip"),
    [
        ("max_pol", "max_pool", True),
        ("dennse", "dense", True),
        ("widht", "width", True),
        ("dense", "dense", False),
        ("ReLU", "relu", True),
        ("h1", "h2", False),
        ("conv1", "conv2", False),
        ("conv2d", "conv", False),
        ("gru", "gelu", False),
        ("a", "b", False),
    ],
)
def test_what_one_slip_is(word: str, known: str, slip: bool) -> None:
    assert is_slip(word, known) == slip
    assert is_slip(known, word) == slip


def test_a_word_near_two_others_is_not_safe() -> None:
    span = Span(Source("a", "sink"), 1, 1, 1, 5)
    assert suggest(span, "sink", ["link", "pink"]).safe is False
    assert suggest(span, "sink", ["link", "conv"]).safe is True
    assert suggest(span, "Link", ["link", "pink"]).edits[0].text == "link"


@given(st.sampled_from(layers.words()), st.data())
@settings(max_examples=200)
def test_a_word_with_a_letter_missing_is_near_its_word(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 1))
    short = word[:at] + word[at + 1 :]
    if len(word) >= 4 and not word[at].isdigit() and short not in layers.words():
        assert is_slip(short, word)
        assert nearest(short, [word, "zzzzzzzz"]) == word


# -- edits


@given(st.text("ab\n\r→", max_size=40), st.data())
@settings(max_examples=200)
def test_edits_change_what_they_name_and_nothing_else(text: str, data: st.DataObject) -> None:
    source = Source("a.net", text)
    lines = text.split("\n")
    line = data.draw(st.integers(1, len(lines)))
    start = data.draw(st.integers(1, len(lines[line - 1]) + 1))
    end = data.draw(st.integers(start, len(lines[line - 1]) + 1))
    found = applied(source, [Edit(Span(source, line, start, line, end), "XY")]).split("\n")
    lines[line - 1] = lines[line - 1][: start - 1] + "XY" + lines[line - 1][end - 1 :]
    assert found == lines


@given(st.text("ab\n\r→", max_size=40), st.text("xy\n", max_size=3), st.data())
@settings(max_examples=200)
def test_what_edits_wrote_stands_where_it_is_said(
    text: str, piece: str, data: st.DataObject
) -> None:
    source = Source("a.net", data.draw(st.sampled_from(["", "\ufeff"])) + text)
    lines = text.split("\n")
    edits = []
    for _ in range(data.draw(st.integers(1, 4))):
        line = data.draw(st.integers(1, len(lines)))
        start = data.draw(st.integers(1, len(lines[line - 1]) + 1))
        end = data.draw(st.integers(start, len(lines[line - 1]) + 1))
        edits.append(Edit(Span(source, line, start, line, end), piece))
    edited = applied(source, edits).removeprefix("\ufeff").split("\n")
    for spans in written(source, edits):
        for span in spans:
            rows = edited[span.line - 1 : span.end_line]
            rows[-1] = rows[-1][: span.end_column - 1]
            rows[0] = rows[0][span.column - 1 :]
            assert "\n".join(rows) == piece


# -- formats


def test_options_are_read_without_click_where_they_are_plain() -> None:
    assert request_of(["a.net", "--json"]) == Request(("a.net",), "json", False)
    assert request_of(["--format=github", "a.net", "-"]) == Request(("a.net", "-"), "github", False)
    assert request_of(["--fix", "a.net"]) == Request(("a.net",), "text", True)
    for words in (["--json"], ["--help"], ["a.net", "--format=xml"], ["a.net", "--format", "json"]):
        assert request_of(words) is None


def test_annotations_for_a_workflow_are_one_line_each_and_escaped() -> None:
    Path("50%, a:b.net").write_text(FALSE + "    concat\n", encoding="utf-8")
    lines = netc("--format=github", "50%, a:b.net").stdout.decode().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(
        "::error file=50%25%2C a%3Ab.net,line=3,col=16,endLine=3,endColumn=19,title=E0501::"
        "the claim [4] is false: here flows [3]%0Ahelp: write "
    )


def test_annotations_say_nothing_where_there_is_nothing_to_say() -> None:
    Path("a.net").write_text("net Net:\n    input x: [4]\n    dense 3\n", encoding="utf-8")
    done = netc("--format=github", "a.net")
    assert (done.returncode, done.stdout) == (0, b"")


def test_the_long_form_of_the_option_works_too() -> None:
    Path("a.net").write_text(FALSE, encoding="utf-8")
    done = netc("a.net", "--format", "json")
    assert {d["code"] for d in json.loads(done.stdout)["diagnostics"]} == {"E0501"}
    assert json.loads(netc("a.net", "--json").stdout) == json.loads(done.stdout)
    assert netc("a.net", "--format", "xml").returncode == 2


# -- training beside nets


def test_errors_of_a_training_are_said_beside_those_of_the_net() -> None:
    text = (
        "net Net:\n    input x: [1, 8, 8]\n    {line}\n    flatten -> dense 10\n\n"
        "train Net:\n    data digits\n    loss cross_entropy\n    optimizer adm\n"
        "    epochs 3, batch=32\n"
    )
    for line, code in (("dens 3", "E0201"), ("conv 3, 9x9", "E0305")):
        found = spec_of(text.format(line=line)).diagnostics
        assert [d.code for d in found] == [code, "E0201"]
        assert found[1].message == "there is no optimizer `adm`"


def test_data_that_do_not_fit_the_net_are_shown_at_their_clause() -> None:
    """E0605, the one code that `netc check` cannot find."""
    text = (
        "net Net:\n    input x: [1, 8, 8]\n    flatten -> dense 9\n\n"
        "train Net:\n    data digits\n    loss cross_entropy\n    optimizer adam\n"
        "    epochs 1, batch=512\n"
    )
    Path("a.net").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "netc", "train", "a.net", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"error[E0605]" in done.stderr
    assert b"--> a.net:6:5" in done.stderr
