"""Who holds the values of a run: its variables, and autograd, which frees what leads nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from netc.compiler.graph import LayerStep, Wire

Saved: TypeAlias = tuple[tuple[Wire, ...], int]
"""What a layer's backward pass reads: values, each once, by the memory that they lie in, and the
bytes beside them."""


class Holders:
    """The memory that values take while anything holds them, at a moment and at the worst one.

    Attributes:
        sizes: bytes of the values.
        roots: the values that they are views of, or themselves.
    """

    def __init__(self, sizes: Mapping[Wire, int], roots: Mapping[Wire, Wire]) -> None:
        self.sizes, self.roots = sizes, roots
        self.holders: dict[Wire, int] = {}
        self.live = self.most = 0

    def hold(self, wire: Wire) -> None:
        """One more variable, call or record holds the value."""
        root = self.roots[wire]
        count = self.holders.get(root, 0)
        self.holders[root] = count + 1
        if not count:
            self.needs(self.sizes[root])

    def drop(self, wire: Wire) -> None:
        """One less does."""
        self.leave(wire)

    def leave(self, wire: Wire) -> None:
        """One less holds the value; a record that it has is held as before."""
        root = self.roots[wire]
        count = self.holders[root] - 1
        if count:
            self.holders[root] = count
        else:
            del self.holders[root]
            self.live -= self.sizes[root]

    def ran(self, step: LayerStep, working: int) -> None:
        """A layer was called, which held so many bytes for itself: its output is held once more."""
        self.hold(step.output)
        self.most = max(self.most, self.live + working)

    def replaced(self, wire: Wire, copy: int) -> None:
        """A copy of so many bytes is made of a value, which is then left for the copy."""
        self.most = max(self.most, self.live + copy)
        self.leave(wire)

    def forget(self, wire: Wire) -> None:
        """A record is held once less, if the value has one."""

    def needs(self, size: int) -> None:
        """So many bytes more are in use."""
        self.live += size
        if self.live > self.most:
            self.most = self.live


class Recorded(Holders):
    """The same while autograd records: values hold what their gradients need.

    Attributes:
        saved: of learned values, what the backward pass of their layers reads.
        drawn: of layers that draw numbers in training (dropout's mask) how many bytes these take,
            kept or not.
    """

    def __init__(
        self,
        sizes: Mapping[Wire, int],
        roots: Mapping[Wire, Wire],
        saved: Mapping[Wire, Saved],
        drawn: Mapping[Wire, int],
    ) -> None:
        super().__init__(sizes, roots)
        self.saved, self.drawn = saved, drawn
        self.leading: dict[Wire, int] = {}  # variables and records that a record is held by
        self.makers: dict[Wire, LayerStep] = {}

    def hold(self, wire: Wire) -> None:
        super().hold(wire)
        if wire in self.saved:
            self.leading[wire] = self.leading.get(wire, 0) + 1

    def drop(self, wire: Wire) -> None:
        self.leave(wire)
        self.forget(wire)

    def ran(self, step: LayerStep, working: int) -> None:
        super().ran(step, working)
        if step.output not in self.saved:
            self.most = max(self.most, self.live + self.drawn.get(step.output, 0))
            return
        roots, beside = self.saved[step.output]
        self.makers[step.output] = step
        for root in roots:
            super().hold(root)
        self.needs(beside)
        for wire in step.sources:
            if wire in self.saved:
                self.leading[wire] = self.leading.get(wire, 0) + 1

    def forget(self, wire: Wire) -> None:
        """A record is held once less; what it leads to goes with it."""
        waiting = [wire] if wire in self.saved else []
        while waiting:
            wire = waiting.pop()
            count = self.leading.pop(wire) - 1
            if count:
                self.leading[wire] = count
                continue
            if (step := self.makers.pop(wire, None)) is None:
                continue
            roots, beside = self.saved[wire]
            for root in roots:
                self.leave(root)
            self.live -= beside
            waiting += (one for one in step.sources if one in self.saved)
