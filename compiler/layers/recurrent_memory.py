"""What recurrent layers hold in memory: float32 tensors of PyTorch's kernels for CPUs.

`rnn` and `gru` run as a loop of PyTorch's own operations: what they hold at a time is written down
here, and tests hold it to PyTorch's allocator. `lstm` runs in oneDNN, whose workspace has a layout
that depends on the processor: what is said here is the rest.
Source: https://github.com/pytorch/pytorch/blob/v2.13.0/aten/src/ATen/native/RNN.cpp
"""

from __future__ import annotations

from msgspec import Struct

from netc.compiler.layers.base import FLOAT_BYTES, Held
from netc.compiler.sizes import Size


class Cells(Struct, frozen=True):
    """The sizes of a recurrent layer.

    Attributes:
        maps: matrices side by side in one weight: 1 in a plain cell, 3 in a GRU, 4 in an LSTM.
        dropout: whether numbers are dropped between its layers.
    """

    steps: Size
    features: int
    units: int
    layers: int
    directions: int
    maps: int
    dropout: bool

    @property
    def unknown(self) -> str:
        """What more there is, of unknown size."""
        if self.maps == 4:
            return "the workspace of oneDNN's LSTM, which depends on the processor"
        return "what PyTorch holds for a sequence of one step" if self.steps == 1 else ""

    @property
    def held(self) -> tuple[Held, ...]:
        """What autograd keeps. PyTorch puts time before the batch, which is a copy of the input."""
        ways, steps, units = self.directions, self.steps, self.units
        found: list[Held] = []
        if steps != 1:
            found.append(_held("turned input", 1 if self.maps == 4 else ways, steps, self.features))
        stack = ways * self.layers
        if self.maps == 1:
            found.append(_held("states", stack, steps + 1, units))
        elif self.maps == 3:  # gates, candidate, state, and three numbers of their products
            found.append(_held("states and gates", stack, 7, steps, units))
        else:
            found.append(_held("first and last states", stack, 4, units))
            if ways == 2:
                found.append(_held("states", stack, steps, units))
        above = (self.layers - 1) * ways
        if above:
            found.append(_held("states between layers", above, steps, units))
        if above and self.dropout:
            found.append(_held("scaled masks", above, steps, units))
        return tuple(found)

    def working(self) -> int | None:
        """Bytes of one example that a call holds beside input and output; None with named sizes."""
        if not isinstance(self.steps, int):
            return None
        count = self._fused if self.maps == 4 else self._looped
        worst = max(count(self.steps, layer) for layer in range(self.layers))
        return FLOAT_BYTES * (worst - self.directions * self.steps * self.units)

    def early(self) -> Size:
        """Bytes of the backward pass on top of what is kept, before the input's gradient.

        What an LSTM takes there is not known: the least is nothing.
        """
        if self.maps == 4:
            return 0
        one, stack = self.steps * self.units, self.layers * self.directions
        if self.maps == 1:
            return FLOAT_BYTES * one * (3 if self.directions == 2 and self.layers > 1 else 1)
        return FLOAT_BYTES * ((self.directions + 1) * one + stack * self.units)

    def late(self) -> Size:
        """The same beside the input's gradient, less what is freed by then: mostly below 0.

        When an LSTM frees what is not known: all but the input is taken for freed, so that the
        least is the least.
        """
        if self.maps == 4:
            held: Size = 0
            for one in self.held:
                held = held + one.bytes if one.what != "turned input" else held
            return -1 * held
        saved = 1 if self.maps == 1 else 7
        between = (self.layers - 1) * self.directions * (2 if self.dropout else 1)
        last = (self.directions - 1) * saved  # the other direction's turn comes after
        freed = self.layers * self.directions * saved + between - last
        return -FLOAT_BYTES * (freed - self.maps) * self.units * self.steps

    def _looped(self, steps: int, layer: int) -> int:
        """Numbers at the worst moment of a layer of a plain cell's or a GRU's loop."""
        maps, units, ways = self.maps, self.units, self.directions
        one, other = steps * units, 0 if ways == 1 else 2 * steps * units
        copy = steps * self.features if layer == 0 and steps > 1 else 0
        multiplied = maps * one + copy + (other and maps * one + other)
        looped = maps * one + (steps - 1) * units + (2 if maps == 1 else 5) * units + other
        stacked = (maps + 2) * one + (other and other + 2 * one)  # both directions side by side
        return self._around(layer, steps) + max(multiplied, looped, stacked)

    def _around(self, layer: int, steps: int) -> int:
        """What lies below a layer, the states of zeros, and the last states so far."""
        below = self.directions * steps * self.units if layer else 0
        return below + (self.layers + layer) * self.directions * self.units

    def _fused(self, steps: int, layer: int) -> int:
        """Numbers at the worst moment of an LSTM, without oneDNN's workspace."""
        one, ways = steps * self.units, self.directions
        copy = steps * self.features if steps > 1 else 0
        outputs = ways * one + (2 * one if ways == 2 else 0)
        states = 2 * self.layers * ways * self.units
        within = ways * one * bool(layer) + states + 2 * (layer + 1) * ways * self.units
        after = 3 * states if layer == self.layers - 1 else 0
        return copy + outputs + max(within, after)


def _held(what: str, *factors: Size) -> Held:
    return Held(what, (*(size for size in factors if size != 1), FLOAT_BYTES))
