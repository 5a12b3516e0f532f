"""`netc explain` as a command: what it takes, prints and refuses."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from command_line import netc
from compiling import REPOSITORY

from netc import explaining

LENET = "specs/lenet5.net"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Specs are named as a reader at the root would."""
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("con1", "no layer here is called `con1`: did you mean `conv1`?"),
        ("14", f"line 14 of {LENET} makes no layer; the nearest that does is line 12"),
        ("9" * 5000, f"no layer here is called `{'9' * 5000}`"),
        ("²", "no layer here is called `²`"),
        ("0", f"line 0 of {LENET} makes no layer; the nearest that does is line 5"),
    ],
)
def test_a_miss_names_what_is_near(layer: str, message: str) -> None:
    missed = netc("explain", LENET, layer)
    assert (missed.exit_code, missed.stdout) == (2, "")
    assert missed.stderr.startswith(f"Error: {message}")
    assert missed.stderr.count("\n") == 1


def test_a_code_takes_no_layer() -> None:
    wrong = netc("explain", "E0301", "conv1")
    assert wrong.exit_code == 2
    assert "leave LAYER out" in wrong.stderr


def test_a_false_claim_is_said_beside_the_explanation() -> None:
    text = "net N:\n    input x: [4]\n    dense 3\n    expect params == 16\n"
    told = netc("explain", "-", "dense1", text=text)
    assert told.exit_code == 1
    assert "(4 + 1)·3 = 15" in told.stdout
    assert "E0502" in told.stderr or "E0501" in told.stderr


def test_a_spec_with_errors_is_not_explained() -> None:
    wrong = netc("explain", "-", text="net N:\n    input x: [4]\n    dens 3\n")
    assert wrong.exit_code == 1
    assert wrong.stdout == ""
    assert "E0201" in wrong.stderr


def test_a_file_that_is_not_there_is_one_line() -> None:
    assert (
        netc("explain", "nowhere.net").stderr == "Error: nowhere.net: No such file or directory\n"
    )


TWO = "net A:\n    input x: [4]\n    dense 3\n\nnet B:\n    input x: [5]\n    dense 2\n"


def test_nets_of_a_file_are_told_one_after_the_other_or_by_name() -> None:
    both = netc("explain", "-", text=TWO).output
    assert [line for line in both.splitlines() if " takes x " in line] == [
        "A takes x [4].",
        "B takes x [5].",
    ]
    assert "A takes" not in netc("explain", "-", "--net", "B", text=TWO).output
    assert "(5 + 1)·2 = 12" in netc("explain", "-", "dense1", "--net", "B", text=TWO).output


def keys_of(content: Any, before: str = "") -> set[str]:
    if isinstance(content, dict) and not before.endswith("letters"):
        return set().union(
            *(keys_of(v, f"{before}.{key}" if before else key) for key, v in content.items())
        )
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return set().union(*(keys_of(one, f"{before}[]") for one in content))
    return {before + "[]" if isinstance(content, list) and before.endswith("lecture") else before}


def test_on_a_terminal_lines_are_broken_at_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "width_of", lambda stream: 72)
    told = netc("explain", "specs/resnet50.net").stdout.splitlines()
    assert max(map(len, told)) <= 72
    assert "    layer1.0.conv1 looks at 1 × 1 windows of the 64-channel 56 × 56" in told


def test_json_is_as_documented() -> None:
    page = (REPOSITORY / "docs" / "json.md").read_text("utf-8")
    section = page.split("## `netc explain --json`")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    layer = json.loads(netc("explain", LENET, "conv1", "--json").stdout)
    whole = json.loads(netc("explain", LENET, "--json").stdout)
    report = json.loads(netc("report", LENET, "--json").stdout)
    (shown,) = layer["nets"][0]["layers"]
    letters = shown.pop("letters")
    assert letters["k"] == "kernel"
    assert shown == report["nets"][0]["layers"][0]
    assert whole["nets"][0]["lecture"] == netc("explain", LENET).stdout.splitlines()
    found = keys_of(whole) | {key for key in keys_of(layer) if ".layers[]" not in key}
    assert found | {"nets[].layers[]", "nets[].layers[].letters"} == documented - {"code", "page"}
