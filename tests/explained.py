"""What tests of explanations share: taking one apart, and holding it to the layer's own numbers."""

from __future__ import annotations

import re
from fractions import Fraction

from compiling import lines_of
from layers.layer_sums import sides, statements

from netc.api import NetHandle
from netc.compiler.explain import find
from netc.compiler.graph import LayerStep
from netc.compiler.memory import BYTES
from netc.compiler.parts import Outline, outline
from netc.compiler.report import Row
from netc.compiler.sizes import Size, evaluate

SIZES = {"H": 32, "W": 64, "L": 48, "N": 5, "S": 12, "T": 20}


def outline_of(net: NetHandle) -> Outline:
    """A net's parts with its report."""
    return outline(net.report(), net.graph.module)


def row_of(shape: str, lines: str, path: str) -> Row:
    """The layer of that path in a net of some lines."""
    net = outline_of(lines_of(lines, shape))
    return find(path, net.parts, net.report.rows[0].span.source).rows[0]


_WRITTEN = re.compile(r"^line  .*$|^.*\(\S+:\d+\)$", re.MULTILINE)
"""What an explanation shows of the spec: `bias=no` there is no equation."""


def equations(text: str) -> list[list[Fraction]]:
    """The values of the sides of every `a = b` in an explanation or a lecture."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", _WRITTEN.sub("", text))
    return [
        sides(statement, SIZES)
        for line in plain.splitlines()
        for sentence in line.rstrip(".").split(". ")
        for statement in statements(sentence)
    ]


_BARE = re.compile(r"(?:^|[a-z:;,] )([\d,]+) = \1(?![\d,.·]| [+*/−-])", re.MULTILINE)


def bare(text: str) -> list[str]:
    """Numbers that are said to be themselves: `30,752 = 30,752` is no arithmetic."""
    return [match[0] for match in _BARE.finditer(text)]


def all_hold(text: str) -> int:
    """How many equations there are, when all of them hold and none says nothing."""
    found = equations(text)
    assert not bare(text)
    for values in found:
        assert len(set(values)) == 1, text
    return len(found)


def value(size: Size) -> int:
    known = evaluate(size, SIZES)
    assert isinstance(known, int)
    return known


def result(text: str) -> int:
    """What an arithmetic text comes to: its last side, or the number at its end."""
    chains = list(statements(text))
    if chains:
        return int(sides(chains[-1], SIZES)[-1])
    return int(re.findall(r"\d+", text)[-1])


def assert_right(row: Row) -> None:
    """The results of a row's arithmetic are the layer's own numbers."""
    step, why = row.step, row.why
    if row.layer in ("conv", "conv_transpose", "max_pool", "avg_pool"):
        assert result(why.output) == value(row.output.shape[-1])
    assert result(why.params) == row.params
    assert result(why.macs) == value(row.macs)
    assert result(why.flops) == 2 * value(row.macs)
    assert not isinstance(row.receptive_field, tuple) or seen(why.receptive_field) == list(
        row.receptive_field
    )
    if not isinstance(step, LayerStep):
        return
    stored = sum(weight.count * weight.dtype_bytes for weight in step.weights)
    assert result(why.weights) == stored
    inputs = [wire.tensor for wire in step.inputs]
    kept = step.layer.kept(inputs, row.output)
    if row.place.over:
        assert kept.over is not None
        kept = kept.over
    bytes_of = [value(t.elements) * BYTES[t.dtype] for t in (*inputs, row.output)]
    assert result(why.activation) == (0 if kept.view or row.place.over else bytes_of[-1])
    if not row.place.learns:
        assert result(why.kept) == 0
    elif kept.known:
        held = sum(bytes_of[index] for index in kept.inputs) + bytes_of[-1] * kept.output
        assert result(why.kept) == held + value(kept.extra) + kept.fixed
    else:
        assert why.kept.startswith("unknown")


def seen(text: str) -> list[int]:
    """The sizes of the receptive field in its arithmetic."""
    if "stays" in text:
        return [int(size) for size in text.split("stays ")[1].split(" × ")]
    ways = re.sub("^the [^;]*; ", "", text).split("; ")[0]
    return [int(sides(statement, {})[-1]) for statement in statements(ways)]
