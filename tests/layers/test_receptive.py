"""Windows against the gradient's support: which inputs one output element really reads."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from layer_cases import CASES, Case, Draw, cases
from layer_oracle import numbers, run_of

from netc.compiler.layers import find
from netc.compiler.layers.base import Tensor, Turns, Window


@st.composite
def known_windows(draw: Draw, word: str) -> Case:
    """An adaptive pool from known sizes, whose windows may differ in length and overlap."""
    axes = draw(st.integers(1, 3))
    counts = [draw(st.integers(1, 4)) for _ in range(axes)]
    sizes = [draw(st.integers(count, 12)) for count in counts]
    kind = find(word)
    assert kind is not None
    return Case(kind(size=tuple(counts)), (Tensor((2, *sizes)),))


MANY = 500
"""Random examples: a max reads one element of its window at a time."""


def elements(window: Window | Turns, index: int) -> range:
    """Which inputs an output reads along one axis."""
    if isinstance(window, Window):
        first = index * window.stride - window.pad
        return range(first, first + window.size, window.apart)
    rounds, turn = divmod(index, len(window.reads))
    some = window.reads[turn]
    return range(some.start + rounds * window.step, some.stop + rounds * window.step, some.step)


@pytest.mark.parametrize(
    "word",
    ["adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "conv", "conv_transpose", "max_pool"],
)
@CASES
@given(data=st.data())
def test_windows_are_the_gradients_support(word: str, data: st.DataObject) -> None:
    case = data.draw(known_windows(word) if word.startswith("adaptive") else cases(word))
    windows = case.layer.receptive(case.inputs)
    assume(not isinstance(windows, str))
    sizes = case.inputs[0].shape[1:]
    place, reads = [], []
    for window, size, count in zip(
        windows, sizes, case.layer.output(case.inputs).shape[1:], strict=True
    ):
        inside = [
            index
            for index in range(count)
            if (read := elements(window, index)) and read[0] >= 0 and read[-1] < size
        ]
        assume(inside)
        place.append(data.draw(st.sampled_from(inside)))
        reads.append([*elements(window, place[-1])])
    (x,) = numbers(case.inputs, batch=MANY)
    result = run_of(case.layer, case.inputs)(x)
    (gradient,) = torch.autograd.grad(result[(..., *place)].sum(), x)
    support = gradient.abs().sum(dim=(0, 1)).nonzero()
    assert [sorted({*axis.tolist()}) for axis in support.T] == reads
