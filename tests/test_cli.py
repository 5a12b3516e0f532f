"""The command line: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import DIGITS, netc, process, written
from compiling import REPOSITORY

from netc.start import UNWRITTEN

LENET = str(REPOSITORY / "specs" / "lenet5.net")
GOOD = "net Net(classes=3):\n    input x: [4]\n    dense classes\n    expect params <= 100\n"
BAD = "net Net:\n    input x: [4]\n    dens 3\n"
FALSE = "net Net:\n    input x: [4]\n    dense 3\n    expect params == 16\n"
WARNED = "net Net:\n    input x: [4]\n    dense 8 -> dropout 0.1 -> dense 3\n"
TWO = "net A:\n    input x: [4]\n    dense 3\n\nnet B:\n    input x: [4]\n    dense 2\n"
SYMBOLIC = "net Net:\n    input x: [3, H, W]\n    conv 8, 3x3\n    expect macs <= 1e9\n"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


# -- check


@pytest.mark.parametrize(
    ("text", "status"), [(GOOD, 0), (WARNED, 0), (TWO, 0), ("", 1), (BAD, 1), (FALSE, 1), ("(", 1)]
)
def test_check_ends_with_1_if_there_are_errors(text: str, status: int) -> None:
    file = written(text)
    assert netc("check", file).exit_code == status
    assert netc("check", file, "--json").exit_code == status


def test_check_shows_place_line_and_hint() -> None:
    shown = netc("check", written(BAD)).output
    for part in ("error[E0201]", "spec.net:3:5", "    dens 3", "did you mean `dense`?", "1 error"):
        assert part in shown


def test_check_as_json_is_findings_only() -> None:
    found = json.loads(netc("check", written(BAD), "--json").output)
    assert list(found) == ["diagnostics"]
    assert found["diagnostics"][0] == {
        "code": "E0201",
        "severity": "error",
        "message": "there is no layer, block or value called `dens`",
        "hint": "did you mean `dense`?",
        "file": "spec.net",
        "line": 3,
        "column": 5,
        "end_line": 3,
        "end_column": 9,
        "labels": [],
        "edits": [
            {
                "text": "dense",
                "file": "spec.net",
                "line": 3,
                "column": 5,
                "end_line": 3,
                "end_column": 9,
            }
        ],
        "safe": True,
    }
    assert json.loads(netc("check", written(GOOD), "--json").output) == {"diagnostics": []}


def test_check_takes_several_files_and_reports_all() -> None:
    result = netc("check", written(BAD, "a.net"), written(GOOD, "b.net"), written(FALSE, "c.net"))
    assert result.exit_code == 1
    assert "a.net:3" in result.output
    assert "c.net:4" in result.output


def test_a_file_that_is_missing_does_not_hide_the_others() -> None:
    result = netc("check", "missing.net", written(BAD))
    assert result.exit_code != 0
    assert "missing.net" in result.output + result.stderr
    assert "spec.net:3" in result.output + result.stderr


def test_programs_are_told_of_a_file_that_is_missing() -> None:
    result = netc("check", "missing.net", written(BAD), "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    missing, wrong = json.loads(result.stdout)["diagnostics"]
    assert (missing["code"], missing["file"], missing["line"]) == ("E0111", "missing.net", 1)
    assert missing["message"] == "this file cannot be read: No such file or directory"
    assert wrong["code"] == "E0201"
    shown = netc("check", "missing.net", "--format=github").stdout
    assert shown.startswith("::error file=missing.net,line=1,col=1,")


@pytest.mark.parametrize("command", ["check", "report", "build"])
def test_standard_input_is_a_file_called_minus(command: str) -> None:
    assert netc(command, "-", text=GOOD).exit_code == 0
    result = netc(command, "-", text=BAD)
    assert result.exit_code == 1
    assert "<stdin>:3:5" in result.output + result.stderr


@pytest.mark.parametrize("command", ["check", "report", "build", "train"])
@pytest.mark.parametrize("kind", ["missing", "folder", "bytes", "zeros", "stdin", "unreadable"])
def test_files_that_cannot_be_read_are_one_line(command: str, kind: str) -> None:
    name, text = "odd.net", None
    if kind == "folder":
        Path(name).mkdir()
    elif kind == "bytes":
        Path(name).write_bytes(b"net \xff\xfe")
    elif kind == "zeros":
        Path(name).write_bytes(b"net N:\n\0")
    elif kind == "stdin":
        name, text = "-", b"net \xff"
    elif kind == "unreadable":
        Path(name).symlink_to(name)  # a link to itself: root too cannot read it
    result = netc(command, name, text=text)
    assert result.exit_code in (1, 2)
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) <= 4
    if command == "check" and kind in ("bytes", "zeros", "stdin"):  # a place in the file is known
        assert "error[E0109]" in result.output
    else:
        assert result.stderr


# -- report


def test_report_is_a_table_with_totals_and_claims() -> None:
    shown = netc("report", LENET).output
    for part in ("61,706", "conv1", "✓ params == 61_706", "MACs", "FLOPs", "receptive field"):
        assert part in shown


def test_report_as_json_has_every_net() -> None:
    found = json.loads(netc("report", written(TWO), "--json").output)
    assert [net["name"] for net in found["nets"]] == ["A", "B"]
    found = json.loads(netc("report", written(TWO), "--json", "--net", "B").output)
    assert [net["name"] for net in found["nets"]] == ["B"]


def test_findings_of_report_and_build_go_to_standard_error() -> None:
    result = netc("report", written(WARNED), "--json")
    json.loads(result.stdout)
    assert "W0302" in result.stderr
    result = netc("build", written(WARNED))
    compile(result.stdout, "built", "exec")
    assert "W0302" in result.stderr


def test_a_false_claim_is_shown_with_the_report() -> None:
    result = netc("report", written(FALSE))
    assert result.exit_code == 1
    assert "✗ params == 16" in result.stdout
    assert "E0502" in result.stderr


@pytest.mark.parametrize(
    ("values", "params"), [(["classes=100"], 500), (["classes=1_0"], 50), ([], 15)]
)
def test_set_gives_parameters(values: list[str], params: int) -> None:
    options = [part for value in values for part in ("--set", value)]
    result = netc("report", written(GOOD), "--json", *options)
    assert json.loads(result.stdout)["nets"][0]["params"]["total"] == params


def test_set_gives_sizes_of_inputs() -> None:
    file = written(SYMBOLIC)
    assert netc("report", file).exit_code == 1  # a claim that cannot be judged is not passed over
    result = netc("report", file, "--set", "H=10", "--set", "W=12", "--json")
    (net,) = json.loads(result.stdout)["nets"]
    assert net["outputs"][0]["shape"] == [8, 8, 10]
    assert net["claims"] == [{"line": 4, "text": "macs <= 1e9", "holds": True}]


@pytest.mark.parametrize(
    "value",
    ["clases=3", "classes", "=3", "classes=", "classes=abc", "classes=-1", "classes=0",
     "classes=3.5", "classes=1e400", "classes=nan", f"classes={'9' * 5000}",
     "classes=3x3", "1a=3", "classes=yes"],
)  # fmt: skip
def test_set_that_makes_no_sense_is_refused(value: str) -> None:
    result = netc("report", written(GOOD), "--set", value)
    assert result.exit_code in (1, 2)
    assert result.stderr


@pytest.mark.parametrize("value", ["H=0", "H=-3", "H=2", "H=a", "H=1.5", "H=yes", "H=3x3"])
def test_sizes_that_make_no_sense_are_refused(value: str) -> None:
    result = netc("report", written(SYMBOLIC), "--set", value, "--set", "W=9")
    assert result.exit_code == 1


def test_a_net_that_is_not_there_is_refused() -> None:
    for command in ("report", "build"):
        assert netc(command, written(TWO), "--net", "C").exit_code == 2
    assert netc("build", written(TWO)).exit_code == 2
    for command in ("report", "build"):
        assert netc(command, written("block B:\n    relu\n"), "--net", "C").exit_code == 2
    assert netc("report", written("block B:\n    relu\n")).exit_code == 0


# -- build


def test_build_writes_a_file_or_prints() -> None:
    assert netc("build", LENET, "-o", "model.py").exit_code == 0
    printed = netc("build", LENET).stdout
    assert Path("model.py").read_text(encoding="utf-8") == printed
    compile(printed, "model.py", "exec")


def test_build_replaces_a_file_whole_and_keeps_its_mode() -> None:
    Path("model.py").write_text("old")
    Path("model.py").chmod(0o640)
    assert netc("build", LENET, "-o", "model.py").exit_code == 0
    assert "class LeNet5" in Path("model.py").read_text(encoding="utf-8")
    assert stat.S_IMODE(Path("model.py").stat().st_mode) == 0o640
    assert [file.name for file in Path().iterdir()] == ["model.py"]


def test_build_of_a_bad_spec_leaves_the_file_alone() -> None:
    Path("model.py").write_text("old")
    assert netc("build", written(BAD), "-o", "model.py").exit_code == 1
    assert netc("build", written(FALSE), "-o", "model.py").exit_code in (0, 1)
    assert Path("model.py").exists()


@pytest.mark.parametrize("target", ["no/such/folder/model.py", ".", "file/model.py"])
def test_a_place_that_cannot_be_written_is_one_line(target: str) -> None:
    Path("file").write_text("")
    result = netc("build", LENET, "-o", target)
    assert result.exit_code in (1, 2)
    assert "Traceback" not in result.output
    assert result.stderr


# -- real processes


@pytest.mark.parametrize("arguments", [["check"], ["report"], ["report", "--json"], ["build"]])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str]) -> None:
    big = "net Net:\n    input x: [4]\n" + "    dense 4 -> relu\n" * 3000
    file = written(big if arguments != ["check"] else big.replace("dense 4", "dens 4"))
    command = [sys.executable, "-m", "netc", arguments[0], file, *arguments[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read().decode()
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


WRITING = [
    ["check", "spec.net"], ["check", "--json", "spec.net"], ["report", "spec.net"],
    ["report", "--json", "spec.net"], ["explain", "spec.net"], ["explain", "E0301"],
    ["build", "spec.net"], ["fmt", "--json", "spec.net"], ["view", "spec.net"],
    ["compare", "spec.net"], ["convert", "fc2conv", "spec.net"], ["--help"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", WRITING, ids=" ".join)
def test_a_full_disk_is_no_bug(arguments: list[str]) -> None:
    written(DIGITS)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "netc", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == UNWRITTEN
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("arguments", WRITING, ids=" ".join)
def test_a_closed_output_is_said(arguments: list[str]) -> None:
    written(DIGITS)
    command = f"{shlex.join([sys.executable, '-m', 'netc', *arguments])} >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == UNWRITTEN
    assert done.stderr == "Error: the output cannot be written: standard output is closed\n"


@pytest.mark.parametrize("command", [["build"], ["view"], ["convert", "fc2conv"]], ids=" ".join)
def test_a_file_that_cannot_be_written_is_named(command: list[str]) -> None:
    """And not the file beside it, which is moved there when it is whole."""
    done = netc(*command, LENET, "-o", "none/net.out")
    assert done.exit_code == 1
    assert done.stderr == "Error: none/net.out: No such file or directory\n"


@pytest.mark.parametrize("words", ["check -", "check --json -", "report -", "train -", "fmt -"])
def test_a_closed_input_is_said(words: str) -> None:
    command = f"{shlex.join([sys.executable, '-m', 'netc', *words.split()])} <&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == (2 if words.startswith("fmt") else 1)
    assert "standard input is closed" in done.stdout + done.stderr


def test_closed_errors_stop_nothing() -> None:
    command = f"{shlex.join([sys.executable, '-m', 'netc', 'check', 'none.net'])} 2>&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_check_takes_folders_plainly_and_by_click() -> None:
    for folder in ("nets", "nets/deep", "nets/.hidden", "empty"):
        Path(folder).mkdir(parents=True)
    for name in ("nets/b.net", "nets/deep/a.net", "nets/.hidden/c.net"):
        written(BAD, name)
    plain = process("check", "nets")
    assert plain.stdout == netc("check", "nets").stdout
    found = [name for name in ("b.net", "deep/a.net", "c.net") if f"nets/{name}:" in plain.stdout]
    assert found == ["b.net", "deep/a.net"]
    assert plain.returncode == 1
    none = process("check", "empty")
    assert none.stderr == "Error: empty: there is no `.net` file in this folder\n"
    assert none.returncode == 1
    written(GOOD, "empty/good.net")
    assert process("check", "empty").stdout == "1 file checked: nothing to say\n"


def test_check_and_report_import_nothing_heavy() -> None:
    code = (
        "import sys\nfrom netc.cli import main\n"
        "try: main({arguments!r})\nexcept SystemExit: pass\n"
        "heavy = {{'torch', 'networkx', 'rich', 'jinja2', 'numpy', 'sklearn'}}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    for arguments in (["check", LENET], ["report", LENET], ["report", LENET, "--json"]):
        done = subprocess.run(
            [sys.executable, "-c", code.format(arguments=arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "HEAVY []" in done.stdout, done.stdout + done.stderr


def test_output_has_no_colours_outside_of_a_terminal() -> None:
    assert "\x1b" not in process("check", written(BAD)).stdout
    assert process("check", written(BAD)).returncode == 1


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_a_terminal_gets_colours_unless_it_asks_for_none(
    no_color: str | None, coloured: bool
) -> None:
    master, slave = os.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    if no_color is not None:
        environment["NO_COLOR"] = no_color
    command = [sys.executable, "-m", "netc", "check", written(BAD)]
    subprocess.run(command, stdout=slave, stderr=slave, env=environment, check=False)
    os.close(slave)
    assert ("\x1b[31m" in os.read(master, 65536).decode()) == coloured
    os.close(master)


def test_a_terminal_that_knows_ascii_only_gets_an_answer() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    for arguments in (["report", LENET], ["check", written(FALSE)], ["build", LENET]):
        done = process(*arguments, env=environment)
        assert "Traceback" not in done.stderr


def test_help_and_version_and_unknown_words() -> None:
    assert netc("--help").exit_code == 0
    assert netc("--version").exit_code == 0
    for command in ("check", "report", "build", "train"):
        assert netc(command, "--help").exit_code == 0
    assert netc("chek").exit_code == 2
    assert netc("check").exit_code == 2
    assert process("--version").returncode == 0
