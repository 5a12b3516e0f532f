"""What a layer does, in words, names the arguments that are there and no others."""

from __future__ import annotations

import pytest
from layer_lines import layer, tensors


@pytest.mark.parametrize(
    ("line", "shapes", "said"),
    [
        ("lstm 8", "[5, 4]", "and keeps a state of 8"),
        ("lstm 8, layers=2", "[5, 4]", "and keeps a state of 8 in 2 layers"),
        ("gru 8", "[5, 4]", "one after the other, and keeps a state of 8"),
        ("gru 8, bidirectional=yes", "[5, 4]", "from both ends, and keeps a state of 8"),
        ("attention 2", "[5, 4]", "of these places, weighted by how well they match, in 2 heads"),
        ("attention 1, mask=causal", "[5, 4]", "in 1 head, places further on hidden"),
        ("layer_norm", "[5, 4]", "over the last axis, then scales and shifts as learned"),
        ("layer_norm axes=2, affine=no", "[5, 4]", "over the last 2 axes"),
        ("conv_transpose 6, 2", "[4, 7]", "with 6 filters, the windows 1 apart"),
        (
            "conv_transpose 6, 2, stride=2, groups=2, pad=1",
            "[4, 7, 7]",
            "with 6 filters, in 2 groups of channels, the windows 2 apart, 1 cut off at every end",
        ),
        (
            "adaptive_max_pool 2x3",
            "[4, 7, 8]",
            "2 × 3 windows that cover the 4-channel 7 × 8 image",
        ),
    ],
)
def test_a_layer_says_what_it_is_told(line: str, shapes: str, said: str) -> None:
    built, inputs = layer(line), tensors(shapes)
    assert built.does(inputs, built.output(inputs)).endswith(said)


def test_the_sizes_of_an_adaptive_pool_are_those_written() -> None:
    built, inputs = layer("adaptive_avg_pool 2x3"), tensors("[4, 7, 8]")
    told = built.why(inputs, built.output(inputs)).output
    assert told == "channels stay 4; height as written, 2, width as written, 3"


def test_both_directions_give_their_units() -> None:
    for line, letters in (("rnn 8", ""), ("rnn 8, bidirectional=yes", "2·u")):
        built, inputs = layer(line), tensors("[5, 4]")
        assert built.formulas(inputs, built.output(inputs)).output == letters
