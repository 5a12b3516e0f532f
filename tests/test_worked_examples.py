"""The worked examples of the notes, with the arithmetic that netc says of them."""

from __future__ import annotations

import re

import pytest
import torch
from _pytest.mark import ParameterSet
from compiling import REPOSITORY, lines_of, spec_of
from explained import assert_right, outline_of, row_of

from netc.api import load
from netc.compiler.lecture import lecture

covers = pytest.mark.covers


def case(mark: pytest.MarkDecorator, shape: str, lines: str, claim: str) -> ParameterSet:
    """An example: what flows in, the lines, and `LAYER NUMBER: ARITHMETIC` that must be said."""
    return pytest.param(shape, lines, claim, marks=mark, id=claim)


REDUCED = "conv 16, 1x1 -> conv 32, 5x5, pad=same"
CBOW = "embedding 5000, 128 -> mean -> dense 5000, bias=no"
NARROW = "conv 64, 1x1, bias=no -> relu -> conv 64, 3x3, pad=1, bias=no"


@pytest.mark.parametrize(
    ("shape", "lines", "claim"),
    [
        case(covers("N002"), "[3, 64, 64]", "flatten", "flatten output: 3·64·64 = 12288"),
        case(covers("N002"), "[3, 1000, 1000]", "flatten", "flatten output: 3·1000·1000 = 3000000"),
        case(
            covers("N005"),
            "[1, 6, 6]",
            "conv 1, 3x3",
            "conv1 output: height ⌊(6 + 2·0 − 3)/1⌋ + 1 = 4",
        ),
        case(
            covers("N006"),
            "[1, 6, 6]",
            "conv 1, 3x3, stride=2",
            "conv1 output: ⌊(6 + 2·0 − 3)/2⌋ + 1 = 2",
        ),
        case(
            covers("N007"),
            "[3, 6, 6]",
            "conv 1, 3x3",
            "conv1 output: 1 filter; height ⌊(6 + 2·0 − 3)/1⌋ + 1 = 4",
        ),
        case(covers("N008"), "[3, 6, 6]", "conv 1, 3x3", "conv1 macs: 1·4·4·3·3·3 = 432"),
        case(covers("N009"), "[3, 6, 6]", "conv 2, 3x3", "conv1 params: (3·3·3 + 1)·2 = 56"),
        case(covers("N010"), "[3, 6, 6]", "conv 10, 3x3", "conv1 params: (3·3·3 + 1)·10 = 280"),
        case(
            covers("N011"),
            "[10, 4, 4]",
            "max_pool 2x2",
            "max_pool output: ⌊(4 + 2·0 − 2)/2⌋ + 1 = 2",
        ),
        case(covers("N011"), "[10, 4, 4]", "max_pool 2x2", "max_pool params: no weights: 0"),
        case(
            covers("N018"),
            "[192, 28, 28]",
            "conv 32, 5x5, pad=same",
            "conv1 macs: 32·28·28·192·5·5 = 120422400",
        ),
        case(covers("N018"), "[192, 28, 28]", REDUCED, "conv1 macs: 16·28·28·192·1·1 = 2408448"),
        case(covers("N018"), "[192, 28, 28]", REDUCED, "conv2 macs: 32·28·28·16·5·5 = 10035200"),
        case(
            covers("N040"),
            "[64, 7, 7]",
            "a = relu\nconv 32, 1x1 -> concat a",
            "concat output: 32 + 64 = 96",
        ),
        case(
            covers("N041"), "[16, 5, 5]", "conv 400, 5x5", "conv1 output: ⌊(5 + 2·0 − 5)/1⌋ + 1 = 1"
        ),
        case(
            covers("N043"),
            "[8, 3, 3]",
            "conv 2*(5 + 3), 1x1",
            "conv1 output: 16 filters",
        ),
        case(
            covers("N045"),
            "int[]",
            "embedding 10000, 300",
            "embedding1 params: 10000·300 = 3000000",
        ),
        case(
            covers("N048"), "[3, 32, 32]", "flatten -> dense 10", "flatten output: 3·32·32 = 3072"
        ),
        case(
            covers("N048"),
            "[3, 32, 32]",
            "flatten -> dense 10",
            "dense1 params: (3072 + 1)·10 = 30730",
        ),
        case(covers("N051"), "[3]", "dense 4, bias=no", "dense1 params: 3·4 = 12"),
        case(
            covers("N059"),
            "[3, 7, 7]",
            "conv 2, 3x3, stride=2",
            "conv1 output: ⌊(7 + 2·0 − 3)/2⌋ + 1 = 3",
        ),
        case(
            covers("N068"),
            "[8, 28, 28]",
            "max_pool 2x2",
            "max_pool output: ⌊(28 + 2·0 − 2)/2⌋ + 1 = 14",
        ),
        case(
            covers("N068"),
            "[8, 5, 5]",
            "max_pool 2x2",
            "max_pool output: ⌊(5 + 2·0 − 2)/2⌋ + 1 = 2",
        ),
        case(covers("N072"), "[3]", "dense 4 -> tanh -> dense 1", "dense1 params: (3 + 1)·4 = 16"),
        case(covers("N072"), "[3]", "dense 4 -> tanh -> dense 1", "dense2 params: (4 + 1)·1 = 5"),
        case(covers("N075"), "[2]", "dense 3", "dense1 params: (2 + 1)·3 = 9"),
        case(
            covers("N079"),
            "[1, 8, 8]",
            "conv 1, 3x5",
            "conv1 output: height ⌊(8 + 2·0 − 3)/1⌋ + 1 = 6, width ⌊(8 + 2·0 − 5)/1⌋ + 1 = 4",
        ),
        case(covers("N082"), "[1, 4, 4]", "conv 1, 3x3", "conv1 output: ⌊(4 + 2·0 − 3)/1⌋ + 1 = 2"),
        case(
            covers("N083"),
            "[1, 9, 9]",
            "conv 1, 3x3, pad=1",
            "conv1 output: ⌊(9 + 2·1 − 3)/1⌋ + 1 = 9",
        ),
        case(
            covers("N083"),
            "[1, 9, 9]",
            "conv 1, 5x5, pad=2",
            "conv1 output: ⌊(9 + 2·2 − 5)/1⌋ + 1 = 9",
        ),
        case(
            covers("N085"),
            "[1, 9, 9]",
            "conv 1, 3x3 -> conv 1, 3x3",
            "conv1 receptive_field: height 1 + (3 − 1)·1 = 3",
        ),
        case(
            covers("N085"),
            "[1, 9, 9]",
            "conv 1, 3x3 -> conv 1, 3x3",
            "conv2 receptive_field: height 3 + (3 − 1)·1 = 5",
        ),
        case(covers("N086"), "[1, 32, 32]", "conv 6, 5x5", "conv1 params: (5·5·1 + 1)·6 = 156"),
        case(covers("N086"), "[3, 32, 32]", "conv 6, 5x5", "conv1 params: (5·5·3 + 1)·6 = 456"),
        case(covers("N087"), "[256, 7, 7]", NARROW, "conv1 params: 1·1·256·64 = 16384"),
        case(covers("N087"), "[256, 7, 7]", NARROW, "conv2 params: 3·3·64·64 = 36864"),
        case(
            covers("N087"),
            "[256, 7, 7]",
            "conv 256, 3x3, pad=1, bias=no",
            "conv1 params: 3·3·256·256 = 589824",
        ),
        case(covers("N090"), "[64, 7, 7]", "batch_norm", "batch_norm1 params: 2·64 = 128"),
        case(
            covers("N098"), "int[4]", "embedding 5000, 128", "embedding1 params: 5000·128 = 640000"
        ),
        case(covers("N100"), "int[4]", CBOW, "embedding1 params: 5000·128 = 640000"),
        case(
            covers("N101"),
            "int[]",
            "embedding 50, 8 -> dense 50, bias=no",
            "dense1 macs: 8·50 = 400",
        ),
        case(covers("N100"), "int[4]", CBOW, "dense1 macs: 128·5000 = 640000"),
    ],
)
def test_worked_examples(shape: str, lines: str, claim: str) -> None:
    place, arithmetic = claim.split(": ", 1)
    layer, what = place.split()
    row = row_of(shape, lines, layer)
    assert arithmetic in getattr(row.why, what)
    assert_right(row)


@covers("N067", "N084")
def test_the_output_size_formula_divides_by_the_stride_and_then_rounds() -> None:
    row = row_of("[3, 224, 224]", "conv 64, 7x7, stride=2, pad=3", "conv1")
    assert row.why.formulas.output == "⌊(n + 2·p − k)/s⌋ + 1"
    assert "⌊(224 + 2·3 − 7)/2⌋ + 1 = 112" in row.why.output


@covers("N012", "N093")
@pytest.mark.parametrize(
    ("file", "total"),
    [
        ("lenet5", "156 + 2,416 + 48,120 + 10,164 + 850 = 61,706 parameters"),
        ("playground", "12 + 10 + 3 = 25 parameters"),
    ],
)
def test_totals_of_the_notes_nets(file: str, total: str) -> None:
    spec = spec_of((REPOSITORY / "specs" / f"{file}.net").read_text("utf-8"))
    assert any(line.startswith(f"Together {total}") for line in lecture(outline_of(spec.net())))


def vgg(*convolutions: int) -> str:
    """A net of stages of 3x3 convolutions, as many in each as given, and three dense layers."""
    widths = (64, 128, 256, 512, 512)
    lines = [
        line
        for width, count in zip(widths, convolutions, strict=True)
        for line in [f"conv {width}, 3x3, pad=1 -> relu"] * count + ["max_pool 2x2"]
    ]
    return "\n".join([*lines, "flatten", *["dense 4096 -> relu"] * 2, "dense 1000"])


@pytest.mark.parametrize(
    ("file", "net", "total"),
    [
        pytest.param("alexnet", "AlexNet", "60,965,224", marks=covers("N013", "CN04")),
        pytest.param("alexnet", "AlexNetOneTower", "62,378,344", marks=covers("N013", "CN04")),
        pytest.param("alexnet", "AlexNetTorchvision", "61,100,840", marks=covers("N013", "CN04")),
        pytest.param("googlenet", "GoogLeNetPaper", "6,998,552", marks=covers("N016", "CN07")),
        pytest.param("googlenet", "GoogLeNet", "6,624,904", marks=covers("N016", "CN07")),
    ],
)
def test_nets_of_the_papers_are_told_with_their_parameters(file: str, net: str, total: str) -> None:
    spec = load(REPOSITORY / "specs" / "vision" / f"{file}.net")
    told = lecture(outline_of(spec.net(net)))
    assert any(re.match(rf"Together .*\b{total} parameters", line) for line in told)


@covers("CN03")
def test_the_table_of_the_course_is_told_layer_by_layer() -> None:
    """A convolutional net on 32 x 32 x 3 pictures: the slips of the course's table corrected."""
    lines = """
        conv 6, 5x5 -> relu -> max_pool 2x2
        conv 16, 5x5 -> relu -> max_pool 2x2
        flatten -> dense 120 -> relu -> dense 84 -> relu -> dense 10
    """
    told = lecture(outline_of(lines_of(lines, "[3, 32, 32]")))
    total = "456 + 2,416 + 48,120 + 10,164 + 850 = 62,006 parameters"
    assert any(line.startswith(f"Together {total}") for line in told)


@covers("N073")
def test_leaky_relu_is_told_with_its_slope() -> None:
    told = lecture(outline_of(lines_of("leaky_relu", "[4]")))
    assert any("multiplies negative ones by 0.01" in line for line in told)


@pytest.mark.parametrize(
    ("stages", "total"),
    [
        pytest.param((2, 2, 3, 3, 3), "138,357,544", marks=covers("N014")),
        pytest.param((2, 2, 4, 4, 4), "143,667,240", marks=covers("N015")),
    ],
)
def test_vgg_is_told_with_its_parameters(stages: tuple[int, ...], total: str) -> None:
    told = lecture(outline_of(lines_of(vgg(*stages), "[3, 224, 224]")))
    assert any(line.startswith(f"Together {total} parameters") for line in told)
    assert sum(" looks at 3 × 3 windows" in line for line in told) == sum(stages)


@covers("N017")
def test_inception_branches_add_up() -> None:
    branches = "\n".join(f"    branch: conv {n}, 1x1 -> relu" for n in (64, 128, 32, 32))
    row = row_of("[192, 28, 28]", f"inception:\n{branches}", "concat")
    assert row.why.output == "axis 0: 64 + 128 + 32 + 32 = 256"
    assert row.why.formulas.output == "n_1 + n_2 + n_3 + n_4"


@covers("N039", "BL03")
@pytest.mark.parametrize(
    "way",
    [
        "conv 3, 3x3, pad=1 -> relu -> conv 3, 3x3, pad=1, init=zeros",
        "conv 3, 3x3, pad=1, init=zeros -> tanh",
        "conv 3, 3x3, pad=1, bias=no -> batch_norm init=zeros",
    ],
)
def test_a_residual_way_of_zeros_passes_its_input(way: str) -> None:
    """W = 0 in a residual block: output = a[l], said and done."""
    net = lines_of(f"residual: {way}", "[3, 6, 6]")
    (line,) = [line for line in lecture(outline_of(net)) if line.startswith("add, from ")]
    assert "begins as 0, so before training it gives the input x as it is" in line
    x = torch.randn(2, 3, 6, 6)
    assert torch.equal(net.module()(x), x)


def test_nothing_is_said_of_a_way_that_does_not_begin_as_zeros() -> None:
    for way in ("conv 3, 3x3, pad=1", "conv 3, 3x3, pad=1, init=zeros -> sigmoid"):
        told = lecture(outline_of(lines_of(f"residual: {way}", "[3, 6, 6]")))
        assert not [line for line in told if "begins as 0" in line]
