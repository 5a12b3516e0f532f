"""The parts of a recipe: found by word, documented, checked, and light."""

from __future__ import annotations

import subprocess
import sys
from math import nextafter
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from netc.compiler.recipes import find, roles, words
from netc.compiler.recipes.base import Data, Loss, Optimizer, Part
from netc.compiler.recipes.optimizers import Sgd
from netc.runtime import TrainError
from netc.runtime.objectives import OBJECTIVES
from netc.runtime.optimizers import OPTIMIZERS, optimizer
from netc.runtime.readers import READERS

BASES: dict[str, type[Part]] = {"data": Data, "loss": Loss, "optimizer": Optimizer}
TABLES: dict[str, dict[Any, Any]] = {"data": READERS, "loss": OBJECTIVES, "optimizer": OPTIMIZERS}
ALL = [(role, word) for role in roles() for word in words(role)]


def part(role: str, word: str) -> type[Part]:
    found = find(role, word)
    assert found is not None
    return found


@pytest.mark.parametrize(("role", "word"), ALL)
def test_each_word_has_a_documented_class(role: str, word: str) -> None:
    found = part(role, word)
    assert found.kind == word and issubclass(found, BASES[role])
    assert found.__doc__ is not None and "Source: http" in found.__doc__
    assert found.positional <= len(found.model_fields)


@pytest.mark.parametrize("role", roles())
def test_what_can_be_written_can_be_run(role: str) -> None:
    assert {part(role, word) for word in words(role)} == set(TABLES[role])


def test_unknown_words_and_roles() -> None:
    assert find("data", "adam") is None and find("loss", "") is None and find("x", "adam") is None
    assert words("x") == ()
    assert roles() == ("data", "loss", "optimizer")


@pytest.mark.parametrize(
    ("role", "word", "options", "message"),
    [
        ("optimizer", "adam", {"lr": 0}, "greater than 0"),
        ("optimizer", "adam", {"lr": True}, "valid number"),
        ("optimizer", "adam", {"lr": "1e-3"}, "valid number"),
        ("optimizer", "adam", {"lr": float("inf")}, "finite"),
        ("optimizer", "adamw", {"lr": 1e39}, "less than or equal to 10+"),
        ("optimizer", "sgd", {"weight_decay": 1e39}, "less than or equal to 10+"),
        ("optimizer", "adam", {"betas": (0.9, 1.0)}, "less than 1"),
        ("optimizer", "adam", {"momentum": 0.9}, "Extra inputs"),
        ("optimizer", "sgd", {"nesterov": True}, "write `momentum=0.9`"),
        ("loss", "cross_entropy", {"label_smoothing": 1}, "less than 1"),
        ("loss", "mse", {"label_smoothing": 0}, "Extra inputs"),
        ("data", "digits", {"size": 0}, "greater than 0"),
        ("data", "digits", {"size": 10**9}, "65536"),
        ("data", "images", {"path": "a"}, "Field required"),
        ("data", "images", {"path": "a", "size": 8, "channels": 2}, "1 or 3"),
        ("data", "idx", {"path": ""}, "at least 1 character"),
        ("data", "iris", {"standardize": "sigma"}, "zscore"),
        ("data", "circles", {"n": 1}, "greater than or equal to 2"),
    ],
)
def test_wrong_options_are_refused(
    role: str, word: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        part(role, word)(**options)


LARGEST = {"lr": 1e18, "weight_decay": 1e18}


@pytest.mark.parametrize(
    ("word", "options"),
    [
        ("sgd", {"momentum": 0.9, "nesterov": True, **LARGEST}),
        ("adam", {"betas": (nextafter(1, 0), nextafter(1, 0)), **LARGEST}),
        ("adamw", {"betas": (0.0, 0.0), **LARGEST}),
    ],
)
def test_the_largest_rates_are_numbers_for_pytorch(word: str, options: dict[str, Any]) -> None:
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    chosen = part("optimizer", word)(**options)
    assert isinstance(chosen, Optimizer)
    optimizer(chosen, [weight]).step()  # 3.4e38 is the largest number that torch would take
    assert not torch.equal(weight.detach(), torch.ones(2))


def test_a_net_that_learns_nothing_is_refused() -> None:
    frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    with pytest.raises(TrainError, match="no parameter"):
        optimizer(Sgd(), [frozen])


def test_defaults_are_pytorchs() -> None:
    import inspect

    from torch import optim

    for word, theirs in (("adam", optim.Adam), ("adamw", optim.AdamW)):
        wanted = inspect.signature(theirs).parameters
        for name, value in part("optimizer", word)().model_dump().items():
            assert value == wanted[name].default


def test_parts_need_no_torch() -> None:
    code = (
        "import sys; from netc.compiler.recipes import find, roles, words\n"
        "for role in roles():\n    for word in words(role): find(role, word)\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'sklearn', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
