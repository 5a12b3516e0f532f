"""`netc fmt`: form and nothing else. The tree and the comments are those that went in."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from compiling import REPOSITORY, TESTS
from fmt_pages import Case, cases, printed, rewrite
from hypothesis import given
from hypothesis import strategies as st
from mangling import mangled
from msgspec import Struct
from random_nets import nets
from test_never_raises import mutated, relaxed

from netc.cli import main
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
UGLY = "net  Net :\n  input x:[4]\n  dense 3# three\n"
PRETTY = "net Net:\n    input x: [4]\n    dense 3  # three\n"
WRONG = "net Net:\n    input x: [4]\n    dense )\n"


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


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", "\ufeff", "\r\n"])
def test_an_empty_file_stays_empty(text: str) -> None:
    assert printed(text) == ""


@pytest.mark.parametrize("text", ["# end", "  # end\n\n", "\r\n# end\r\n"])
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


# -- the command


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def fmt(*arguments: str, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["fmt", *arguments], input=text, catch_exceptions=False)


def write(**files: str | bytes) -> None:
    for name, text in files.items():
        data = text.encode() if isinstance(text, str) else text
        Path(f"{name}.net").write_bytes(data)


def content(name: str) -> str:
    return Path(f"{name}.net").read_bytes().decode()


def test_files_are_rewritten_and_counted() -> None:
    write(a=UGLY, b=PRETTY, c=UGLY)
    done = fmt("a.net", "b.net", "c.net")
    assert (done.exit_code, done.stdout) == (0, "2 files formatted, 1 left unchanged\n")
    assert content("a") == content("c") == PRETTY
    assert fmt("a.net").stdout == "1 file left unchanged\n"


def test_a_file_in_form_is_not_touched() -> None:
    write(a=PRETTY)
    before = Path("a.net").stat()
    fmt("a.net")
    after = Path("a.net").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_mode_and_links_stay() -> None:
    write(a=UGLY)
    Path("a.net").chmod(0o640)
    Path("link.net").symlink_to("a.net")
    assert fmt("link.net").exit_code == 0
    assert Path("link.net").is_symlink()
    assert content("a") == PRETTY
    assert stat.S_IMODE(Path("a.net").stat().st_mode) == 0o640


def test_check_lists_and_writes_nothing() -> None:
    write(a=UGLY, b=PRETTY)
    done = fmt("--check", "a.net", "b.net")
    assert (done.exit_code, done.stdout) == (1, "a.net\n")
    assert done.stderr == "1 file to format, 1 in form\n"
    assert content("a") == UGLY
    assert (fmt("--check", "b.net").exit_code, fmt("--check", "b.net").stdout) == (0, "")


def test_diff_is_one_that_patch_takes() -> None:
    write(a=UGLY.rstrip("\n"), b=PRETTY)
    done = fmt("--diff", "a.net", "b.net")
    assert done.exit_code == 1
    assert content("a") == UGLY.rstrip("\n")
    assert done.stdout == (
        "--- a.net\n+++ a.net\n@@ -1,3 +1,3 @@\n-net  Net :\n-  input x:[4]\n-  dense 3# three\n"
        "\\ No newline at end of file\n+net Net:\n+    input x: [4]\n+    dense 3  # three\n"
    )
    command = ["patch", "--quiet", "a.net"]
    subprocess.run(command, input=done.stdout, text=True, check=True, timeout=60)
    assert content("a") == PRETTY


def test_standard_input_goes_to_standard_output() -> None:
    done = fmt("-", text=UGLY)
    assert (done.exit_code, done.stdout, done.stderr) == (0, PRETTY, "")
    checked = fmt("--check", "-", text=UGLY)
    assert (checked.exit_code, checked.stdout) == (1, "<stdin>\n")
    assert fmt("--diff", "-", text=PRETTY).stdout == ""


def test_standard_output_is_utf8_whatever_the_terminal() -> None:
    command = [sys.executable, "-m", "netc", "fmt", "-"]
    environment = {"PATH": "", "PYTHONIOENCODING": "ascii", "HOME": str(Path.cwd())}
    done = subprocess.run(
        command, input="# ⌊é⌋\n".encode(), capture_output=True, env=environment, check=True
    )
    assert done.stdout == "# ⌊é⌋\n".encode()


def test_a_file_with_syntax_errors_is_left_alone() -> None:
    write(a=UGLY, b=WRONG)
    done = fmt("a.net", "b.net")
    assert done.exit_code == 2
    assert "error[E0101]" in done.stderr
    assert "b.net:3:11" in done.stderr
    assert done.stdout == "1 file formatted, 1 with errors\n"
    assert (content("a"), content("b")) == (PRETTY, WRONG)
    failed = fmt("-", text=WRONG)
    assert (failed.exit_code, failed.stdout) == (2, "")


def test_a_spec_that_does_not_compile_is_formatted_all_the_same() -> None:
    write(a="net Net:\n    dens   4->[ 3]\n")
    assert fmt("a.net").exit_code == 0
    assert content("a") == "net Net:\n    dens 4                       -> [3]\n"


def test_line_ends_become_line_feeds_and_the_byte_order_mark_goes() -> None:
    write(a="\ufeff" + PRETTY.replace("\n", "\r\n"))
    assert fmt("a.net").stdout == "1 file formatted\n"
    assert Path("a.net").read_bytes() == PRETTY.encode()


@pytest.mark.parametrize("data", [b"net N\xff:\n", "net N:\n".encode("utf-16"), b"net N\0:\n"])
def test_what_is_not_utf8_text_is_refused(data: bytes) -> None:
    write(a=data)
    done = fmt("a.net")
    assert done.exit_code == 2
    assert "a.net:1:" in done.stderr
    assert Path("a.net").read_bytes() == data


def test_a_folder_stands_for_its_specs() -> None:
    for folder in ("nets", "nets/deep", "nets/.hidden", "empty"):
        Path(folder).mkdir()
        Path(folder, "spec.net" if folder != "empty" else "notes.txt").write_text(UGLY)
    done = fmt("--check", "nets")
    assert done.stdout.split() == ["nets/deep/spec.net", "nets/spec.net"]
    none = fmt("empty")
    assert (none.exit_code, none.stderr) == (
        2,
        "Error: empty: there is no `.net` file in this folder\n",
    )


def test_a_missing_file_hides_no_other() -> None:
    write(a=UGLY)
    done = fmt("none.net", "a.net")
    assert done.exit_code == 2
    assert done.stderr == "Error: none.net: No such file or directory\n"
    assert content("a") == PRETTY


def test_json_says_what_became_of_each_file() -> None:
    write(a=UGLY, b=PRETTY, c=WRONG)
    names = ("a.net", "b.net", "c.net", "none.net")
    for options in (["--check"], ["--diff"], ["--check", "--diff"], []):
        plain, done = fmt(*options, *names) if options else None, fmt(*options, *names, "--json")
        assert (done.exit_code, done.stderr) == (2, "")
        a, b, c, none = json.loads(done.stdout)["files"]
        assert [one["file"] for one in (a, b, c, none)] == list(names)
        assert [one["changed"] for one in (a, b, c, none)] == [True, False, None, None]
        assert [one["written"] for one in (a, b, c, none)] == [not options, False, False, False]
        assert [one["code"] for one in c["diagnostics"]] == ["E0101"]
        assert none["error"] == "none.net: No such file or directory"
        if "--diff" in options:
            assert plain is not None
            assert a["diff"] == plain.stdout
        assert [one["diff"] for one in (b, c, none)] == [None] * 3
        assert content("a") == (UGLY if options else PRETTY)
    assert fmt("--json", "--check", "a.net", "b.net").exit_code == 0


def test_json_of_standard_input_holds_its_text() -> None:
    done = fmt("-", "--json", text=UGLY)
    (one,) = json.loads(done.stdout)["files"]
    assert (done.exit_code, one["file"], one["text"]) == (0, "<stdin>", PRETTY)
    assert (one["changed"], one["written"]) == (True, False)
    checked = fmt("-", "--json", "--check", text=UGLY)
    assert (checked.exit_code, json.loads(checked.stdout)["files"][0]["text"]) == (1, None)


def test_without_files_there_is_nothing_to_do() -> None:
    done = fmt()
    assert done.exit_code == 2
    assert "Missing argument" in done.stderr


def test_a_file_that_would_read_differently_is_left_alone() -> None:
    text = "net Net:\n    relu ->input a: relu\n"
    write(a=text)
    done = fmt("a.net")
    assert (done.exit_code, content("a")) == (2, text)
    assert done.stderr.startswith("Error: a.net: left alone")


# -- the hooks


def test_hooks_run_the_commands_on_specs() -> None:
    text = (REPOSITORY / ".pre-commit-hooks.yaml").read_text("utf-8")
    hooks = [
        dict(re.findall(r"(\w+): (.+)", hook)) for hook in re.split(r"^- ", text, flags=re.M)[1:]
    ]
    assert [hook["id"] for hook in hooks] == ["netc-check", "netc-fmt"]
    write(a=UGLY)
    for hook in hooks:
        assert re.search(hook["files"], "specs/a.net")
        assert not re.search(hook["files"], "a.network")
        program, *arguments = hook["entry"].split()
        assert (program, hook["language"]) == ("netc", "python")
        assert CliRunner().invoke(main, [*arguments, "a.net"]).exit_code == 0
    assert content("a") == PRETTY
