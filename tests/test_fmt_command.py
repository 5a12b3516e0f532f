"""`netc fmt` as a command: which files it writes, what it prints, its exit status."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import command_line
import pytest
from click.testing import Result
from compiling import REPOSITORY
from fmt_pages import PRETTY, UGLY

WRONG = "net Net:\n    input x: [4]\n    dense )\n"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def fmt(*arguments: str, text: str | bytes | None = None) -> Result:
    return command_line.netc("fmt", *arguments, text=text)


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
        assert command_line.netc(*arguments, "a.net").exit_code == 0
    assert content("a") == PRETTY
