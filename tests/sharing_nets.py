"""Random specs in which shared modules are applied everywhere, beside layers with own weights.

All values are `[5, 4]`, so that every line can follow every other.
"""

from __future__ import annotations

from hypothesis import strategies as st
from random_nets import indented

NAMES = ("e", "x", "layer", "skip", "size", "unit", "layers", "shortcut", "x2", "dense1")
"""Names of shares: the emitted file has uses for some of them."""


class Sharing:
    """Draws the lines of one definition."""

    def __init__(self, draw: st.DrawFn, blocks: tuple[str, ...], taken: tuple[str, ...]) -> None:
        self.draw, self.blocks = draw, blocks
        self.names = [name for name in draw(st.permutations(NAMES)) if name not in taken]
        self.shared: list[str] = []
        self.count = 0

    def pick(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def fresh(self) -> str:
        self.count += 1
        return f"line{self.count}"

    def share(self) -> str:
        """A share of its own, in sight from here on."""
        made = self.pick("dense 4", "lstm 4", "tanh", "layer_norm", *self.blocks)
        self.shared.append(self.names.pop())
        return f"share {self.shared[-1]} = {made}"

    def chain(self) -> str:
        """A line; a named one may number its layers."""
        steps = [
            self.pick(*self.shared, *self.shared, "dense 4", "relu", "layer_norm")
            for _ in range(self.draw(st.integers(1, 4)))
        ]
        return self.pick("", "", f"{self.fresh()} = ") + " -> ".join(steps)

    def lines(self, nesting: int) -> list[str]:
        found: list[str] = []
        before = len(self.shared)
        if self.names and (not self.shared or self.draw(st.integers(0, 3)) == 0):
            found.append(self.share())
        for _ in range(self.draw(st.integers(1, 3))):
            found += self.line(nesting)
        del self.shared[before:]
        return found

    def line(self, nesting: int) -> list[str]:
        kinds = ["chain", "chain", *["repeat", "residual", "branches", "when"] * (nesting < 3)]
        kinds += ["numbered", "block"]
        inner = ["    " + line for line in self.lines(nesting + 1)] if nesting < 3 else []
        name = self.pick("", f"{self.fresh()} = ")
        match self.draw(st.sampled_from(kinds)):
            case "repeat":
                head = self.pick("repeat 2", "repeat 3 as i", "inline repeat 2", "repeat 1")
                if head.endswith("i"):
                    other = self.pick(*self.shared, "dense 4")
                    inner.append(f"    when i {self.pick('> 0', '== 1', '== 0')}: {other} -> relu")
                return [f"{'' if head.startswith('inline') else name}{head}:", *inner]
            case "residual":
                return [f"{name}residual:", *inner]
            case "branches":
                other = f"    {name}branch: {' -> '.join(self.shared)}"
                return ["parallel join=add:", "    branch:", *("    " + x for x in inner), other]
            case "when":
                return [f"when {self.pick('out.features == 4', 'out.features > 4')}:", *inner]
            case "numbered":
                around = self.pick(*self.shared)
                return [f"{name}sequential:", f"    {around}", "    relu", f"    {around} -> relu"]
            case "block":
                return [f"{name}{self.pick(*self.blocks)}" if self.blocks else "relu"]
            case _:
                return [self.chain()]


@st.composite
def sharing(draw: st.DrawFn) -> str:
    """A spec with a net `Net`, and mostly a block that shares within itself."""
    text, blocks = "", ()
    if draw(st.integers(0, 2)):
        lines = ["dense 4", *Sharing(draw, (), ("Cell",)).lines(1), "dense 4"]
        text, blocks = f"block Cell:\n{indented(lines, 1)}\n", ("Cell",)
    lines = [*Sharing(draw, blocks, ("x",)).lines(0), "dense 4"]  # all others may be none
    return f"{text}net Net:\n    input x: [5, 4]\n{indented(lines, 1)}"
