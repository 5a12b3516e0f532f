"""The report: worked examples of the course notes, the arithmetic it shows, the JSON contract."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from compiling import REPOSITORY, lines_of, net_of, spec_files, spec_of

from netc.cli import main
from netc.compiler.sizes import evaluate

covers = pytest.mark.covers
ALEXNET = """
conv 96, 11x11, stride=4 -> relu -> max_pool 3x3, stride=2
conv 256, 5x5, pad=2 -> relu -> max_pool 3x3, stride=2
"""


def vgg(*stages: int) -> str:
    """VGG's lines (Simonyan, Zisserman 2014): stages of 3x3 convolutions, three dense layers."""
    lines = []
    for width, count in zip((64, 128, 256, 512, 512), stages, strict=True):
        lines += [f"conv {width}, 3x3, pad=1 -> relu"] * count + ["max_pool 2x2"]
    return "\n".join([*lines, "flatten", "dense 4096 -> relu", "dense 4096 -> relu", "dense 1000"])


EXAMPLES = [
    # id, lines, input, what the report must say of the net
    pytest.param("flatten", "[3, 64, 64]", {"output": (12_288,)}, id="N002", marks=covers("N002")),
    pytest.param("flatten", "[3, 1000, 1000]", {"output": (3_000_000,)}, marks=covers("N002")),
    pytest.param("conv 1, 3x3", "[1, 6, 6]", {"output": (1, 4, 4)}, marks=covers("N005", "CV04")),
    pytest.param(
        "conv 1, 3x3, stride=2", "[1, 6, 6]", {"output": (1, 2, 2)}, marks=covers("N006", "CV07")
    ),
    pytest.param("conv 1, 3x3", "[3, 6, 6]", {"output": (1, 4, 4)}, marks=covers("N007", "N008")),
    pytest.param(
        "conv 2, 3x3", "[3, 6, 6]", {"output": (2, 4, 4), "params": 56}, marks=covers("N009")
    ),
    pytest.param(
        "conv 10, 3x3",
        "[3, 6, 6]",
        {"output": (10, 4, 4), "params": 280},
        marks=covers("N010", "CV10", "CV11"),
    ),
    pytest.param(
        "max_pool 2x2", "[10, 4, 4]", {"output": (10, 2, 2), "params": 0}, marks=covers("N011")
    ),
    pytest.param(
        vgg(2, 2, 3, 3, 3),
        "[3, 224, 224]",
        {"params": 138_357_544, "depth": 16, "receptive_field": (212, 212)},
        marks=covers("N014", "CV16"),
    ),
    pytest.param(
        vgg(2, 2, 4, 4, 4),
        "[3, 224, 224]",
        {"params": 143_667_240, "depth": 19},
        marks=covers("N015"),
    ),
    pytest.param(
        "conv 32, 5x5, pad=same",
        "[192, 28, 28]",
        {"macs": 120_422_400},
        marks=covers("N018", "CV19"),
    ),
    pytest.param(
        "conv 16, 1x1\nconv 32, 5x5, pad=same",
        "[192, 28, 28]",
        {"macs": 12_443_648},
        marks=covers("N018", "CV19"),
    ),
    pytest.param("conv 16, 1x1", "[192, 28, 28]", {"params": 3_088}, marks=covers("CV18")),
    pytest.param(
        "conv 400, 5x5",
        "[16, 5, 5]",
        {"output": (400, 1, 1), "params": 160_400},
        marks=covers("N041"),
    ),
    pytest.param("flatten -> dense 10", "[3, 32, 32]", {"params": 30_730}, marks=covers("N048")),
    pytest.param("conv 1, 3x3, stride=2", "[3, 7, 7]", {"output": (1, 3, 3)}, marks=covers("N059")),
    pytest.param("max_pool 2x2", "[1, 28, 28]", {"output": (1, 14, 14)}, marks=covers("N068")),
    pytest.param("max_pool 2x2", "[1, 5, 5]", {"output": (1, 2, 2)}, marks=covers("N068", "PO03")),
    pytest.param(
        "dense 4 -> tanh\ndense 1 -> sigmoid",
        "[3]",
        {"params": 21, "depth": 2},
        marks=covers("N072", "BA02"),
    ),
    pytest.param("conv 1, 3x5", "[1, 8, 8]", {"output": (1, 6, 4)}, marks=covers("N079", "CV03")),
    pytest.param("conv 1, 3x3", "[1, 4, 4]", {"output": (1, 2, 2)}, marks=covers("N082", "CV04")),
    pytest.param(
        "conv 1, 3x3, pad=1 -> conv 1, 5x5, pad=2",
        "[1, 9, 9]",
        {"output": (1, 9, 9)},
        marks=covers("N083"),
    ),
    pytest.param(
        "conv 1, 3x3, pad=same -> conv 1, 5x5, pad=same",
        "[1, 9, 9]",
        {"output": (1, 9, 9)},
        marks=covers("N083", "CV05"),
    ),
    pytest.param("conv 1, 3x3", "[1, 9, 9]", {"receptive_field": (3, 3)}, marks=covers("N085")),
    pytest.param(
        "conv 1, 3x3 -> conv 1, 3x3",
        "[1, 9, 9]",
        {"receptive_field": (5, 5)},
        marks=covers("N085", "CV16"),
    ),
    pytest.param(
        "conv 1, 3x3 -> conv 1, 3x3 -> conv 1, 3x3",
        "[1, 9, 9]",
        {"receptive_field": (7, 7)},
        marks=covers("CV16"),
    ),
    pytest.param("conv 6, 5x5", "[1, 32, 32]", {"params": 156}, marks=covers("N086", "CV11")),
    pytest.param("conv 6, 5x5", "[3, 32, 32]", {"params": 456}, marks=covers("N086", "CV11")),
    pytest.param(
        "conv 64, 1x1, bias=no\nconv 64, 3x3, pad=1, bias=no\nconv 256, 1x1, bias=no",
        "[256, 14, 14]",
        {"params": 69_632},
        marks=covers("N087"),
    ),
    pytest.param(
        "conv 256, 3x3, pad=1, bias=no\nconv 256, 3x3, pad=1, bias=no",
        "[256, 14, 14]",
        {"params": 1_179_648},
        marks=covers("N087"),
    ),
    pytest.param(
        "repeat 3: conv 64, 3x3, pad=1, bias=no",
        "[64, 14, 14]",
        {"params": 110_592, "receptive_field": (7, 7)},
        marks=covers("CV17"),
    ),
    pytest.param(
        "conv 64, 7x7, pad=3, bias=no",
        "[64, 14, 14]",
        {"params": 200_704, "receptive_field": (7, 7)},
        marks=covers("CV17"),
    ),
    pytest.param(
        "repeat 2: conv 64, 3x3, pad=1, bias=no",
        "[64, 14, 14]",
        {"params": 18 * 64 * 64, "receptive_field": (5, 5)},
        marks=covers("CV17"),
    ),
    pytest.param(
        "conv 64, 5x5, pad=2, bias=no",
        "[64, 14, 14]",
        {"params": 25 * 64 * 64, "receptive_field": (5, 5)},
        marks=covers("CV17"),
    ),
    pytest.param(
        "inception:\n    branch: conv 64, 1x1\n    branch: conv 128, 3x3, pad=1\n"
        "    branch: conv 32, 5x5, pad=2\n    branch: max_pool 3x3, stride=1, pad=1",
        "[192, 28, 28]",
        {"output": (64 + 128 + 32 + 192, 28, 28)},
        id="BL08",
        marks=covers("BL08"),
    ),
    pytest.param(
        "batch_norm",
        "[10, 8, 8]",
        {"params": 20, "buffers": 21},
        marks=covers("N090", "NO02", "NO07"),
    ),
    pytest.param("param s: [4] = ones\nmul s -> dense 3", "[4]", {"params": 19, "depth": 1}),
    pytest.param(
        "dense 4 -> tanh\ndense 2 -> tanh\ndense 1 -> tanh",
        "[2]",
        {"params": 25, "depth": 3},
        marks=covers("N093"),
    ),
    pytest.param(ALEXNET, "[3, 227, 227]", {"output": (256, 13, 13)}, marks=covers("PO10")),
    pytest.param("flatten", "[16, 5, 5]", {"output": (400,)}, marks=covers("PO12")),
    pytest.param("dense 7", "[5]", {"params": 42}, marks=covers("BA01", "BA03")),
    pytest.param("dense 4", "[3]", {"output": (4,)}, marks=covers("N051")),
    pytest.param("dense 3", "[2]", {"output": (3,), "params": 9}, marks=covers("N075")),
    pytest.param(
        "inception:\n    branch: conv 64, 1x1\n    branch: conv 96, 1x1 -> conv 128, 3x3, pad=1\n"
        "    branch: conv 16, 1x1 -> conv 32, 5x5, pad=2\n"
        "    branch: max_pool 3x3, stride=1, pad=1 -> conv 32, 1x1",
        "[192, 28, 28]",
        {"output": (256, 28, 28)},
        marks=covers("N017"),
    ),
]


@pytest.mark.parametrize(
    ("lines", "shape", "depth"),
    [
        ("positions learned, max=4", "[4, 8]", 0),  # added, not multiplied by
        ("gru 5, layers=3", "[4, 8]", 3),
        ("rnn 5 -> last -> dense 2", "[4, 8]", 2),
        ("embedding 9, 3", "int[4]", 1),
        ("layer_norm -> prelu", "[4, 8]", 0),
        ("residual: dense 2 -> dense 8\ndense 3", "[8]", 3),
    ],
)
def test_depth_is_the_layers_with_a_matrix_on_the_longest_way(
    lines: str, shape: str, depth: int
) -> None:
    assert lines_of(lines, shape).report().depth == depth


@pytest.mark.parametrize(("lines", "shape", "said"), EXAMPLES)
def test_worked_examples(lines: str, shape: str, said: dict[str, Any]) -> None:
    report = lines_of(lines, shape).report()
    found = {name: getattr(report, name, None) for name in said}
    found["output"] = report.outputs[0][1].shape
    assert {name: found[name] for name in said} == said


@covers("N012", "PR02")
def test_lenet_has_61706_parameters() -> None:
    text = (REPOSITORY / "specs" / "lenet5.net").read_text(encoding="utf-8")
    report = net_of(text).report()
    assert report.params == 61_706
    assert report.claims[0].holds


@covers("CV15")
@pytest.mark.parametrize("file", ["lenet5", "resnet50"])
def test_pictures_shrink_and_channels_grow(file: str) -> None:
    text = (REPOSITORY / "specs" / f"{file}.net").read_text(encoding="utf-8")
    rows = [row for row in net_of(text).report().rows if len(row.output.shape) == 3]
    sizes = [row.output.shape[1] for row in rows if row.layer in ("conv", "max_pool", "avg_pool")]
    assert sizes[0] > sizes[-1]
    assert rows[0].output.shape[0] < rows[-1].output.shape[0]


@covers("CV14", "NO03")
@pytest.mark.parametrize("order", ["batch_norm -> relu", "relu -> batch_norm", "relu"])
def test_a_layer_is_what_its_line_says_in_that_order(order: str) -> None:
    rows = lines_of(f"conv 8, 3x3, bias=no -> {order}").report().rows
    assert [row.layer for row in rows] == ["conv", *order.split(" -> ")]


@covers("CV06")
@pytest.mark.parametrize(("pad", "corner"), [("0", 1), ("1", 4)])
def test_padding_uses_the_corner_more_often(pad: str, corner: int) -> None:
    """How often each pixel is used, by the emitted layer: the gradient of a sum of ones."""
    import torch

    module = lines_of(f"conv 1, 3x3, pad={pad}, bias=no", "[1, 6, 6]").module()
    torch.nn.init.ones_(module.get_parameter("conv1.weight"))
    x = torch.zeros(1, 1, 6, 6, requires_grad=True)
    (uses,) = torch.autograd.grad(module(x).sum(), x)
    assert uses[0, 0, 0, 0] == corner
    assert (uses[0, 0, 2:4, 2:4] == 9).all()


@covers("N089")
def test_batch_norm_has_pytorchs_epsilon_unless_told() -> None:
    assert "nn.BatchNorm2d(3)" in lines_of("batch_norm").source()
    assert "eps=1e-07" in lines_of("batch_norm eps=1e-7").source()


@covers("N039")
def test_a_residual_of_zero_weights_passes_its_input() -> None:
    import torch

    module = lines_of("residual: conv 3, 3x3, pad=1 -> relu").module()
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(module(x), x)


# -- the arithmetic holds

_STEP = re.compile(r"([^=,;:]+(?:=[^=,;:]+)+)")


def value(text: str) -> float | None:
    """The number that a formula comes to; None where it is words or names of sizes."""
    cleaned = re.sub(r"\b(?:weight|bias)\w*(?=\s)|\b[a-z_]+\d*\.(?:weight|bias)\b", "", text)
    cleaned = cleaned.replace("·", "*").replace("−", "-").replace("⌊", "((").replace("⌋", ")//1)")
    cleaned = cleaned.replace("×", "*")
    if not re.fullmatch(r"[\d\s+*/().,-]+", cleaned) or not re.search(r"\d", cleaned):
        return None
    try:
        found: float = eval(cleaned.strip(" ,"))
    except (SyntaxError, TypeError):
        return None
    return found


@covers("PR02", "N067", "N084")
@pytest.mark.parametrize("file", list(spec_files()), ids=lambda file: file.stem)
def test_every_equation_of_the_report_holds(file: Path) -> None:
    spec = spec_of(file.read_text(encoding="utf-8"))
    checked = 0
    for name in spec.names:
        for row in spec.net(name).report().rows:
            for text in (row.why.output, row.why.params, row.why.macs):
                for equation in _STEP.findall(text):
                    sides = [value(side) for side in equation.split("=")]
                    numbers = [side for side in sides if side is not None]
                    checked += len(numbers) > 1
                    assert len(set(numbers)) <= 1, f"{row.path}: {text}"
    assert checked


@pytest.mark.parametrize("file", list(spec_files()), ids=lambda file: file.stem)
def test_totals_are_sums_of_the_rows(file: Path) -> None:
    spec = spec_of(file.read_text(encoding="utf-8"))
    for name in spec.names:
        report = spec.net(name).report()
        assert report.params == sum(row.params for row in report.rows)
        assert report.buffers == sum(row.buffers for row in report.rows)
        total: Any = 0
        for row in report.rows:
            total = total + row.macs
        for places in (1, 2, 3):  # the total has no roundings where the conditions need none
            sizes = {"H": 16 * places, "W": 32 * places, "T": places, "S": places}
            assert evaluate(report.macs, sizes) == evaluate(total, sizes)


# -- the JSON contract


def keys_of(content: Any, before: str = "") -> set[str]:
    """Every key with the way to it: `nets[].params.total`. Maps by metric or shape end there."""
    if isinstance(content, dict) and before.rsplit(".", 1)[-1] not in ("train", "dev", "test"):
        found: set[str] = set()
        for key, inner in content.items():
            path = f"{before}.{key}" if before else key
            found |= keys_of(inner, path)
        return found
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return {f"{before}[]"}.union(*(keys_of(inner, f"{before}[]") for inner in content))
    return {before}


def documented(command: str) -> set[str]:
    page = (REPOSITORY / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.split(f"## `netc {command} --json`")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("check", "net N:\n    input x: [4, 4, 4]\n    conv 3, 5x5\n"),
        (
            "report",
            "net N:\n    input x: [3, H, 8]\n    residual: max_pool 2x2 -> conv_transpose 3, 2x2, "
            "stride=2, init=normal, std=0.1\n    expect params == 39\n",
        ),
        (
            "train",
            "net N:\n    input x: [1, 8, 8]\n    flatten -> dense 10\n\ntrain N:\n    data digits\n"
            "    loss cross_entropy\n    optimizer sgd, lr=0.1\n    epochs 1, batch=512\n"
            "    expect accuracy >= 0\n",
        ),
    ],
)
def test_docs_and_output_have_the_same_keys(
    command: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.net").write_text(text, encoding="utf-8")
    extra = ["--quiet", "--device", "cpu"] if command == "train" else []
    result = CliRunner().invoke(main, [command, "spec.net", "--json", *extra])
    assert keys_of(json.loads(result.stdout)) == documented(command)
