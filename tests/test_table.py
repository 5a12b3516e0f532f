"""The report for people and for spreadsheets: columns, widths, order, totals."""

from __future__ import annotations

import csv
import re
from io import StringIO
from pathlib import Path

import pytest
from compiling import REPOSITORY, TESTS, lines_of, spec_files, spec_of
from tables import netc, of_file, shown

from netc.compiler.columns import columns, dense_equivalent, short_count
from netc.compiler.exports import csv_text, markdown_text
from netc.compiler.grid import measure

covers = pytest.mark.covers
SPECS = REPOSITORY / "specs"
LENET, RESNET = str(SPECS / "lenet5.net"), str(SPECS / "resnet50.net")
UNET, TRIPLET = str(TESTS / "nets" / "unet.net"), str(TESTS / "nets" / "triplet.net")


def read_csv(*arguments: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(netc(*arguments, "--csv").stdout)))


# -- what is on the page


def test_blocks_are_folded_with_their_counts() -> None:
    lines = netc(RESNET).stdout.splitlines()
    (layer1,) = [line for line in lines if line.startswith("layer1")]
    assert layer1.split("  ")[:2] == ["layer1", "3 × Bottleneck"]
    assert "215,808" in layer1
    assert "667,942,912" in layer1


def test_depth_unfolds_blocks() -> None:
    paths = [
        [line.split(" ")[0] for line in netc(RESNET, "--depth", depth).stdout.splitlines()]
        for depth in ("1", "2", "3")
    ]
    assert "layer1" in paths[0]
    assert {"layer1.0", "layer1.2", "layer4.2"} <= set(paths[1])
    assert "layer1.0.conv1" in paths[2]
    assert "layer1" not in paths[1]


def test_totals_can_be_quoted() -> None:
    text = netc(RESNET).stdout
    assert "25,557,032 parameters (25.6 M); 53,173 numbers in buffers\n" in text
    assert "4,089,184,256 MACs (4.09 G) for one example" in text
    assert "✓ params == 25_557_032\n" in text
    assert text.startswith("ResNet50: image [3, 224, 224] → [1000]\n")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (9_999, ""),
        (10_000, "10.0 k"),
        (61_706, "61.7 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (25_557_032, "25.6 M"),
        (4_089_184_256, "4.09 G"),
        (10**21, "1,000 E"),
    ],
)
def test_large_numbers_have_three_digits(count: int, text: str) -> None:
    assert short_count(count) == text


def test_lines_that_use_weights_again_say_so() -> None:
    encoders = [line for line in netc(TRIPLET).stdout.splitlines() if line.startswith("encoder")]
    assert [("shared" in line, "591,136" in line) for line in encoders] == [
        (False, True),
        (True, False),
        (True, False),
    ]
    assert "→ a [64], p [64], n [64]" in netc(TRIPLET).stdout


def test_a_layer_without_weights_is_not_shared() -> None:
    text = shown(lines_of("share act = relu\nact\nact\ndense 3"))
    assert "shared" not in text


def test_a_stretch_of_lines_is_named_by_its_layers() -> None:
    body = "\n".join(["    conv 3, 3x3, pad=1"] + ["    relu"] * 7)
    assert "2 × conv → relu → relu → relu → 4 more" in shown(lines_of(f"repeat 2:\n{body}"))
    assert "2 × conv → relu" in shown(lines_of("repeat 2: conv 3, 3x3, pad=1 -> relu"))


def test_sizes_with_names_are_written_with_floors() -> None:
    text = netc(UNET).stdout
    assert "128 × 2·⌊H/4⌋ × 2·⌊W/4⌋" in text
    assert "1,769,472·⌊H/4⌋·⌊W/4⌋" in text
    assert "condition: H and W must be multiples of 4\n" in text


def test_powers_of_a_size_are_written_as_such() -> None:
    report = lines_of("attention 2", "[T, 8]").report()
    assert str(report.macs) == "16·T² + 256·T"


# -- columns


@covers("CV12")
@pytest.mark.parametrize(
    ("lines", "shape", "params", "dense"),
    [
        ("conv 6, 5x5", "[3, 32, 32]", 456, 14_455_392),
        ("conv 6, 5x5, bias=no", "[3, 32, 32]", 450, 14_450_688),
        ("conv 6, 5x5", "[1, 28, 28]", 156, 784 * 3_456 + 3_456),
    ],
)
def test_a_convolution_against_the_dense_layer_of_its_size(
    lines: str, shape: str, params: int, dense: int
) -> None:
    net = lines_of(lines, shape)
    (row,) = net.report().rows
    assert (row.params, dense_equivalent(row)) == (params, dense)
    line = shown(net, names=["params", "dense"]).splitlines()[4]
    assert line.split() == [f"{params:,}", f"{dense:,}"]


@covers("CV12")
def test_the_dense_layer_of_a_convolutions_size_has_that_many_weights() -> None:
    """It is not a formula alone: a net with that dense layer has as many parameters."""
    conv = lines_of("conv 2, 3x3", "[3, 6, 6]").report()
    dense = lines_of(f"flatten -> dense {2 * 4 * 4}", "[3, 6, 6]").report()
    assert dense_equivalent(conv.rows[0]) == dense.params


@covers("CV15")
def test_activation_sizes_fall_stage_by_stage() -> None:
    nets = (
        (LENET, "avg_pool flatten dense", ()),
        (RESNET, "layer", ()),
        (str(SPECS / "vision" / "vgg.net"), "max_pool dense", ("--net", "VGG16", "--depth", "9")),
    )
    for file, stages, options in nets:
        rows = read_csv(file, "--columns", "path,layer,memory", *options)
        kept = [r for r in rows if r["layer"] in stages.split() or r["path"].startswith(stages)]
        sizes = [int(row["memory"]) for row in kept]
        assert len(sizes) >= 4
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > sizes[-1]


def test_every_column_is_shown_and_documented() -> None:
    everything = ",".join(columns())
    (head,) = [
        line for line in netc(LENET, "--columns", everything).stdout.splitlines() if "MACs" in line
    ][:1]
    for column in columns().values():
        assert column.heading in head
        assert re.search(rf"\b{column.name}\b", netc("--help").stdout), column.name


def test_shares_are_of_the_whole() -> None:
    rows = read_csv(LENET, "--columns", "params,share")
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1)
    assert [float(r["share"]) * 61_706 for r in rows] == pytest.approx(
        [int(r["params"]) for r in rows]
    )
    assert shown(lines_of("relu"), names=["share"]).splitlines()[4] == "–".rjust(5)


def test_an_unknown_column_names_the_nearest() -> None:
    result = netc(LENET, "--columns", "path,parms")
    assert result.exit_code == 2
    assert "no column `parms`: did you mean `params`?" in result.stderr
    assert netc(LENET, "--columns", "").exit_code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--json", "--csv"), "--json and --csv are different forms"),
        (("--csv", "--markdown"), "--csv and --markdown are different forms"),
        (("--json", "--columns", "path"), "leave --columns out"),
        (("--json", "--sort", "params"), "leave --sort out"),
        (("--sort", "params", "--depth", "2"), "leave --depth out"),
        (("--depth", "0"), "0 is not in the range"),
        (("--sort", "name"), "'name' is not one of"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: tuple[str, ...], said: str) -> None:
    result = netc(LENET, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


# -- order


@pytest.mark.parametrize("key", ["params", "macs", "memory"])
def test_sorted_lines_are_single_layers_the_largest_first(key: str) -> None:
    rows = read_csv(RESNET, "--sort", key, "--columns", f"path,layer,{key}")
    numbers = [int(row[key]) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert len(rows) == len(of_file(RESNET).report().rows)
    assert "Bottleneck" not in {row["layer"] for row in rows}


def test_ties_stay_in_the_nets_order() -> None:
    rows = read_csv(LENET, "--sort", "params", "--columns", "path,params")
    none = [row["path"] for row in rows if row["params"] == "0"]
    written = [row.path for row in of_file(LENET).report().rows if not row.params]
    assert none == written


def test_outputs_are_sorted_by_how_many_numbers_they_hold() -> None:
    rows = read_csv(LENET, "--sort", "output", "--columns", "output")
    assert rows[0]["output"] == "[6, 28, 28]"
    assert rows[-1]["output"] == "[10]"


def test_sizes_with_names_are_not_put_in_order() -> None:
    result = netc(UNET, "--sort", "macs")
    assert result.exit_code == 2
    assert "--set H=… --set W=…" in result.stderr
    assert netc(UNET, "--sort", "params").exit_code == 0
    assert netc(UNET, "--sort", "macs", "--set", "H=64", "--set", "W=64").exit_code == 0


# -- other programs


def test_csv_holds_whole_numbers_and_names_of_sizes() -> None:
    rows = read_csv(UNET, "--columns", "path,what,output,params,macs,memory,receptive")
    assert rows[0] == {
        "path": "a",
        "what": "Double",
        "output": "[64, H, W]",
        "params": "38720",
        "macs": "38592*H*W",
        "memory": "256*H*W",
        "receptive": "[5, 5]",
    }
    assert rows[-1]["receptive"] == "[44, 44]"


def test_csv_agrees_with_the_totals() -> None:
    rows = read_csv(RESNET, "--columns", "params,buffers,macs")
    report = of_file(RESNET).report()
    sums = {key: sum(int(row[key]) for row in rows) for key in ("params", "buffers", "macs")}
    assert sums == {"params": report.params, "buffers": report.buffers, "macs": report.macs}


def test_csv_of_several_nets_names_the_net() -> None:
    text = "net A:\n    input x: [4]\n    dense 3\n\nnet B:\n    input x: [4]\n    dense 2\n"
    result = netc("-", "--csv", "--columns", "params", text=text)
    assert result.stdout == "net,params\nA,15\nB,10\n"
    result = netc("-", "--markdown", "--columns", "params", text=text)
    assert result.stdout.startswith("## A\n\n| parameters |\n| ---: |\n| 15 |\n| 15 |\n\n## B\n")


def test_names_of_all_kinds_stay_in_their_cells() -> None:
    name, text = "schicht_层_é", 'x = dense 3  # "a,b|c"'
    net = lines_of(f"{name} = dense 4 -> tanh\n{text.replace('x', '_1__2', 1)}", "[4]")
    pair = [(net.report(), net.graph.module)]
    rows = list(csv.reader(StringIO(csv_text(pair, 1, ["path", "what"], None))))
    assert rows[1:] == [[name, "dense 4"], ["", "tanh"], ["_1__2", "dense 3"]]
    assert r"| \_1\_\_2 |" in markdown_text(pair, 1, ["path"], None)
    lines = shown(net).splitlines()
    assert {measure(line) for line in lines[3:7] if "dense" in line or "─" in line} == {
        measure(lines[3])
    }


@pytest.mark.parametrize("file", list(spec_files()), ids=lambda file: file.stem)
def test_markdown_has_the_same_number_of_cells_in_every_line(file: Path) -> None:
    spec = spec_of(file.read_text(encoding="utf-8"))
    for name in spec.names:
        net = spec.net(name)
        text = markdown_text([(net.report(), net.graph.module)], 9, list(columns()), None)
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()}
        assert cells == {len(columns()) + 1}
