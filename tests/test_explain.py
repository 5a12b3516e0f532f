"""`netc explain`: one layer's arithmetic, a net told line by line, and that it is all true."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import command_line
import pytest
from click.testing import Result
from compiling import REPOSITORY, lines_of, net_of, spec_files, spec_of
from explained import all_hold, assert_right, bare, outline_of, row_of
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from random_nets import nets
from sharing_nets import sharing

from netc.compiler.explain import explanation, find, grouped
from netc.compiler.layers import find as find_layer
from netc.compiler.layers import words
from netc.compiler.lecture import lecture
from netc.compiler.table import table
from netc.compiler.why import reasons

covers = pytest.mark.covers
LENET = "specs/lenet5.net"
POOLED = outline_of(lines_of("conv 6, 5x5\nmax_pool 2x2", "[1, 32, 32]"))
SHARED = """\
net Twins:
    input a, b: [4]
    share side = dense 3
    output p = a -> side
    output q = b -> side
"""
STAGES = """\
block Unit(n):
    conv n, 3x3, pad=1 -> relu

net Deep:
    input x: [3, 8, 8]
    stage = repeat 3: Unit 8
    repeat 2: conv 8, 1x1
    flatten -> dense 2
"""


def netc(*arguments: str, text: str | None = None) -> Result:
    """Runs `netc explain`."""
    return command_line.netc("explain", *arguments, text=text)


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Specs are named as a reader at the root would."""
    monkeypatch.chdir(REPOSITORY)


@covers("PR02", "CV08", "CV11", "CV12")
@pytest.mark.parametrize("file", list(spec_files()), ids=lambda file: file.stem)
def test_every_equation_of_every_explanation_holds(file: Path) -> None:
    spec = spec_of(file.read_text(encoding="utf-8"))
    for name in spec.names:
        net = outline_of(spec.net(name))
        for row in net.report.rows:
            assert_right(row)
        assert all_hold(explanation(net.report.rows, net)) > len(net.report.rows)
        all_hold("\n".join(lecture(net)))


@settings(max_examples=40, deadline=None)
@given(text=st.one_of(nets(), sharing()))
def test_random_nets_are_explained_rightly(text: str) -> None:
    net = outline_of(net_of(text))
    for row in net.report.rows:
        assert_right(row)
        assert find(row.path, net.parts, row.span.source).rows
        assert find(str(row.span.line), net.parts, row.span.source) is not None
    all_hold(explanation(net.report.rows, net))
    all_hold("\n".join(lecture(net)))


def test_a_wrong_equation_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        all_hold("so it is: (5·5·1 + 1)·6 = 1,157 parameters.")


def test_the_json_of_the_report_has_the_same_arithmetic() -> None:
    net = outline_of(spec_of(Path(LENET).read_text("utf-8")).net())
    (row,) = find("conv2", net.parts, net.report.rows[0].span.source).rows
    entry = next(e for e in net.report.to_json()["layers"] if e["path"] == "conv2")
    text = explanation([row], net)
    for name in ("params", "macs", "flops"):
        assert grouped(entry["why"][name]) in text
    for part in entry["why"]["memory"].values():
        assert grouped(part) in text
    for formula in entry["why"]["formulas"].values():
        assert formula.split("; ")[0] in text


EXAMPLES = [
    (line, flows)
    for word in words()
    if (kind := find_layer(word)) is not None
    for line, flows, _ in kind.examples
]


@pytest.mark.parametrize(("line", "flows"), EXAMPLES, ids=[line for line, _ in EXAMPLES])
def test_every_layer_s_examples_are_explained_rightly(line: str, flows: str) -> None:
    shapes = flows.split(" ; ")
    inputs = [f"    input {name}: {shape}\n" for name, shape in zip("xbc", shapes, strict=False)]
    start = "x -> " if len(shapes) > 1 else ""
    net = outline_of(net_of(f"net Net:\n{''.join(inputs)}    {start}{line}\n"))
    (row,) = net.report.rows
    assert_right(row)
    text = explanation([row], net)
    all_hold(text)
    all_hold("\n".join(lecture(net)))
    legend = " ".join(text.partition("\nwhere ")[2].split()) + ";"
    formulas = row.why.formulas
    for formula in (formulas.output, formulas.params, formulas.macs, row.why.field_formula):
        assert formula.split("; ")[0] in text
        for letter in re.findall(r"[A-Za-z]+(?:_\w+)?", formula):
            assert re.search(rf"(^|; ){letter} [^;]+;", legend), (letter, legend)


@pytest.mark.parametrize(("line", "flows"), EXAMPLES, ids=[line for line, _ in EXAMPLES])
def test_what_is_kept_is_told_by_what_it_is(line: str, flows: str) -> None:
    shapes = flows.split(" ; ")
    inputs = [f"    input {name}: {shape}\n" for name, shape in zip("xbc", shapes, strict=False)]
    start = "x -> " if len(shapes) > 1 else ""
    (row,) = net_of(f"net Net:\n{''.join(inputs)}    {start}{line}\n").report().rows
    kept = reasons(row.step, structs.replace(row.place, learns=True)).kept
    if kept == "nothing: 0 bytes" or kept.startswith("unknown: "):
        return
    all_hold(kept)
    terms = re.sub(r"\([^()]*\)", "1", kept.partition(" = ")[0])
    for term in terms.split(" + "):
        assert re.fullmatch(r"[a-z][a-z ]+ \w+(·\w+)+", term), kept


def test_numbers_that_are_said_to_be_themselves_are_seen() -> None:
    assert bare("kept: beside 30752 = 30752 bytes") == ["e 30752 = 30752"]
    assert bare("120 = 120") and not bare("2·60 = 120; 120 = 2·60")


def test_every_number_of_a_layer_has_formula_numbers_and_result() -> None:
    text = netc(LENET, "conv2").output
    assert "FLOPs            2·MACs\n                 2·240,000 = 480,000\n" in text
    assert "memory           numbers·bytes of each\n                 weights: 2,416·4" in text
    pooled = explanation([POOLED.report.rows[1]], POOLED)
    assert "input 6·28·28·4 + places of the largest 6·14·14·8 = 28,224 bytes" in pooled


def test_places_that_read_other_values_are_told_apart() -> None:
    told = netc("specs/resnet50.net", "3").output
    assert "[512, 28, 28] from layer2.0.bn3\n" in told
    assert "[512, 28, 28] from layer2.0.downsample.1\n" in told
    assert "at 3 places      layer2.1.add, layer2.2.add, layer2.3.add\n" in told
    assert "[512, 28, 28] from layer2.0.relu (line 13)\n" in told


def test_a_layer_without_positions_says_why() -> None:
    after = row_of("[3, 8, 8]", "global_avg_pool\ndense 2", "dense1").why.receptive_field
    assert after == "all positions of the input were seen before"
    vector = row_of("[3]", "dense 2", "dense1").why.receptive_field
    assert vector == "the input has no spatial axes: there are no positions to see"


def test_a_shared_layer_is_counted_once() -> None:
    first, again = spec_of(SHARED).net().report().to_json()["layers"]
    assert (first["params"], first["why"]["params"]) == (15, "(4 + 1)·3 = 15")
    assert again["params"] == 0
    assert again["why"]["params"] == "shared, and counted where it is applied first: 0"


def test_rounding_up_without_a_window_in_the_padding() -> None:
    row = row_of("[3, 15, 15]", "max_pool 2, stride=2, pad=1, ceil=yes", "max_pool")
    assert row.why.formulas.output == "⌈(n + p)/s⌉"
    assert "height ⌈(15 + 1)/2⌉ = 8 (no window" in row.why.output


@pytest.mark.parametrize("file", list(spec_files()), ids=lambda file: file.stem)
def test_people_read_one_notation(file: Path) -> None:
    spec = spec_of(file.read_text(encoding="utf-8"))
    for name in spec.names:
        net = outline_of(spec.net(name))
        told = re.sub(
            r"^line  .*$|^.*\(\S+:\d+\)$", "", explanation(net.report.rows, net), flags=re.M
        )
        title = table(net.report, spec.net(name).graph.module).splitlines()[0]
        for text in (told, *lecture(net), title):
            assert not re.search(r"//|\w\*|[\w)] - [\w(]", text)


def test_json_keeps_the_notation_of_its_page() -> None:
    text = "net N:\n    input x: [3, H, 9]\n    conv 4, 3x3, stride=2\n"
    (row,) = json.loads(netc("-", "conv1", "--json", text=text).output)["nets"][0]["layers"]
    assert row["output"] == [4, "(H - 1)//2", 4]


# -- what is named


def test_a_block_is_told_where_it_stands() -> None:
    told = netc("-", "Unit", text=STAGES).stdout.splitlines()
    assert told[0].startswith("stage.0 is the block Unit with n 8: [3, 8, 8] to [8, 8, 8]")
    assert [line.split(",")[0] for line in told if not line.startswith(" ")][1:] == [
        "stage.1 is the block Unit with n 8",
        "The same once more: stage.2.",
    ]


def test_a_net_s_name_is_its_lecture() -> None:
    assert netc("-", "Deep", text=STAGES).stdout == netc("-", text=STAGES).stdout
    assert (
        netc("-", "Deep", "--json", text=STAGES).stdout == netc("-", "--json", text=STAGES).stdout
    )


@pytest.mark.parametrize("command", ["explain", "report"])
def test_a_library_says_that_it_has_no_net(command: str) -> None:
    told = command_line.netc(command, "specs/std/vision.net")
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr.startswith(
        "specs/std/vision.net has no net, only blocks: ConvNorm, SeparableConv and "
    )
    assert "`netc explain FILE ConvNorm`" in told.stderr


def test_a_block_that_no_net_uses_has_no_sizes() -> None:
    told = netc("specs/std/vision.net", "Residual")
    assert told.exit_code == 2
    assert "no net of specs/std/vision.net has the block `Residual`" in told.stderr


def test_a_line_names_all_its_layers() -> None:
    told = netc(LENET, "5").output
    assert "conv1  conv 6, 5x5" in told
    assert "tanh  tanh" in told
    assert told.count("line  ") == 2


def test_a_line_of_a_block_is_told_once_for_equal_places() -> None:
    told = netc("-", "2", text=STAGES).output
    assert told.count("at 2 places      stage.1.conv1, stage.2.conv1") == 1
    assert "[3, 8, 8] from the input x" in told
    assert "at stage.2.conv1: 7 × 7" in told


def test_a_line_that_applies_blocks_walks_through_them() -> None:
    told = netc("-", "6", text=STAGES).stdout.splitlines()
    assert told[0].startswith("stage is 3 × Unit: [3, 8, 8] to [8, 8, 8]; 1,392 parameters")
    assert told[-1].strip() == "The same once more: stage.2."


def test_a_block_s_path_walks_through_it() -> None:
    told = netc("-", "stage.1", text=STAGES).output
    assert told.startswith("stage.1, from stage.0.relu (line 2), is the block Unit with n 8")
    assert "stage.1.conv1 looks at 3 × 3 windows" in told


def test_a_layer_s_word_names_every_layer_of_its_kind() -> None:
    told = netc(LENET, "dense").output
    assert [line.split()[0] for line in told.splitlines() if line.startswith("dense")] == [
        "dense1", "dense2", "dense3",
    ]  # fmt: skip


def test_a_shared_layer_is_stored_once() -> None:
    told = netc("-", "side", text=SHARED).output
    assert "weights: 15·4 = 60 bytes" in told
    assert "weights: those of the shared layer, stored once: 15·4 = 60 bytes" in told
    assert "its weights are shared and counted once" in netc("-", text=SHARED).output


def test_equal_neighbours_of_a_repeat_are_told_once() -> None:
    told = netc("-", text=STAGES).output
    assert "The same once more: repeat1.1." in told
    assert told.count("looks at 1 × 1 windows") == 1


def test_joins_say_what_they_read() -> None:
    told = netc("specs/resnet50.net").output
    assert "add, from layer1.0.bn3 and layer1.0.downsample.1, adds 2 values" in told
    assert "as above, 10 layers where layer1.0 has 12" in told


def test_sizes_with_names_stay_names() -> None:
    told = netc("-", "conv1", text="net N:\n    input x: [3, H, 9]\n    conv 4, 3x3, stride=2\n")
    assert "height ⌊(H + 2·0 − 3)/2⌋ + 1 = ⌊(H − 1)/2⌋" in told.output
    assert "width ⌊(9 + 2·0 − 3)/2⌋ + 1 = 4" in told.output
    assert "= 64·⌊(H − 1)/2⌋ bytes" in told.output
    given_size = netc(
        "-", "conv1", "--set", "H=9", text="net N:\n    input x: [3, H, 9]\n    conv 4, 3x3\n"
    )
    assert "height and width ⌊(9 + 2·0 − 3)/1⌋ + 1 = 7" in given_size.output


def test_what_comes_before_the_first_weights_is_not_kept() -> None:
    told = netc(
        "-", text="net N:\n    input x: [1, 8, 8]\n    max_pool 2x2 -> conv 2, 3x3\n"
    ).output
    assert told
    pool = row_of("[1, 8, 8]", "max_pool 2x2 -> conv 2, 3x3", "max_pool")
    assert pool.why.kept == "nothing to learn up to here: 0 bytes"


def test_a_dilated_kernel_adds_what_it_spans() -> None:
    row = row_of("[1, 9, 9]", "conv 1, 3x3, dilation=2", "conv1")
    assert row.why.receptive_field.startswith("height 1 + (5 − 1)·1 = 5")
    assert row.why.field_formula == "r + (e − 1)·j; j·s"


# -- cost, and what is not told


def test_ten_thousand_layers_take_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        net = lines_of("conv 2, 3x3, pad=1\n" * count, "[2, 8, 8]")
        net.report()
        start = time.perf_counter()
        shown = outline_of(net)
        told = lecture(shown)
        explanation(find("conv", shown.parts, shown.report.rows[0].span.source).rows, shown)
        assert len(told) > count
        return time.perf_counter() - start

    assert seconds(10_000) < 25 * max(seconds(1_000), 0.02)


def test_a_long_repeat_is_two_lines() -> None:
    told = lecture(outline_of(lines_of("repeat 10_000: conv 2, 3x3, pad=1", "[2, 8, 8]")))
    assert sum("looks at" in line for line in told) == 1
    assert any("The same 9,999 times more: repeat1.1 to repeat1.9999." in line for line in told)


def test_lines_that_are_not_taken_are_not_told() -> None:
    text = "repeat 1:\n    when out.features > 4: dense 4\ndense 2\n"
    told = lecture(outline_of(lines_of(text, "[5, 4]")))
    assert told[1].startswith("dense1 makes 2 weighted sums")


def test_the_last_word_of_a_name_is_answered_with_the_whole_ones() -> None:
    """What a line is called where it stands; its name in the net is longer."""
    vision = REPOSITORY / "specs" / "vision"
    told = netc(str(vision / "nin.net"), "conv1").stderr
    names = ", ".join(f"`mlp_conv{n}.conv1`" for n in (1, 2, 3))
    assert told == f"Error: no layer here is called `conv1`: did you mean {names}?\n"
    told = netc(str(vision / "resnet.net"), "bn2", "--net", "ResNet18").stderr
    assert told.endswith("`layer1.0.bn2`, `layer1.1.bn2`, `layer2.0.bn2` and 5 more?\n")
