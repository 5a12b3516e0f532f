"""The grammars for editors and for Pygments colour every text as the parser reads it.

`pytest tests/test_editor_grammars.py --rewrite-goldens` writes grammar/net.tmLanguage.json anew.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path

import pytest
from compiling import REPOSITORY
from grammar_reading import GRAMMAR, check_pygments, check_textmate, rules, scoped
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments import highlight as colour
from pygments import token
from pygments.formatters import HtmlFormatter
from pygments.lexers import find_lexer_class_for_filename, get_lexer_by_name
from random_nets import nets
from rich.console import Console
from rich.syntax import Syntax

from netc.compiler import layers, recipes, training, words
from netc.grammar import textmate
from netc.highlight import TOKENS, NetLexer

PAGE = REPOSITORY / "docs" / "editors-and-ci.md"
PAGES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "tests" / "goldens").glob("*.md")),
]
_BLOCK = re.compile(r"^```net\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shipped() -> list[tuple[str, str]]:
    """Every spec of the repository, also those on pages, wrong ones among them: (place, text)."""
    folders = ("specs", "tests/nets", "tests/tour", "tests/found", "docs/examples")
    found = [
        (file.relative_to(REPOSITORY).as_posix(), file.read_text(encoding="utf-8"))
        for folder in folders
        for file in sorted((REPOSITORY / folder).glob("*.net"))
    ]
    for page in PAGES:
        for number, text in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8"))):
            found.append((f"{page.name}-{number}", text))
    return found


SPECS = shipped()
spec = pytest.mark.parametrize("text", [t for _, t in SPECS], ids=[place for place, _ in SPECS])


# -- agreement


def test_the_shipped_grammar_is_written_from_the_lark_grammar(
    pytestconfig: pytest.Config,
) -> None:
    if pytestconfig.getoption("--rewrite-goldens"):
        GRAMMAR.write_text(textmate.text(), encoding="utf-8")
    assert GRAMMAR.read_text(encoding="utf-8") == textmate.text()


@spec
def test_textmate_reads_a_spec_as_the_parser_does(text: str) -> None:
    check_textmate(text)


@spec
def test_pygments_reads_a_spec_as_the_parser_does(text: str) -> None:
    check_pygments(text)


@settings(max_examples=50, deadline=None)
@given(nets())
def test_random_nets_are_read_as_the_parser_does(text: str) -> None:
    check_textmate(text)
    check_pygments(text)


PIECES = st.sampled_from(
    [
        *"-*/<>=!.,:()[]\"#'{;é→\f 3x\t\n",
        "net", "input", "param x:", "share a =", "use ", "in", "int[", "->", "\n->", "\n# c\n  -> ",
        "1e-3", "3x3", "3x", "1.5.2", "1..2", "_", "as", "orange", "a.b", "x==1", "x = -1", "**",
        "//", '"text"', "train Net:", "loss mse", "conv 3",
    ]
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(nets(), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 8), PIECES), max_size=4))
def test_damaged_nets_are_read_up_to_where_the_parser_stops(
    text: str, cuts: list[tuple[int, int, str]]
) -> None:
    for place, width, piece in cuts:
        start = place % (len(text) + 1)
        text = text[:start] + piece + text[start + width :]
    check_textmate(text)
    check_pygments(text)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_loose_pieces_are_read_up_to_where_the_parser_stops(text: str) -> None:
    check_textmate(text)
    check_pygments(text)


@spec
def test_pygments_gives_the_text_back(text: str) -> None:
    kept = NetLexer(stripnl=False, ensurenl=False)
    assert "".join(part for _, part in kept.get_tokens(text)) == text


def test_line_ends_of_other_systems_are_no_errors() -> None:
    text = "net N:\r\n    input x: [4] # c\r\n\r\n    dense 3\r\n"
    parts = list(NetLexer().get_tokens_unprocessed(text))
    assert "".join(part for _, _, part in parts) == text
    assert token.Error not in {kind for _, kind, _ in parts}


# -- the words that mean something


def scope_of(word: str, line: str) -> str:
    """The scope of the last place of a word in a line."""
    found = [scope for part, scope in scoped(line) if line[part.start : part.end] == word]
    return found[-1].removesuffix(".net")


@pytest.mark.parametrize("word", layers.words())
def test_a_layer_is_a_function_where_it_is_called(word: str) -> None:
    for line in (f"    {word} 3", f"    x -> {word}", f"    y = {word}", f"    residual: {word} 3"):
        assert scope_of(word, line) == "support.function"
    assert scope_of(word, f"    conv 3, {word}=2") == "variable.parameter"
    assert scope_of(word, f"    loss mse p.{word}") == "variable.other.member"
    assert scope_of(word, f"    input {word}: [3]") == "variable.other"
    assert scope_of(f"{word}1", f"    {word}1") == "variable.other"


@pytest.mark.parametrize("word", words.STRUCTURE)
def test_a_word_that_opens_a_block_is_a_keyword(word: str) -> None:
    for line in (f"    {word}:", f"    a = {word} 3 as i:", f"    {word} size=a > 1:"):
        assert scope_of(word, line) == "keyword.control"
    assert scope_of(word, f"    conv {word}") == "variable.other"


@pytest.mark.parametrize("word", ["train", "tune", *training.CLAUSES, *training.LATER])
def test_a_clause_is_a_keyword_where_it_says_something(word: str) -> None:
    assert scope_of(word, f"    {word} 3, a=4") == "keyword.other"
    assert scope_of(word, f"    {word} x") == "keyword.other"
    assert scope_of(word, f"    epochs 3, {word}=4") == "variable.parameter"
    assert scope_of(word, f"    x -> {word}") == "variable.other"


@pytest.mark.parametrize("role", recipes.roles())
def test_a_choice_is_known_after_its_role(role: str) -> None:
    for word in recipes.words(role):
        assert scope_of(word, f"    {role} {word}, a=1") == "support.class"
        assert scope_of(word, f"    x -> {word}") == "variable.other"


@pytest.mark.parametrize(
    "word, line, scope",
    [
        ("net", "net Net(n=3):", "storage.type.definition"),
        ("Net", "net Net(n=3):", "entity.name.type"),
        ("Block", "block Block:", "entity.name.type"),
        ("Net", "train Net:", "entity.name.type"),
        ("use", 'use "blocks.net": Block', "keyword.control.import"),
        ("input", "    input x: int[T]", "storage.modifier"),
        ("int", "    input x: int[T]", "storage.type.dtype"),
        ("share", "    share twin = dense 3", "storage.modifier"),
        ("output", "    output a = x -> dense 3", "storage.modifier"),
        ("yes", "    dense 3, bias=yes", "constant.language"),
        ("in", "    x = in", "variable.language"),
        ("out", "    (x, out) -> concat", "variable.language"),
        ("if", "    conv 3 if a else b", "keyword.control"),
        ("and", "    expect a and b", "keyword.operator.word"),
        ("->", "    conv 3 -> relu", "keyword.operator.arrow"),
        ("->", "    -> relu", "keyword.operator.arrow"),
        ("..", "    search lr, 1e-4..1e-1", "keyword.operator.range"),
        ("1e-4", "    search lr, 1e-4..1e-1", "constant.numeric"),
        ("3x3", "    conv 3, 3x3", "constant.numeric.sizes"),
        ("channels", "    conv in.channels", "variable.other.member"),
        ("-", "    transpose -1, 2", "keyword.operator.arithmetic"),
        ("61_706", "    expect params == 61_706", "constant.numeric"),
        ('"', '    data text "open', "invalid.illegal"),
        ("'", "    data text 'it'", "invalid.illegal"),
        ("12px", "    dense 12px", "invalid.illegal"),
    ],
)
def test_words_by_their_place(word: str, line: str, scope: str) -> None:
    assert scope_of(word, line) == scope


# -- fit for editors and for pages


def test_the_grammar_has_what_editors_ask_for() -> None:
    grammar = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    assert (grammar["scopeName"], grammar["fileTypes"]) == ("source.net", ["net"])
    assert {key for rule in grammar["patterns"] for key in rule} == {"comment", "match", "name"}
    assert all(rule.get("name", ".net").endswith(".net") for rule in grammar["patterns"])


def test_patterns_keep_to_what_oniguruma_and_python_read_alike() -> None:
    """Groups, classes and escapes that mean the same in both; nothing looks over a line's end."""
    for pattern, _, _ in rules():
        text = pattern.pattern
        assert not re.search(r"\((?:\?(?!:|=|!|<=|<!)|\*)", text), text
        assert set(re.findall(r"\\([A-Za-z0-9])", text)) <= set("wdsnt"), text
        assert not re.search(r"(?<!\\)\[[^\]]*?(?<!\\)\[|&&|[+*?}][+]", text), text
        assert "$" not in text
        assert not pattern.match(""), "a rule that matches nothing stops an editor"


def test_pygments_and_rich_find_the_lexer() -> None:
    (found,) = entry_points(group="pygments.lexers", name="netc")
    assert found.load() is NetLexer
    assert isinstance(get_lexer_by_name("net"), NetLexer)
    assert find_lexer_class_for_filename("some.net") is NetLexer
    assert Syntax.guess_lexer("some.net") == "net"


def test_each_scope_has_a_kind_of_text_and_each_kind_a_scope() -> None:
    known = {scope.removesuffix(".net") for _, scope, _ in rules()}
    for beginning in TOKENS:
        assert any(scope == beginning or scope.startswith(beginning + ".") for scope in known)
    NetLexer().get_tokens("")


LENET = REPOSITORY / "specs" / "lenet5.net"


def test_a_page_colours_a_spec() -> None:
    page = colour(LENET.read_text("utf-8"), NetLexer(), HtmlFormatter())
    assert '<span class="nb">conv</span>' in page
    assert '<span class="nc">LeNet5</span>' in page
    assert '<span class="m">5x5</span>' in page
    assert 'class="err"' not in page


def test_rich_colours_a_spec() -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, color_system="truecolor", width=200)
    console.print(Syntax.from_path(str(LENET), theme="default"))
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", screen.getvalue()).split("\n")]
    assert (
        lines[: len(LENET.read_text("utf-8").splitlines())] == LENET.read_text("utf-8").splitlines()
    )
    assert re.search(r"\x1b\[[\d;]*mconv\x1b\[", screen.getvalue())


def test_the_command_of_pygments_colours_a_spec() -> None:
    command = [sys.executable, "-m", "pygments", "-l", "net", "-f", "html", str(LENET)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert '<span class="kd">net</span>' in done.stdout


def test_the_lexer_needs_neither_parser_nor_layers() -> None:
    """Pygments loads every lexer of an environment to find one for a file: this one is light."""
    code = (
        "import sys, netc.highlight as h; list(h.NetLexer().get_tokens('net N:'));"
        "print([m for m in ('lark', 'pydantic', 'torch', 'click') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_page_shows_an_extension_that_fits_the_grammar() -> None:
    page = PAGE.read_text(encoding="utf-8")
    package, configuration = map(
        json.loads, re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    )
    contributes = package["contributes"]
    (language,), (grammar,) = contributes["languages"], contributes["grammars"]
    shipped = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    assert language["id"] == grammar["language"]
    assert [f".{ending}" for ending in shipped["fileTypes"]] == language["extensions"]
    assert grammar["scopeName"] == shipped["scopeName"]
    assert grammar["path"] == f"./{GRAMMAR.name}"
    assert language["configuration"].removeprefix("./") in page.split("```text")[1]
    indents = re.compile(configuration["onEnterRules"][0]["beforeText"])
    assert indents.search("    residual:  # twice")
    assert not indents.search("    input x: [3]") and not indents.search("# Source:")


def test_the_installed_package_has_the_grammar_where_the_page_says() -> None:
    code = "import netc.grammar as g; print(g.__path__[0])"
    assert f'python -c "{code}"' in PAGE.read_text("utf-8")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (Path(done.stdout.strip()) / GRAMMAR.name).read_text("utf-8") == GRAMMAR.read_text(
        "utf-8"
    )
