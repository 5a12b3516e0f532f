"""`netc diff` and `netc compare`: what differs between nets is told once, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import netc
from compiling import REPOSITORY, net_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_nets import nets
from test_report import documented, keys_of

from netc.compiler.difference import Change, difference

LENET = (REPOSITORY / "specs" / "lenet5.net").read_text(encoding="utf-8")
BODY = LENET.split("    expect params")[0]


def changes(old: str, new: str) -> list[Change]:
    return list(difference(net_of(old).report(), net_of(new).report()).changes)


def told(old: str, new: str) -> list[str]:
    """Each change as `kind path: facts`."""
    return [
        f"{c.kind} {(c.new or c.old).path}: {'; '.join(map(str, c.facts))}"  # type: ignore[union-attr]
        for c in changes(old, new)
    ]


def lines(*body: str) -> str:
    return "net Net:\n    input x: [4, 8, 8]\n" + "".join(f"    {line}\n" for line in body)


@settings(max_examples=40, deadline=None)
@given(nets())
def test_a_net_does_not_differ_from_itself(text: str) -> None:
    again = text.replace("\n", "   # a remark\n").replace("net Net:", "net Other:")
    found = difference(net_of(text).report(), net_of(again).report())
    assert found.same


@settings(max_examples=40, deadline=None)
@given(nets(), nets())
def test_every_layer_is_told_at_most_once_and_counts_add_up(one: str, other: str) -> None:
    old, new = net_of(one).report(), net_of(other).report()
    found = difference(old, new)
    for rows, side in ((old.rows, "old"), (new.rows, "new")):
        told_of = [id(getattr(c, side)) for c in found.changes if getattr(c, side) is not None]
        assert len(told_of) == len(set(told_of))
        assert set(told_of) <= {id(row) for row in rows}
    came = sum(c.kind == "added" for c in found.changes)
    went = sum(c.kind == "gone" for c in found.changes)
    assert len(old.rows) + came - went == len(new.rows)
    change = sum(
        (c.new.params if c.new else 0) - (c.old.params if c.old else 0) for c in found.changes
    )
    assert change == new.params - old.params


@given(st.integers(0, 3), st.sampled_from(["relu", "conv 4, 1x1", "batch_norm"]))
@settings(deadline=None)
def test_a_layer_put_in_is_the_only_one_added(place: int, layer: str) -> None:
    body = ["conv 8, 3x3, pad=1", "tanh", "conv 8, 3x3, pad=1"]
    longer = [*body[:place], layer, *body[place:]]
    found = changes(lines(*body), lines(*longer))
    assert [c.kind for c in found if c.kind in ("added", "gone", "changed")] == ["added"]


def test_arguments_are_told_with_what_follows_from_them() -> None:
    new = BODY.replace("conv 6, 5x5", "conv 8, 5x5").replace("[6,", "[8,")
    assert told(BODY, new) == [
        "changed conv1: filters 6 → 8; output [6, 28, 28] → [8, 28, 28]; params 156 → 208; "
        "macs 117,600 → 156,800",
        "affected tanh: output [6, 28, 28] → [8, 28, 28]",
        "affected avg_pool: output [6, 14, 14] → [8, 14, 14]",
        "affected conv2: params 2,416 → 3,216; macs 240,000 → 320,000",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (["a = conv 4, 1x1"], ["b = conv 4, 1x1"], ["renamed b: name a → b"]),
        (["conv 4, 3x3"], ["conv 4, 3, stride=1"], []),
        (["conv 4, 3x3, pad=1"], ["conv 4, 3x3, pad=1 -> [4, 8, 8]"], []),
        (["relu"], ["tanh"], ["changed tanh: layer relu → tanh"]),
        (["relu"], ["batch_norm"], ["gone relu: ", "added batch_norm1: "]),
        (
            ["a = conv 4, 1x1", "b = relu", "(a, b) -> add"],
            ["a = conv 4, 1x1", "b = relu", "(b, a) -> add"],
            [],
        ),
        (
            ["a = conv 4, 1x1", "b = relu", "(a, b) -> concat"],
            ["a = conv 4, 1x1", "b = relu", "(b, a) -> concat"],
            ["changed concat: reads a → relu; reads relu → a"],
        ),
        (
            ["a = conv 4, 1x1", "b = relu", "(a, b) -> add"],
            ["a = conv 4, 1x1", "b = relu", "(x, b) -> add"],
            ["changed add: reads a → input x"],
        ),
        (
            ["a = conv 4, 1x1", "relu -> add a"],
            ["a = conv 4, 1x1", "relu -> add a, x"],
            ["changed add: reads relu, a → relu, a, input x"],
        ),
    ],
)
def test_what_counts_as_a_difference(old: list[str], new: list[str], expected: list[str]) -> None:
    assert told(lines(*old), lines(*new)) == expected


def test_a_lean_chain_is_compared_in_linear_time() -> None:
    chain = ["conv 4, 1x1"] * 4000
    other = ["relu", *chain[:2000], "tanh", *chain[2000:]]
    kinds = [c.kind for c in changes(lines(*chain), lines(*other))]
    assert kinds.count("added") == 2
    assert "gone" not in kinds


# -- the commands


@pytest.fixture
def other(tmp_path: Path) -> str:
    file = tmp_path / "other.net"
    file.write_text(LENET.replace("-> tanh", "-> relu").replace("dense 84", "f6 = dense 84"))
    return str(file)


def test_diff_shows_and_ends_with_1(other: str) -> None:
    lenet = str(REPOSITORY / "specs" / "lenet5.net")
    assert netc("diff", lenet, lenet).stdout == "LeNet5: no difference\n"
    assert netc("diff", lenet, lenet).exit_code == 0
    result = netc("diff", lenet, other)
    assert result.exit_code == 1
    assert "> f6 · dense 84: name dense2 → f6" in result.stdout
    assert "~ relu: layer tanh → relu" in result.stdout
    content = json.loads(netc("diff", lenet, other, "--json").stdout)
    assert content["format"] == 2
    (entry,) = content["nets"]
    assert entry["same"] is False
    assert {change["kind"] for change in entry["changes"]} == {"changed", "renamed"}


def test_diff_of_files_that_git_shows_as_empty(other: str) -> None:
    result = netc("diff", os_devnull := "/dev/null", other)
    assert result.exit_code == 1
    assert result.stdout == "net LeNet5 was added\n"
    assert netc("diff", other, os_devnull).stdout == "net LeNet5 is gone\n"


def test_nets_are_paired_by_name_or_named(tmp_path: Path) -> None:
    two = tmp_path / "two.net"
    two.write_text("net A:\n    input x: [4]\n    dense 3\nnet B:\n    input x: [4]\n    dense 5\n")
    swapped = tmp_path / "swapped.net"
    swapped.write_text(
        "net B:\n    input x: [4]\n    dense 5\nnet C:\n    input x: [4]\n    dense 3\n"
    )
    text = netc("diff", str(two), str(swapped)).stdout
    assert text == "net A is gone\n\nB: no difference\n\nnet C was added\n"
    named = netc("diff", f"{two}:A", f"{swapped}:C")
    assert named.stdout == "A → C: no difference\n"
    assert named.exit_code == 0
    wrong = netc("diff", f"{two}:X", str(swapped))
    assert wrong.exit_code == 2
    assert "no net `X` here; there is A, B" in wrong.stderr


def test_specs_with_errors_end_with_2(tmp_path: Path) -> None:
    bad = tmp_path / "bad.net"
    bad.write_text("net A:\n    input x: [4]\n    dence 3\n")
    for command in ("diff", "compare"):
        result = netc(command, str(bad), str(bad))
        assert result.exit_code == 2
        assert "E0201" in result.stderr
        assert netc(command, "missing.net", "missing.net").exit_code == 1


@pytest.mark.covers("CV17")
def test_compare_shows_totals_side_by_side(tmp_path: Path) -> None:
    file = tmp_path / "kernels.net"
    line = "    conv 64, {k}x{k}, pad={p}, bias=no\n"
    three = line.format(k=3, p=1)
    seven = line.format(k=7, p=3)
    head = "    input x: [64, 32, 32]\n"
    file.write_text(f"net Small:\n{head}{three * 3}net Large:\n{head}{seven}")
    content = json.loads(netc("compare", str(file), "--json").stdout)
    params = {one["name"]: one["params"]["total"] for one in content["nets"]}
    assert params == {"Small": 110_592, "Large": 200_704}
    fields = {one["name"]: one["receptive_field"] for one in content["nets"]}
    assert fields == {"Small": [7, 7], "Large": [7, 7]}
    text = netc("compare", str(file)).stdout
    assert "110,592" in text and "200,704" in text and "1.81" in text
    assert netc("compare", f"{file}:Small").exit_code == 0


def test_sizes_with_names_read_as_in_a_report() -> None:
    """Long sums stand below the table, and are not told of each layer; JSON has them all."""
    files = [
        str(REPOSITORY / "specs" / "vision" / f"{name}.net") for name in ("unet", "unet_paper")
    ]
    shown = netc("diff", *files).stdout
    assert "MACs 576·H·W → 576·H·W − 1,152·H − 1,152·W + 2,304\n" in shown
    assert "[128, ⌊H/2⌋ − 4, ⌊W/2⌋ − 4]; other MACs\n" in shown
    assert "\nMACs\n  old: 733,888·H·W\n  new: 733,888·H·W − 90,947,712·H" in shown
    assert "*" not in shown.replace("2*width", "")
    (entry,) = json.loads(netc("diff", *files, "--json").stdout)["nets"]
    first = {fact["what"]: fact["new"] for fact in entry["changes"][0]["facts"]}
    assert first["macs"] == "576*H*W - 1152*H - 1152*W + 2304"
    side_by_side = netc("compare", *files).stdout.splitlines()
    assert "  UNet: H and W must be multiples of 16" in side_by_side
    assert max(len(line) for line in side_by_side if line.startswith("depth")) < 80


def test_a_net_without_windows_has_no_receptive_field() -> None:
    shown = netc("compare", *[str(REPOSITORY / "specs" / f"{n}.net") for n in ("mlp", "lenet5")])
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("receptive")]
    assert line.split() == ["receptive", "field", "–", "16", "×", "16"]


@pytest.mark.parametrize(("more", "last"), [(13, "+ relu"), (14, "+ … 2 more layers added")])
def test_what_is_counted_is_more_than_one(more: int, last: str, tmp_path: Path) -> None:
    files = [tmp_path / "a.net", tmp_path / "b.net"]
    for file, count in zip(files, (0, more), strict=True):
        file.write_text(lines("conv 4, 3x3", *["relu"] * count))
    shown = netc("diff", *map(str, files)).stdout
    added = [line for line in shown.splitlines() if line.startswith("+")]
    assert len(added) == 13
    assert added[-1].startswith(last)


def test_docs_and_output_have_the_same_keys(tmp_path: Path) -> None:
    old, new = tmp_path / "old.net", tmp_path / "new.net"
    old.write_text(lines("a = conv 4, 3x3", "relu"))
    new.write_text(lines("conv 4, 3x3, bias=no", "tanh"))
    found = keys_of(json.loads(netc("diff", str(old), str(new), "--json").stdout))
    ends = {"old", "new", "facts"}  # null or empty where a layer came or went
    missing = {key for key in documented("diff") ^ found if key.rsplit(".", 1)[-1] not in ends}
    assert not missing


def test_layers_of_equal_keys_stay_what_they_were() -> None:
    """ResNet-34 is ResNet-18 and more units, at the end of each stage: no layer has another key."""
    file = str(REPOSITORY / "specs" / "vision" / "resnet.net")
    content = json.loads(netc("diff", f"{file}:ResNet18", f"{file}:ResNet34", "--json").stdout)
    found = content["nets"][0]["changes"]
    assert {change["kind"] for change in found} == {"added"}
    units = dict.fromkeys(change["new"]["path"].rpartition(".")[0] for change in found)
    assert [*units] == [
        "layer1.2", "layer2.2", "layer2.3", *(f"layer3.{n}" for n in range(2, 6)), "layer4.2"
    ]  # fmt: skip


def test_keys_that_only_count_do_not_make_layers_the_same() -> None:
    """A layer more at the front: all the others have the next number, and none another width."""
    chain = ["conv 4, 1x1"] * 2 + ["conv 8, 1x1"] * 2
    kinds = [change.kind for change in changes(lines(*chain), lines("conv 4, 1x1", *chain))]
    assert sorted(kinds) == ["added", "renamed", "renamed"]


def test_a_small_share_is_not_none(tmp_path: Path) -> None:
    """A bias more among 250,000 numbers: not `+0.0%`."""
    old, new = tmp_path / "old.net", tmp_path / "new.net"
    old.write_text("net N:\n    input x: [500]\n    dense 500 -> relu\n    dense 1, bias=no\n")
    new.write_text(old.read_text().replace(", bias=no", ""))
    shown = netc("diff", str(old), str(new)).stdout
    assert "251,001  +1 (< 0.1%)\n" in shown
