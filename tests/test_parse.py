"""From text to tree: the tour parses, odd files are read or refused in words, nothing raises."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from compiling import REPOSITORY, TESTS, errors_of, everything, lines_of, net_of
from lark import Lark

from netc.api import decode
from netc.compiler import tree
from netc.compiler.diagnostics import Log
from netc.compiler.layers import words
from netc.compiler.layout import DEEPEST, JOINING, Layout
from netc.compiler.parse import parse
from netc.compiler.parse import words as words_of
from netc.compiler.source import Source

TOUR = sorted((TESTS / "tour").glob("*.net"))
LINES = "net Net:\n    input x: [4]\n"


def grammar() -> str:
    return (files("netc.grammar") / "net.lark").read_text(encoding="utf-8")


# -- the grammar


@pytest.mark.parametrize("file", TOUR, ids=lambda file: file.stem)
def test_every_example_of_the_tour_parses(file: Path) -> None:
    log = Log()
    parsed = parse(Source(file.name, file.read_text(encoding="utf-8")), log)
    assert parsed.statements
    assert [str(d) for d in log] == []


def test_the_tour_has_sixteen_sections() -> None:
    assert [file.name[:2] for file in TOUR] == [f"{n:02}" for n in range(1, 17)]


def test_grammar_has_no_conflicts() -> None:
    """`strict` refuses shift/reduce conflicts and terminals that match the same text."""
    Lark(grammar(), parser="lalr", lexer="basic", postlex=Layout(), strict=True)


def test_operators_between_two_values_are_known_to_the_layout() -> None:
    """They are counted, and named to whoever stops where one may follow."""
    between = ["<", "==", "+", "-", "*", "/", "//", "%", "**", "and", "or", ".", "..", "if"]
    lines = [f"expect a {sign} b{' else c' * (sign == 'if')}\n" for sign in between]
    found = {word.kind for line in lines for word in words_of(line) if word.text}
    assert found - {"NAME", "ELSE"} == JOINING


def test_grammar_has_no_layers_name() -> None:
    rules = re.sub(r"//.*", "", grammar())
    named = set(re.findall(r"[a-z_]+", rules))
    assert not named & (set(words()) - {"range", "state"})


def test_grammar_has_some_forty_rules() -> None:
    rules = {rule.origin.name for rule in Lark(grammar(), parser="lalr", postlex=Layout()).rules}
    assert len([name for name in rules if not name.startswith("_")]) <= 45


# -- what the tree holds


def element(line: str) -> tree.Element:
    log = Log()
    (definition,) = parse(Source("spec.net", f"block B:\n    {line}\n"), log).statements
    assert not list(log)
    assert isinstance(definition, tree.Definition)
    (statement,) = definition.body
    assert isinstance(statement, tree.Line)
    return statement.chain.elements[-1]


def shown(expr: object) -> str:
    """An expression with every operator in parentheses."""
    match expr:
        case tree.Number(value=value):
            return str(value)
        case tree.Name(text=text):
            return text
        case tree.Attribute(target=target, name=name):
            return f"{shown(target)}.{name}"
        case tree.Unary(operator=operator, operand=operand):
            return f"({operator} {shown(operand)})"
        case tree.Binary(operator=operator, left=left, right=right):
            return f"({shown(left)} {operator} {shown(right)})"
        case tree.Choice(condition=condition, then=then, otherwise=otherwise):
            return f"({shown(then)} if {shown(condition)} else {shown(otherwise)})"
        case tree.Dims(values=values):
            return "x".join(map(str, values))
        case tree.Items(items=items):
            return f"[{', '.join(map(shown, items))}]"
        case tree.Tuple(items=chains):
            return f"({', '.join(shown(chain.elements[0]) for chain in chains)})"
    raise TypeError(type(expr).__name__)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1 + 2*3", "(1 + (2 * 3))"),
        ("(1 + 2)*3", "((1 + 2) * 3)"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("-2**2", "(- (2 ** 2))"),
        ("2**-1", "(2 ** (- 1))"),
        ("2**3**2", "(2 ** (3 ** 2))"),
        ("a // 2 % 3", "((a // 2) % 3)"),
        ("not a or b and c", "((not a) or (b and c))"),
        ("1 < a <= 3", "((1 < a) and (a <= 3))"),
        ("a if b else c if d else e", "(a if b else (c if d else e))"),
        ("in.channels != 4*width", "(in.channels != (4 * width))"),
        ("1e-4..1e-1", "(0.0001 .. 0.1)"),
        ("3x5", "3x5"),
        ("[1, [2, 3],]", "[1, [2, 3]]"),
        ("(1, 2,)", "(1, 2)"),
        ("61_706", "61706"),
        ("1.5e3", "1500.0"),
        ("a - 1", "(a - 1)"),
    ],
)
def test_expressions_are_read_as_in_arithmetic(written: str, read: str) -> None:
    call = element(f"word {written}")
    assert isinstance(call, tree.Call)
    assert shown(call.arguments[0].value) == read


def test_a_chain_may_go_on_in_the_next_line() -> None:
    text = LINES + "    dense 3 # first\n\n    # between\n        -> relu\n    -> dense 2\n"
    assert [row.layer for row in net_of(text).report().rows] == ["dense", "relu", "dense"]


def test_line_ends_inside_brackets_mean_nothing() -> None:
    assert lines_of("reshape [\n  3,\n  1024,\n]").report().rows[0].output.shape == (3, 1024)


# -- odd files


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", "# nothing\n", "  \n\t\n", "# no line end"])
def test_a_file_without_nets_is_no_error(text: str) -> None:
    assert everything(text).names == ()


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"])
@pytest.mark.parametrize("last", ["", "\n", "    \n", "    # end"])
def test_line_ends_and_byte_order_marks_change_nothing(start: str, end: str, last: str) -> None:
    text = "net Net:\n    input x: [4]\n    residual:\n        dense 4\n    dense 2\n" + last
    assert net_of(start + text.replace("\n", end)).report().params == 4 * 4 + 4 + 2 * 4 + 2


def test_a_position_after_crlf_and_a_byte_order_mark_is_the_editors() -> None:
    assert errors_of("\ufeffnet Net:\r\n    input x: [4]\r\n    dens 3\r\n") == [
        "3 E0201 there is no layer, block or value called `dens`"
    ]


@pytest.mark.parametrize(
    "data", [b"net N\xff:\n", b"net N:\n\0", "net N:\n".encode("utf-16"), b"\x80" * 100]
)
def test_what_is_not_utf8_text_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "odd.net").write_bytes(data)
    with pytest.raises(UnicodeDecodeError):
        decode(tmp_path / "odd.net")


@pytest.mark.parametrize(
    "character", ["\x0c", "\x0b", "\x1c", "\u2028", "\x85", "\0", "\u00a0", "𝕏"]
)
def test_characters_that_are_no_line_end_do_not_move_the_lines(character: str) -> None:
    """Python's `splitlines` breaks at some of these, editors and this language do not."""
    text = f"# a{character}b\n{LINES}    dens 3\n"
    assert errors_of(text) == ["4 E0201 there is no layer, block or value called `dens`"]
    spec = everything(text)
    assert spec.diagnostics[0].span.text == "dens"


def test_a_lone_carriage_return_is_refused_in_its_line() -> None:
    assert errors_of(LINES + "    dense 3\r    relu\n")[0].startswith("3 E0102")


# -- sizes that a file can have


@pytest.mark.parametrize("opened", ["(", "[", "not ", "-", "1 + ", "1 if 1 else ", "2 ** "])
def test_nesting_is_bounded(opened: str) -> None:
    text = LINES + f"    dense {opened * 5000}1\n"
    assert len(errors_of(text)) == 1


def test_blocks_nest_to_a_bound() -> None:
    deep = "".join("    " * (n + 1) + "residual:\n" for n in range(DEEPEST + 10))
    assert any("deeper" in e for e in errors_of(LINES + deep + "    " * (DEEPEST + 12) + "relu\n"))
    fine = "".join("    " * (n + 1) + "residual:\n" for n in range(DEEPEST - 4))
    everything(LINES + fine + "    " * (DEEPEST - 2) + "relu\n")


@pytest.mark.parametrize(
    "digits", ["9" * 10_000, "1" + "0" * 5000, "9" * 19, "1e999", "9" * 400 + ".0"]
)
def test_numbers_beyond_all_bounds_are_errors(digits: str) -> None:
    for line in (f"dense {digits}", f"dropout {digits}", f"repeat {digits}: relu"):
        assert len(errors_of(LINES + f"    {line}\n")) == 1
    for line in (f"dense 3 -> [{digits}]", f"dense 3\n    expect params == {digits}"):
        assert errors_of(LINES + f"    {line}\n")
    everything(f"net N:\n    input x: [{digits}]\n    dense 3\n")
    everything(f"net N:\n    input x: [4, 4, 4]\n    conv 3, {digits}x{digits}\n")


def test_long_lines_and_long_names_are_read() -> None:
    name = "n" * 10_000
    net = net_of(LINES + f"    {name} = dense {' + '.join(['1'] * 60)}{' ' * 100_000}# end\n")
    assert net.report().rows[0].path == name
    everything(LINES + f"    dense 3, {', '.join(f'a{n}=1' for n in range(20_000))}\n")


def test_a_line_of_a_hundred_thousand_arrows_is_read() -> None:
    net = net_of(LINES + "    relu" + " -> relu" * 99_999 + "\n")
    assert len(net.report().rows) == 100_000


def test_a_line_of_twenty_thousand_blanks_is_read() -> None:
    for word in ("input", "param", "input x"):
        assert errors_of(LINES + f"    {word}{' ' * 20_000}relu\n")


def test_a_file_of_twenty_thousand_errors_ends() -> None:
    found = errors_of("".join(f"net N{n}:\n    input x: [4\n    dense )\n" for n in range(2000)))
    assert len(found) >= 2000
    assert errors_of(LINES + "    dense )\n" * 20_000)


def test_the_whole_language_is_read_without_deep_recursion() -> None:
    assert sys.getrecursionlimit() <= 3000
    assert (REPOSITORY / "grammar" / "net.lark").exists()


@pytest.mark.parametrize(
    ("text", "line"), [("net A:", 1), ("net A:\n    input x: [3]\n    residual:", 3)]
)
def test_a_block_that_the_end_of_the_file_cuts_off_is_found_where_it_begins(
    text: str, line: int
) -> None:
    said = f"{line} E0104 the `:` opens a block, and no indented line follows"
    for end in ("", "\n", "\n\n"):
        assert errors_of(text + end) == [said]


@pytest.mark.parametrize(
    "below",
    [
        "expect params == 51",
        "dense 64 if 4 > in.features else 3",
        "split = relu",
        "in.rank -> relu",
    ],
)
def test_a_line_below_an_empty_block_is_not_blamed(below: str) -> None:
    said = "3 E0104 the `:` opens a block, and no indented line follows"
    assert errors_of(f"net A:\n    input x: [16]\n    residual:\n    {below}\n")[0] == said


def test_what_is_written_for_a_line_and_is_no_help_hides_nothing_below() -> None:
    text = LINES + "    for n in {[16, 32]: dense n\n    dense )\n    dense 3,\n"
    first = LINES.count("\n") + 1
    found = [(int(said.split()[0]), said.split()[1]) for said in errors_of(text)]
    assert found == [(first, "E0101"), (first + 1, "E0101"), (first + 2, "E0101")]
