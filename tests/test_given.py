"""Values set from outside: NumPy's numbers are numbers, and no limit of the language is passed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import netc
from netc.cli import main

SPEC = "net A(n=3, p=0.5, window=(2, 2)):\n    input x: [1, 4, 4]\n    max_pool window\n"
SPEC += "    flatten -> dense n -> dropout p\n"


@pytest.mark.parametrize(
    "values",
    [
        {"n": np.int64(5)},
        {"n": np.uint8(5)},
        {"n": 5, "p": np.float32(0.25)},
        {"n": 5, "p": Fraction(1, 4)},
        {"n": 5, "window": [2, np.int32(2)]},
    ],
    ids=str,
)
def test_numbers_of_other_libraries_are_numbers(values: dict[str, Any]) -> None:
    assert netc.load(SPEC, **values).net().report().params == 4 * 5 + 5


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"n": 10**30}, "is larger than 2^63"),
        ({"n": -(10**30)}, "is larger than 2^63"),
        ({"window": (2, 10**30)}, "is larger than 2^63"),
        ({"n": float("nan")}, "is nan, and numbers here are finite"),
        (
            {"n": Decimal(5)},
            "is of type Decimal, and should be a number, yes or no, a text or sizes",
        ),
    ],
    ids=str,
)
def test_other_values_are_one_error(values: dict[str, Any], why: str) -> None:
    with pytest.raises(netc.CompileError) as caught:
        netc.load(SPEC, **values)
    (wrong,) = caught.value.diagnostics
    assert (wrong.code, wrong.message) == (
        "E0210",
        f"the value set for `{next(iter(values))}` {why}",
    )


def test_the_command_line_has_the_limit_too() -> None:
    result = CliRunner().invoke(main, ["report", "-", "--set", f"n={10**20}"], input=SPEC)
    assert result.exit_code == 1
    assert "error[E0210]: the value set for `n` is larger than 2^63" in result.stderr


@pytest.mark.parametrize(
    ("values", "shape", "params"),
    [
        ({}, (1, 8, 8), 10),
        ({"pad": "valid"}, (1, 6, 6), 10),
        ({"wide": True}, (2, 8, 8), 20),
        ({"filters": None}, (1, 8, 8), 10),
        ({"most": 1e30}, (1, 8, 8), 10),
        ({"most": 2**63 - 1}, (1, 8, 8), 10),
    ],
    ids=str,
)
def test_texts_yes_and_no_and_large_numbers_are_values(
    values: dict[str, Any], shape: tuple[int, ...], params: int
) -> None:
    text = 'net A(pad="same", wide=no, filters=1, most=20):\n    input x: [1, 8, 8]\n'
    text += "    conv 2 if wide else 1 if filters == none else filters, 3, pad=pad\n"
    report = netc.load(f"{text}    expect params <= most\n", **values).net().report()
    assert (report.outputs[0][1].shape, report.params) == (shape, params)
