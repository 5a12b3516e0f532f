"""Lints: what they warn of, that they are right about it, and that their edits mend it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from compiling import REPOSITORY, findings, lines_of
from goldens import cases
from linting import edited, of_lines, recipe, warnings

from netc.compiler.allowing import CODES

covers = pytest.mark.covers


# -- W0301: a bias that a norm cancels


@covers("NO04")
@pytest.mark.parametrize(
    ("lines", "shape", "code"),
    [
        ("conv 8, 3x3 -> batch_norm", "[3, 32, 32]", "W0301"),
        ("conv 8, 3x3 -> instance_norm", "[3, 32, 32]", "W0301"),
        ("conv_transpose 8, 2x2 -> batch_norm", "[3, 32, 32]", "W0301"),
        ("dense 8 -> batch_norm", "[3]", "W0301"),
        ("conv 8, 3x3 -> flatten -> batch_norm", "[3, 32, 32]", "W0301"),
        ("conv 8, 3x3 -> global_avg_pool -> batch_norm", "[3, 32, 32]", "W0301"),
        ("conv 8, 3x3, bias=no -> batch_norm", "[3, 32, 32]", None),
        ("conv 8, 3x3 -> relu -> batch_norm", "[3, 32, 32]", None),
        ("conv 8, 3x3 -> layer_norm axes=3", "[3, 32, 32]", None),
        ("conv 8, 3x3 -> group_norm 4", "[3, 32, 32]", None),
        ("dense 8 -> batch_norm", "[5, 3]", None),  # there it is over other axes than the bias
        ("a = conv 8, 3x3\nb = batch_norm\n(a, b) -> add", "[3, 32, 32]", None),
        ("share c = conv 3, 1x1\nc -> batch_norm -> c -> relu", "[3, 32, 32]", None),
    ],
)
def test_cancelled_biases(lines: str, shape: str, code: str | None) -> None:
    assert of_lines(lines, shape) == ([code] if code else [])


@covers("NO04")
@pytest.mark.parametrize(
    ("lines", "shape"),
    [
        ("conv 8, 3x3 -> batch_norm", (3, 9, 9)),
        ("conv 8, 3x3 -> flatten -> batch_norm", (3, 9, 9)),
        ("conv 8, 3x3 -> global_max_pool -> batch_norm", (3, 9, 9)),
        ("conv_transpose 8, 2x2, stride=2 -> instance_norm", (3, 9, 9)),
        ("dense 8 -> batch_norm", (3,)),
    ],
)
def test_a_cancelled_bias_changes_nothing(lines: str, shape: tuple[int, ...]) -> None:
    net = lines_of(lines, str(list(shape)))
    (warning,) = net.spec.diagnostics
    module = net.module().train()
    x = torch.randn(16, *shape)
    before = module(x)
    (bias,) = [p for name, p in module.named_parameters() if name.split(".")[0][:-1] in AFFINE
               and name.endswith("bias")]  # fmt: skip
    torch.nn.init.normal_(bias, std=3.0)
    assert torch.allclose(module(x), before, atol=1e-5)
    saved = re.search(r"saves (\d+) parameters", warning.hint)
    assert saved is not None
    assert int(saved[1]) == bias.numel()


AFFINE = ("conv", "conv_transpose", "dense")


@covers("NO04")
def test_a_line_of_many_layers_counts_all_their_biases() -> None:
    text = (
        "block B(n):\n    conv n, 1x1\n    batch_norm -> relu\n\nnet N:\n    input x: [3, 8, 8]\n"
    )
    (found,) = findings(text + "    repeat 3: B 8\n    B 16\n    flatten\n")
    assert found.hint == "write `bias=no`; that saves 40 parameters in 4 layers"
    mixed = (
        text.replace("    batch_norm -> relu\n", "") + "    B 8 -> batch_norm\n    B 8 -> relu\n"
    )
    assert warnings(mixed) == []


# -- W0302: two affine maps in a row


@covers("AC06")
@pytest.mark.parametrize(
    ("lines", "shape", "code"),
    [
        ("dense 50 -> dense 10", "[64]", "W0302"),
        ("dense 50 -> linear -> dropout 0.5 -> dense 10", "[64]", "W0302"),
        ("conv 8, 3x3 -> flatten -> dense 10", "[3, 8, 8]", "W0302"),
        ("conv 8, 3x3 -> global_avg_pool -> dense 10", "[3, 8, 8]", "W0302"),
        ("conv 8, 3x3 -> conv 8, 3x3", "[3, 8, 8]", "W0302"),
        ("dense 50 -> relu -> dense 10", "[64]", None),
        ("dense 8 -> dense 64", "[64]", None),
        ("conv 3, 3x3, groups=3 -> conv 8, 1x1", "[3, 8, 8]", None),
        ("conv 8, 1x3 -> conv 8, 3x1", "[3, 8, 8]", None),
        ("conv 2, 1x1 -> conv 8, 3x3", "[3, 8, 8]", None),
        ("conv 8, 3x3 -> max_pool 2x2 -> conv 8, 3x3", "[3, 8, 8]", None),
        ("a = dense 50\nb = dense 50\n(a, b) -> add -> relu", "[64]", None),
    ],
)
def test_two_affine_layers(lines: str, shape: str, code: str | None) -> None:
    assert of_lines(lines, shape) == ([code] if code else [])


@covers("AC06")
def test_two_affine_layers_are_one() -> None:
    """W2(W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2), with the parameters that the message says."""
    net = lines_of("dense 50 -> dense 10", "[64]")
    (message,) = [d.message for d in net.spec.diagnostics]
    assert "650 parameters instead of 3,760" in message
    module = net.module().double()
    w1, b1, w2, b2 = (p.detach() for p in module.parameters())
    one = torch.nn.Linear(64, 10).double()
    one.weight.data, one.bias.data = w2 @ w1, w2 @ b1 + b2
    x = torch.randn(9, 64, dtype=torch.float64)
    assert torch.allclose(module(x), one(x), atol=1e-6)
    assert sum(p.numel() for p in one.parameters()) == 650


@covers("AC06", "CV17")
def test_two_convolutions_are_one_of_the_size_that_is_said() -> None:
    """The image of one bright pixel is as large as the kernel of the one convolution."""
    net = lines_of("conv 1, 3x3, stride=2, bias=no -> conv 1, 3x3, bias=no", "[1, 32, 32]")
    (message,) = [d.message for d in net.spec.diagnostics]
    assert "a kernel of 7x7" in message
    x = torch.zeros(1, 1, 32, 32, requires_grad=True)
    net.module()(x)[0, 0, 3, 3].backward()
    assert x.grad is not None
    rows = x.grad[0, 0].abs().sum(dim=1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == 7


# -- W0303: stacks of sigmoid and tanh


@covers("AC09")
@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("dense 9 -> sigmoid\n" * 4, None),
        ("dense 9 -> sigmoid\n" * 5, "W0303"),
        ("dense 9 -> sigmoid\n" * 30, "W0303"),
        ("dense 9 -> tanh\n" * 13, None),
        ("dense 9 -> tanh\n" * 14, "W0303"),
        ("dense 9 -> sigmoid\n" * 3 + "dense 9 -> tanh\n" * 6, "W0303"),
        ("dense 9 -> sigmoid\n" * 4 + "dense 9 -> relu\n" + "dense 9 -> sigmoid\n" * 4, None),
        ("dense 9, bias=no -> batch_norm -> sigmoid\n" * 9, None),
        ("residual: dense 9 -> sigmoid\n" * 9, None),
    ],
)
def test_stacks_of_saturating_activations(lines: str, code: str | None) -> None:
    assert of_lines(lines, "[9]") == ([code] if code else [])


@covers("AC09")
def test_the_slopes_that_are_multiplied_are_those_of_the_functions() -> None:
    z = torch.linspace(-8, 8, 100_001, dtype=torch.float64, requires_grad=True)
    (sigmoid,) = torch.autograd.grad(torch.sigmoid(z).sum(), z)
    assert sigmoid.max().item() == pytest.approx(0.25)
    (tanh,) = torch.autograd.grad(torch.tanh(z).sum(), z)
    density = torch.exp(-(z.detach() ** 2) / 2)
    assert (tanh * density).sum().item() / density.sum().item() == pytest.approx(0.61, abs=0.005)


# -- W0304, W0305: batch norm


@covers("NO12")
@pytest.mark.parametrize(
    ("lines", "shape", "code"),
    [
        ("conv 8, 3, bias=no -> batch_norm", "[4, T]", "W0304"),
        ("conv 8, 3, bias=no -> batch_norm", "[4, 100]", None),
        ("conv 8, 3, bias=no -> group_norm 1", "[4, T]", None),
        ("layer_norm", "[T, 4]", None),
        ("conv 8, 3x3, bias=no -> batch_norm", "[3, H, W]", None),
        ("relu -> dropout 0.5 -> batch_norm", "[8]", "W0305"),
        ("relu -> dropout keep=0.8 -> flatten -> batch_norm", "[3, 8, 8]", "W0305"),
        ("relu -> dropout 0 -> batch_norm", "[8]", None),
        ("batch_norm -> relu -> dropout 0.5 -> dense 3", "[8]", None),
    ],
)
def test_batch_norm_where_its_statistics_mislead(lines: str, shape: str, code: str | None) -> None:
    assert of_lines(lines, shape) == ([code] if code else [])


@covers("NO12")
def test_dropout_scales_the_variance_by_what_is_said() -> None:
    """Over numbers of mean 0 exactly; over others, as after relu, by more."""
    torch.manual_seed(0)
    (message,) = [d.message for d in lines_of("dropout 0.2 -> batch_norm", "[8]").spec.diagnostics]
    assert "= 1.25 times" in message
    x = torch.randn(1_000_000)
    kept = torch.nn.functional.dropout(x, 0.2)
    assert (kept.var() / x.var()).item() == pytest.approx(1.25, rel=0.01)
    x = x.relu()
    assert (torch.nn.functional.dropout(x, 0.2).var() / x.var()).item() > 1.25


# -- edits


LINTED = """
conv 8, 3x3 -> batch_norm -> relu
conv 8, 3x3, bias=yes -> batch_norm -> relu -> dropout 0.5
batch_norm
conv 8, 3x3 -> conv 8, 3x3 -> relu
flatten -> dense 50 -> dense 10
"""


@pytest.mark.parametrize(
    "text",
    [
        "net N:\n    input x: [3, 32, 32]\n"
        + "".join(f"    {line}\n" for line in LINTED.split("\n") if line),
        "net N:\n    input x: [4, T]\n    conv 8, 3, bias=no -> batch_norm -> relu\n",
        "net N:\n    input x: [9]\n" + "    dense 9 -> sigmoid\n" * 5,
        recipe("dense 8, bias=no -> batch_norm -> relu -> dense 10", "digits", "mse", batch=2),
        recipe("dense 3 -> softmax", "iris", "cross_entropy", "[4]"),
        recipe("dense 1", 'npz "rows.npz"', "cross_entropy"),
        "net N(old=3):\n    allow W0302\n    allow W0301, W0303\n    input x: [4]\n    dense 3\n",
    ],
)
def test_the_edit_of_every_lint_mends_it(text: str) -> None:
    """Each alone leaves every other warning and no new one."""
    found = [d for d in findings(text) if d.edits and d.code != "W0201"]
    assert found
    for one in found:
        left = findings(edited(text, one))
        assert not [d for d in left if d.severity == "error"], one
        assert len([d for d in left if d.code == one.code]) < len(
            [d for d in findings(text) if d.code == one.code]
        ), one
        assert not one.safe  # it changes what the net is


# -- all of them


def test_every_code_that_can_be_allowed_is_said_somewhere() -> None:
    """And every warning and note that the compiler can say may be allowed."""
    said = set()
    for file in (REPOSITORY / "compiler").rglob("*.py"):
        if file.name != "allowing.py":
            said |= set(re.findall(r'"([WN]0\d{3})"', file.read_text(encoding="utf-8")))
    assert said | {"W0202"} == set(CODES)


def test_every_warning_has_a_golden_case() -> None:
    shown = {code for case in cases() for code in re.findall(r"\[([WN]0\d{3})\]", case.text)}
    assert set(CODES) <= shown


@pytest.mark.parametrize(
    "file", sorted((REPOSITORY / "specs").rglob("*.net")), ids=lambda f: f.stem
)
def test_shipped_specs_have_no_warnings(file: Path) -> None:
    from netc.api import read

    spec = read(file, {})
    spec.judge()
    assert [d for d in spec.diagnostics if d.severity != "note"] == []


def test_long_chains_are_looked_at_without_recursion() -> None:
    assert of_lines("dense 4 -> sigmoid\n" * 20_000, "[4]") == ["W0303"]
    assert of_lines("dense 4\n" + "linear\n" * 20_000 + "dense 4", "[4]") == ["W0302"]


# -- W0307: dense layers over the columns of a map


@covers("PO12")
@pytest.mark.parametrize(
    ("lines", "shape", "code"),
    [
        ("conv 8, 3x3 -> relu -> dense 10", "[3, 32, 32]", "W0307"),
        ("max_pool 2x2 -> dropout 0.1\ndense 64 -> tanh -> dense 10", "[3, 32, 32]", "W0307"),
        ("conv 8, 3x3, bias=no -> batch_norm -> relu\nfc = dense 10", "[3, H, 32]", "W0307"),
        ("conv 8, 3x3 -> relu -> flatten -> dense 10", "[3, 32, 32]", None),
        ("conv 8, 3x3 -> relu -> global_avg_pool -> dense 10", "[3, H, W]", None),
        ("conv 8, 3x3 -> relu -> transpose (1, 2, 0) -> dense 10", "[3, 32, 32]", None),
        ("conv 8, 3x3 -> relu -> dense 10 -> relu -> conv 8, 3x3", "[3, 32, 32]", None),
        ("dense 10", "[3, 32, 32]", None),
        ("conv 8, 3 -> relu -> dense 10", "[3, 32]", None),
    ],
)
def test_a_forgotten_flatten_is_told(lines: str, shape: str, code: str | None) -> None:
    assert of_lines(lines, shape) == ([code] if code else [])


@covers("PO12")
def test_what_a_dense_layer_behind_a_map_mixes() -> None:
    """One row of one channel moves the outputs of that row, and no others."""
    net = lines_of("conv 2, 3x3, pad=1 -> relu -> dense 4", "[1, 5, 6]")
    (warning,) = net.spec.diagnostics
    assert "the 6 numbers of a row, with the same weights for each of 10 rows" in warning.message
    assert "reads all 60 numbers" in warning.hint
    dense = net.module().get_submodule("dense1")
    x = torch.zeros(1, 2, 5, 6)
    before = dense(x)
    x[0, 1, 3] = 1
    moved = (dense(x) != before).any(dim=3)[0]
    assert moved.nonzero().tolist() == [[1, 3]]


# -- W0308: a kernel that is a product


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("conv 8, 3*3", ["W0308"]),
        ("conv 8, kernel=1*5", ["W0308"]),
        ("max_pool 2*2", ["W0308"]),
        ("conv 8, 3x3", []),
        ("conv 8, 9", []),
        ("conv 8, 2*n + 1", []),
        ("conv 8, n*3", []),
        ("conv 2*4, 3x3", []),
        ("reshape [3, 1024] -> conv 8, 3*3 -> reshape [8, 8, 127]", []),
    ],
)
def test_a_kernel_that_is_a_product(line: str, codes: list[str]) -> None:
    text = f"net N(n=1):\n    input x: [3, 32, 32]\n    {line}\n    conv n, 1x1 -> relu\n"
    text = text.replace("    conv n", "    relu -> conv n")
    (found, *_) = [*findings(text), None]
    assert warnings(text) == codes
    if found is not None:
        assert warnings(edited(text, found)) == []
