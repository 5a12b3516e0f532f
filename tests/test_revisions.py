"""`REVISION:PATH` wherever a command takes a file, and what git itself shows of specs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKS = "block Unit(n):\n    conv n, 3x3 -> relu\n"
SPEC = 'use "../blocks.net": Unit\n\nnet N:\n    input x: [3, 8, 8]\n    Unit 4\n'


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    environment |= {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in
                    ("NAME", "EMAIL")}  # fmt: skip
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment)


def netc(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, "-m", "netc", *words)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A spec with a block of another file; since the commit both have changed."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "n.net").write_text(SPEC)
    (tmp_path / "blocks.net").write_text(BLOCKS)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        assert run(tmp_path, "git", *words).returncode == 0
    (tmp_path / "specs" / "n.net").write_text(SPEC.replace("Unit 4", "Unit 5"))
    (tmp_path / "blocks.net").write_text(BLOCKS.replace("3x3", "5x5"))
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "old", "new"),
    [
        (".", "HEAD:specs/n.net", "specs/n.net"),
        (".", "HEAD:specs/n.net:N", "specs/n.net:N"),
        ("specs", "HEAD:./n.net", "n.net"),
        ("specs", "HEAD:specs/n.net", "./n.net"),
    ],
)
def test_a_revision_is_read_with_the_files_that_it_uses(
    folder: str, old: str, new: str, repository: Path
) -> None:
    done = netc(repository / folder, "diff", old, new)
    assert (done.returncode, done.stderr) == (1, "")
    assert "filters 4 → 5; kernel 3 → 5" in done.stdout
    assert "parameters 112 → 380" in done.stdout
    same = netc(repository / folder, "diff", old, old)
    assert (same.returncode, same.stdout) == (0, "N: no difference\n")
    assert netc(repository / folder, "check", old.removesuffix(":N")).returncode == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HEAD:gone.net", "path 'gone.net' does not exist"),
        ("NO:specs/n.net", "invalid object name 'NO'"),
        ("HEAD:specs/", "this is a folder"),
        ("-x:specs/n.net", "No such file"),
    ],
)
def test_what_git_does_not_have_is_one_line(name: str, said: str, repository: Path) -> None:
    done = netc(repository, "report", "--", name)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_spec_cannot_reach_into_git_by_itself(repository: Path) -> None:
    (repository / "n.net").write_text(SPEC.replace("../blocks.net", "HEAD:blocks.net"))
    done = netc(repository, "check", "n.net")
    assert done.returncode == 1
    assert "`HEAD:blocks.net` cannot be read" in done.stdout


def test_a_file_with_a_colon_is_that_file(repository: Path) -> None:
    (repository / "HEAD:n.net").write_text("net M:\n    input x: [3]\n    dense 2\n")
    assert "M: x [3]" in netc(repository, "report", "HEAD:n.net").stdout


def test_a_pipe_is_read_once(repository: Path) -> None:
    (repository / "a.net").write_text("net A:\n    input x: [3]\n    dense 2\n")
    command = f"{sys.executable} -m netc diff a.net <(sed s/2/5/ a.net)"
    done = run(repository, "bash", "-c", command)
    assert (done.returncode, done.stderr) == (1, "")
    assert "units 2 → 5" in done.stdout


def test_gits_difftool_and_diff_show_nets(repository: Path) -> None:
    text = "net A:\n    input x: [3]\n    dense 2\n"
    (repository / "a.net").write_text(text)
    run(repository, "git", "add", "a.net")
    run(repository, "git", "commit", "-q", "-m", "two", "--", "a.net")
    (repository / "a.net").write_text(text.replace("2", "5"))
    tool = f"--extcmd={sys.executable} -m netc diff"
    done = run(repository, "git", "difftool", "--no-prompt", tool, "HEAD", "--", "a.net")
    assert "units 2 → 5" in done.stdout
    report = f"{sys.executable} -m netc report"
    shown = f'f() {{ {report} "$1" 2>/dev/null || cat "$1"; }}; f'
    run(repository, "git", "config", "diff.net.textconv", shown)
    (repository / ".gitattributes").write_text("*.net diff=net\n")
    done = run(repository, "git", "diff")
    assert (done.returncode, done.stderr) == (0, "")
    assert "+20 parameters" in done.stdout
    assert "-    Unit 4" in done.stdout, "a spec that does not compile there is shown as it is"
