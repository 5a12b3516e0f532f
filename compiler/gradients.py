"""The memory of gradients on the way back through a net, as autograd gives and frees it."""

from __future__ import annotations

from netc.compiler.graph import Wire


class Gradients:
    """The gradients of values on the way back, in the memory that autograd gives them.

    Those that are handed on (`add`, `concat`, views) lie in the memory of the output's. Of a value
    with several readers they are summed as they come in: in place, where the memory is its own.
    """

    def __init__(self, sizes: dict[Wire, int]) -> None:
        self.sizes = sizes
        self.of: dict[Wire, int] = {}  # which memory
        self.memories: list[tuple[int, int]] = []  # bytes, and how many gradients lie there
        self.live = self.most = 0

    def made(self, wire: Wire, shared: Wire | None) -> int:
        """The memory of a gradient of the value; `shared` is the value whose gradient holds it."""
        if shared is None:
            return self._new(self.sizes[wire])
        self._count(self.of[shared], 1)
        return self.of[shared]

    def arrive(self, wire: Wire, place: int) -> None:
        """The gradient in this memory comes in: the value's, or a part of the sum that it is."""
        before = self.of.get(wire)
        if before is None:
            self.of[wire] = place
            return
        if self.memories[before] == (self.sizes[wire], 1):
            self._count(place, -1)
            return
        self.of[wire] = self._new(self.sizes[wire])
        self._count(before, -1)
        self._count(place, -1)

    def leave(self, wire: Wire) -> None:
        """A value's gradient was used."""
        self._count(self.of.pop(wire), -1)

    def _new(self, size: int) -> int:
        self.memories.append((size, 1))
        self.live += size
        self.most = max(self.most, self.live)
        return len(self.memories) - 1

    def _count(self, place: int, change: int) -> None:
        size, count = self.memories[place]
        self.memories[place] = (size, count + change)
        if not count + change:
            self.live -= size
