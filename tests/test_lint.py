"""Lints: what they warn of, that they are right about it, and how they are switched off."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import pytest
import torch
from compiling import REPOSITORY, findings, lines_of
from goldens import cases

from netc.compiler import recipes
from netc.compiler.allowing import CODES
from netc.compiler.diagnostics import Diagnostic
from netc.compiler.edits import applied
from netc.compiler.recipes.arrays import Circles
from netc.compiler.recipes.base import Data
from netc.compiler.recipes.pictures import Digits
from netc.compiler.source import Source
from netc.runtime.readers import read

covers = pytest.mark.covers


def warnings(text: str) -> list[str]:
    """The codes of all findings."""
    return [d.code for d in findings(text)]


def of_lines(lines: str, shape: str = "[3, 32, 32]") -> list[str]:
    return [d.code for d in lines_of(lines, shape).spec.diagnostics]


def recipe(body: str, data: str, loss: str, shape: str = "[8]", batch: int = 32) -> str:
    return (
        f"net N:\n    input x: {shape}\n    {body}\n\ntrain N:\n    data {data}\n    loss {loss}\n"
        f"    optimizer adam\n    epochs 1, batch={batch}\n"
    )


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


# -- W0304, W0305, W0602: batch norm


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
@pytest.mark.parametrize(
    ("norm", "batch", "codes"),
    [
        ("batch_norm", 7, ["W0602"]),
        ("batch_norm", 8, []),
        ("batch_norm", 64, []),
        ("layer_norm", 2, []),
        ("group_norm 4", 2, []),
    ],
)
def test_batch_norm_on_small_batches(norm: str, batch: int, codes: list[str]) -> None:
    body = f"dense 8, bias=no -> {norm} -> relu -> dense 10"
    assert warnings(recipe(body, 'npz "rows.npz"', "cross_entropy", batch=batch)) == codes


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


# -- W0601, W0603, W0604: the last layer, the loss and the task


@covers("AC08", "LO04")
@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "mse"])
@pytest.mark.parametrize("last", ["dense 4", "relu", "sigmoid", "tanh", "softmax", "leaky_relu"])
def test_last_activation_and_loss(last: str, loss: str) -> None:
    """Targets are not known: `mse` of bounded outputs may suit them."""
    suits = {
        "cross_entropy": ("dense 4", "leaky_relu"),
        "bce": ("dense 4", "leaky_relu"),
        "mse": ("dense 4", "leaky_relu", "relu", "sigmoid", "tanh"),
    }
    body = "dense 4" if last == "dense 4" else f"dense 4 -> {last}"
    for shape_only in ("", " -> linear -> reshape [2, 2] -> flatten"):
        found = warnings(recipe(body + shape_only, 'npz "rows.npz"', loss))
        assert found == ([] if last in suits[loss] else ["W0601"])


@covers("AC08")
def test_the_surest_answer_after_two_softmaxes_is_the_one_said() -> None:
    (found,) = findings(recipe("dense 10 -> softmax", 'npz "rows.npz"', "cross_entropy"))
    said = re.search(r"one of 10 classes is (\d\.\d+)", found.message)
    assert said is not None
    sure = torch.softmax(torch.tensor([1.0] + [0.0] * 9), dim=0)[0].item()
    assert float(said[1]) == pytest.approx(sure, abs=0.005)


@covers("AC08")
@pytest.mark.parametrize(
    ("data", "shape", "loss", "codes"),
    [
        ("iris", "[4]", "cross_entropy", []),
        ("iris", "[4]", "mse", ["W0603"]),
        ("iris", "[4]", "bce", ["W0603"]),
        ("breast_cancer", "[30]", "mse", []),
        ("diabetes", "[10]", "mse", []),
        ("diabetes", "[10]", "bce", ["W0603"]),
        ("linnerud", "[3]", "cross_entropy", ["W0603"]),
    ],
)
def test_the_loss_against_the_task(data: str, shape: str, loss: str, codes: list[str]) -> None:
    assert warnings(recipe("dense 3", data, loss, shape)) == codes


@covers("AC08")
def test_one_class_has_no_loss() -> None:
    assert warnings(recipe("dense 1", 'npz "rows.npz"', "cross_entropy")) == ["W0604"]
    scores, target = torch.randn(9, 1), torch.zeros(9, dtype=torch.int64)
    assert torch.nn.functional.cross_entropy(scores, target).item() == 0


def test_what_is_known_of_the_sets_is_what_they_hold() -> None:
    from sklearn import datasets

    for name in ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine"):
        part = recipes.find("data", name)
        assert part is not None and issubclass(part, Data)
        inputs, target = getattr(datasets, f"load_{name}")(return_X_y=True)
        if part.classes is not None:
            assert len(set(target)) == part.classes
        else:
            assert (target.min(), target.max()) == part.amounts
        assert prod(part().example() or ()) == inputs.shape[1]


@pytest.mark.parametrize("part", [Digits(), Digits(size=12), Digits(size=(9, 7)), Circles(n=5)])
def test_sizes_of_examples_are_those_that_are_read(part: Data) -> None:
    (inputs,) = read(part, Path(), 0).examples.inputs
    assert part.example() == tuple(inputs.shape[1:])


# -- W0605: the data against the net


@pytest.mark.parametrize(
    ("data", "shape", "fits"),
    [
        ("digits", "[1, 8, 8]", True),
        ("digits", "[1, H, W]", True),
        ("digits, size=32", "[1, 32, 32]", True),
        ("digits, size=9x7", "[1, 9, 7]", True),
        ("digits", "[1, 32, 32]", False),
        ("digits, size=9x7", "[1, 7, 9]", False),
        ("digits", "[3, 8, 8]", False),
        ("digits", "[64]", False),
        ('images "photos", size=20x30', "[3, 20, 30]", True),
        ('images "photos", size=20x30, channels=1', "[3, 20, 30]", False),
        ('idx "mnist"', "[3, 5, 5]", True),  # not known before it is read
    ],
)
def test_pictures_against_the_input(data: str, shape: str, fits: bool) -> None:
    text = recipe("global_avg_pool -> dense 10", data, "cross_entropy", shape)
    if shape == "[64]":
        text = text.replace("global_avg_pool -> ", "")
    found = [d for d in findings(text) if d.code == "W0605"]
    assert not found if fits else len(found) == 1
    if found and found[0].edits:
        assert warnings(edited(text, found[0])) == []


def test_rows_against_the_input_and_scores_against_the_classes() -> None:
    assert warnings(recipe("dense 3", "iris", "cross_entropy", "[4]")) == []
    assert warnings(recipe("dense 3", "iris", "cross_entropy", "[5]")) == ["W0605"]
    assert warnings(recipe("dense 4", "iris", "cross_entropy", "[4]")) == ["W0605"]
    assert warnings(recipe("dense 2", "circles", "cross_entropy", "[2]")) == []
    assert warnings(recipe("dense 2", "digits", "cross_entropy", "[8]")) == ["W0605", "W0605"]


# -- edits


LINTED = """
conv 8, 3x3 -> batch_norm -> relu
conv 8, 3x3, bias=yes -> batch_norm -> relu -> dropout 0.5
batch_norm
conv 8, 3x3 -> conv 8, 3x3 -> relu
flatten -> dense 50 -> dense 10
"""


def edited(text: str, found: Diagnostic) -> str:
    return applied(Source("spec.net", text), found.edits)


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


# -- allow


WARNED = "    input x: [64]\n    dense 50 -> dense 10\n"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("net N:\n" + WARNED, ["W0302"]),
        ("net N:\n    allow W0302\n" + WARNED, []),
        ("allow W0302\nnet N:\n" + WARNED, []),
        ("net N:\n" + WARNED + "\nallow W0302, W0303\n", ["W0202"]),
        ("allow W0202\nnet N:\n    allow W0302, W0303\n" + WARNED, []),
        ("net N(unused=1):\n    allow W0201\n" + WARNED, ["W0302"]),
        ("net M:\n    allow W0302\n" + WARNED + "net N:\n" + WARNED, ["W0302"]),
        ("block B:\n    allow W0302\n    dense 50 -> dense 9\n\nnet N:\n    input x: [64]\n    B\n",
         []),
        ("block B:\n    dense 50 -> dense 9\n\nnet N:\n    allow W0302\n    input x: [64]\n    B\n",
         ["W0202", "W0302"]),
        ("net N:\n    allow N0301\n    input x: [3, H]\n    residual: conv 3, 2, stride=2 -> "
         "conv_transpose 3, 2, stride=2\n", []),
    ],
)  # fmt: skip
def test_allow_switches_a_warning_off_where_it_stands(text: str, codes: list[str]) -> None:
    assert sorted(warnings(text)) == codes


def test_allow_in_a_train_block_is_about_its_training() -> None:
    text = recipe("dense 10 -> softmax", 'npz "rows.npz"', "cross_entropy")
    assert warnings(text) == ["W0601"]
    allowed = text.replace("    data", "    allow W0601\n    data")
    assert warnings(allowed) == []
    in_the_net = text.replace("    input", "    allow W0601\n    input")
    assert warnings(in_the_net) == []
    two = text.replace("net N", "net M").replace("train N", "train M") + "\n" + allowed
    assert warnings(two) == ["W0601"]


def test_nothing_is_said_of_what_had_no_chance() -> None:
    block = "allow W0303\n\nblock B(n):\n    allow W0201, W0302\n    dense 64 -> dense n\n"
    assert warnings(block) == []
    assert warnings(block + "\nnet N:\n    input x: [4]\n    dense 3\n") == []
    wrong = "net N:\n    allow W0302\n    input x: [4]\n    dens 3\n"
    assert warnings(wrong) == ["E0201"]


def test_allow_of_a_used_file_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("blocks.net").write_text(
        "allow W0302, W0303\n\nblock B:\n    dense 50 -> dense 9\n", encoding="utf-8"
    )
    Path("nets.net").write_text(
        'use "blocks.net": B\n\nnet N:\n    input x: [64]\n    B\n', encoding="utf-8"
    )
    from netc.api import read

    assert read("nets.net", {}).diagnostics == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("allow", "E0209 `allow` takes the codes of warnings"),
        ("allow 3", "E0209 `allow` takes the codes of warnings"),
        ("allow W0302 -> relu", "E0209 `allow` takes the codes of warnings"),
        ("allow code=W0302", "E0209 `allow` takes the codes of warnings"),
        ("allow W0302:\n        dense 3", "E0209 `allow` takes the codes of warnings"),
        ("allow W9999", "E0201 there is no warning `W9999`"),
        ("allow E0301", "E0210 `E0301` is an error, and errors cannot be allowed"),
        ("residual:\n        allow W0302\n        dense 64", "E0209 `allow` is about a whole net"),
        ("repeat 2:\n        allow W0302\n        dense 64", "E0209 `allow` is about a whole net"),
    ],
)
def test_allow_takes_codes_of_warnings_only(line: str, said: str) -> None:
    found = [f"{d.code} {d.message}" for d in findings(f"net N:\n    {line}\n{WARNED}")]
    assert any(message.startswith(said) for message in found), found


def test_a_value_may_be_called_allow() -> None:
    assert of_lines("allow = dense 3\nrelu", "[64]") == []


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


def test_each_output_is_looked_at_with_its_own_loss() -> None:
    text = """
        net Net:
            input image: [1, 8, 8]
            trunk = flatten -> dense 16 -> relu
            output side = trunk -> dense 10 -> softmax
            output scores = trunk -> dense 10

        train Net:
            data digits
            loss cross_entropy scores
            {second}
            optimizer adam
            epochs 1, batch=32
    """
    assert [d.code for d in findings(text.format(second="seed 1"))] == []
    (found,) = findings(text.format(second="loss cross_entropy side, weight=0.3"))
    assert (found.code, found.span.text) == ("W0601", "softmax")
    assert found.labels[0].span.line == 11


def test_hints_about_loss_and_classes_do_not_lead_in_a_circle() -> None:
    text = """
        net Net:
            input image: [1, 8, 8]
            flatten -> dense 1

        train Net:
            data digits
            loss {loss}
            optimizer adam
            epochs 1, batch=32
    """
    (one,) = findings(text.format(loss="bce"))
    assert (one.code, one.edits[0].text) == ("W0603", "cross_entropy")
    (two,) = findings(text.format(loss="cross_entropy"))
    assert (two.code, two.edits) == ("W0604", ())
    assert two.hint == "give each of the 10 classes a score: the last layer has 10"
