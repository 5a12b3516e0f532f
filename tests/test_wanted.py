"""What an argument may be is told in one sentence, without the names of classes."""

from __future__ import annotations

import pytest
from compiling import errors_of

from netc.compiler import layers
from netc.compiler.wanted import wanted

FIELDS = [(word, field) for word in layers.words() for field in layers.find(word).model_fields]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("conv 16, 0x3", "`kernel` of `conv` should be a whole number above 0 or a tuple of them"),
        (
            "max_pool 2, stride=0",
            "`stride` of `max_pool` should be a whole number above 0 or a tuple of them",
        ),
        (
            "conv 16, 3x3, pad=-1",
            "`pad` of `conv` should be a whole number of at least 0, a tuple of them, `same` or "
            "`valid`",
        ),
        (
            "reshape [4, -1]",
            "`sizes` of `reshape` should be a tuple, each of it a whole number above 0 or a size "
            "with a name",
        ),
        (
            "flatten -> mean x",
            "`size` of `mean` should be a whole number above 0 or a size with a name",
        ),
        ("flatten -> dense 0", "`units` of `dense` should be greater than 0"),
        ("conv 3, 3x3, bias=2", "`bias` of `conv` should be yes or no"),
    ],
)
def test_a_choice_is_one_sentence(line: str, said: str) -> None:
    (error,) = errors_of(f"net A:\n    input x: [3, 32, 32]\n    {line}\n    flatten\n")
    assert error.startswith(f"3 E0210 {said}, and is ")


@pytest.mark.parametrize(("word", "field"), FIELDS)
def test_every_argument_of_every_layer_can_be_told(word: str, field: str) -> None:
    layer = layers.find(word)
    assert layer is not None
    told = wanted(layer, field)
    assert told
    assert not set(told) & set("<>[]'\"")
