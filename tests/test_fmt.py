"""`netc fmt`: form and nothing else. The tree and the comments are those that went in."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from compiling import REPOSITORY, TESTS
from fmt_pages import PRETTY, UGLY, Case, cases, printed, rewrite
from hypothesis import given
from hypothesis import strategies as st
from mangling import mangled
from msgspec import Struct
from random_nets import nets
from test_never_raises import mutated, relaxed

from netc.compiler.diagnostics import CompileError, Log
from netc.compiler.formatting import ReadsDifferently
from netc.compiler.formatting.sameness import same
from netc.compiler.parse import parse, words
from netc.compiler.source import Source, Span

SHIPPED = sorted(
    file
    for folder in ("specs", "tests/nets", "docs/examples")
    for file in (REPOSITORY / folder).glob("*.net")
)
TOUR = sorted((TESTS / "tour").glob("*.net"))
REAL = [file.read_text(encoding="utf-8") for file in (*SHIPPED, *TOUR)]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def meaning(text: str) -> object:
    """A spec's tree as plain data, without places; fails if it has syntax errors."""
    log = Log()
    tree = parse(Source("spec.net", text), log)
    assert [str(d) for d in log] == []
    return plain(tree)


def plain(node: object) -> object:
    if isinstance(node, tuple):
        return tuple(map(plain, node))
    if isinstance(node, Span):
        return "somewhere"
    if not isinstance(node, Struct):
        return type(node).__name__, node
    parts = (getattr(node, name) for name in node.__struct_fields__)
    return type(node).__name__, *map(plain, parts)


def notes(text: str) -> list[str]:
    """The comments of a text, found without the lexer."""
    lines = (re.match(r'(?:[^"#]|"[^"]*")*(#.*)', line) for line in text.split("\n"))
    return [match[1].rstrip() for match in lines if match]


def holds(before: str) -> str:
    """A spec in form, after a look at all that must hold of it."""
    after = printed(before)
    assert printed(after) == after
    assert meaning(after) == meaning(before)
    assert notes(after) == notes(before)
    assert not re.search(r"[ \t\r]\n|\n\n\n|\A\n|[^\n]\Z|\n\n\Z", after)
    return after


# -- pages of examples


@pytest.mark.parametrize("case", cases(), ids=str)
def test_page_shows_what_is_printed(case: Case, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--rewrite-goldens"):
        rewrite(case.page)
        return
    assert holds(case.before) == case.after


def test_no_case_of_a_page_is_missed() -> None:
    headings = [
        line
        for page in sorted((TESTS / "fmt").glob("*.md"))
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    ]
    assert len(cases()) == len(headings) >= 15


# -- what ships is in form


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_what_ships_is_in_form(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert holds(text) == text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_specs_on_pages_are_in_form(page: Path, pytestconfig: pytest.Config) -> None:
    text = page.read_text("utf-8")
    block = re.compile(r"(?<=^```net\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
    in_form = block.sub(lambda match: printed(match[0]), text)
    if pytestconfig.getoption("--rewrite-goldens"):
        page.write_text(in_form, "utf-8")
    else:
        assert in_form == text


@pytest.mark.parametrize("file", TOUR, ids=lambda file: file.stem)
def test_the_tour_keeps_its_meaning(file: Path) -> None:
    holds(file.read_text(encoding="utf-8"))


# -- properties


@relaxed(200)
@given(mangled(st.sampled_from(REAL), light=False))
def test_real_specs_however_they_are_written(pair: tuple[str, str]) -> None:
    text, other = pair
    assert meaning(other) == meaning(text)
    holds(other)


@relaxed(200)
@given(mangled(st.sampled_from(REAL), light=True))
def test_form_depends_on_words_alone(pair: tuple[str, str]) -> None:
    text, other = pair
    assert holds(other) == printed(text)


@relaxed(100)
@given(mangled(nets(), light=False))
def test_random_nets_however_they_are_written(pair: tuple[str, str]) -> None:
    holds(pair[1])


@relaxed(300)
@given(mutated())
def test_odd_specs_are_put_in_form_or_refused(text: str) -> None:
    try:
        printed(text)
    except (CompileError, ReadsDifferently):
        return
    holds(text)


_ITEM = st.sampled_from(["1", "width", "in.channels//2", "[1, 2]", "(a, b)", "3x3", "-1e-3"])


@st.composite
def long_lines(draw: st.DrawFn) -> str:
    """A line of calls with many arguments in brackets."""
    calls = []
    for _ in range(draw(st.integers(1, 30))):
        items = ", ".join(draw(st.lists(_ITEM, min_size=1, max_size=40)))
        calls.append(draw(st.sampled_from([f"weigh [{items}]", f"tell n=({items},)", "relu"])))
    head = draw(st.sampled_from(["", "name = ", "repeat 3: ", "output a = "]))
    end = draw(st.sampled_from(["", " -> [3, 4]", " -> residual:\n        relu"]))
    parameters = draw(st.sampled_from(["", "a=1, " * 60]))
    return f"net Net({parameters}):\n    {head}{' -> '.join(calls)}{end}\n"


@relaxed(100)
@given(long_lines())
def test_no_line_is_longer_than_100_where_it_can_be_wrapped(text: str) -> None:
    assert max(len(line) for line in holds(text).splitlines()) <= 100


def test_trees_differ_where_a_word_differs() -> None:
    """What `same` must see, one difference of each kind."""
    text = PRETTY + "    x = in.width*2 -> (a, b) -> [3] -> relu\n"
    for part, other in [
        ("dense", "dens"), ("3 ", "3.0 "), ("width", "height"), ("*", "+"), ("(a, b)", "[a, b]"),
        ("x =", "y ="), ("-> relu", ""), ("    x", "net N:\n    x"), ("[4]", "int[4]"),
    ]:  # fmt: skip
        trees = [parse(Source("s", t), Log()) for t in (text, text.replace(part, other))]
        assert not same(*trees), part
    assert same(parse(Source("s", text), Log()), parse(Source("s", "\n" + text), Log()))


def test_words_and_what_is_between_them_are_the_text() -> None:
    for text in REAL:
        assert "".join(word.gap + word.text for word in words(text)) == text


def test_a_line_that_blanks_would_change_is_refused() -> None:
    with pytest.raises(ReadsDifferently):
        printed("net Net:\n    relu ->input a: relu\n")


@pytest.mark.parametrize("end", ["", "\r", "\r\n", "\n    ", "\n  \n    # no end"])
def test_a_file_may_end_anywhere(end: str) -> None:
    lines = "net Net:\r\n    input x: [4]\r\n    dense 3"
    assert holds(lines + end).startswith("net Net:\n    input x: [4]\n    dense 3\n")


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", "\ufeff", "\r\n", "    ", "\n  "])
def test_an_empty_file_stays_empty(text: str) -> None:
    assert printed(text) == ""


@pytest.mark.parametrize("text", ["# end", "  # end\n\n", "\r\n# end\r\n", "# end\n    "])
def test_a_file_of_comments(text: str) -> None:
    assert printed(text) == "# end\n"


def test_cost_is_linear() -> None:
    def seconds(lines: int) -> float:
        text = UGLY + "".join(f"  a{n}=dense {n} ->[{n}] #{n}\n" for n in range(lines))
        start = time.process_time()
        printed(text)
        return time.process_time() - start

    seconds(500)
    assert seconds(8000) < 16 * max(seconds(1000), 0.05)
