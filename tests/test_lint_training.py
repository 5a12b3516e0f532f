"""Lints of a train block: its loss, its data and its batches against the net."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import pytest
import torch
from compiling import findings
from linting import edited, recipe, warnings

from netc.compiler import recipes
from netc.compiler.recipes.arrays import Circles
from netc.compiler.recipes.base import Data
from netc.compiler.recipes.pictures import Digits
from netc.runtime.readers import read

covers = pytest.mark.covers


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


# -- W0602: batch norm on small batches


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
