"""Random specs that compile: layers, blocks with parameters, repeats, residuals, branches, shares,
sequentials, conditions, inline blocks and repeats.

Every line keeps the rank of what flows, so that any order of lines is a net.
"""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st

IMAGE = (
    "conv {n}, 3x3, pad=1",
    "conv {n}, 1x1, bias=no",
    "conv {n}, 3, pad=same, dilation=2",
    "conv {n}, 2x2, pad=same",
    "batch_norm",
    "group_norm 1",
    "instance_norm",
    "max_pool 3x3, stride=1, pad=1",
    "avg_pool 3x3, stride=1, pad=1",
    "relu",
    "relu6",
    "silu",
    "tanh",
    "leaky_relu 0.2",
    "elu",
    "dropout 0.25",
    "sigmoid",
)
SEQUENCE = (
    "dense {n}",
    "dense {n}, bias=no",
    "layer_norm",
    "lstm {n}",
    "gru {n}, bidirectional=yes",
    "rnn {n}",
    "attention 1",
    "attention 2, mask=causal",
    "positions sinusoid",
    "gelu",
    "silu",
    "tanh",
    "dropout 0.1",
)
WIDTHS = (4, 6, 8)


def indented(lines: list[str], depth: int) -> str:
    return "".join("    " * depth + line + "\n" for line in lines)


class Writer:
    """Draws the lines of one definition; `n` stands for its parameter, if it has one."""

    def __init__(
        self,
        draw: st.DrawFn,
        words: tuple[str, ...],
        blocks: list[str],
        n: str | None,
        ending: str = "",
    ):
        self.draw, self.words, self.blocks, self.n = draw, words, blocks, n
        self.count, self.ending = 0, ending
        self.axis = "channels" if words is IMAGE else "features"

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}{self.ending}"

    def width(self) -> str:
        return str(
            self.draw(st.sampled_from([*WIDTHS, *([self.n, f"2*{self.n}"] if self.n else [])]))
        )

    def layer(self) -> str:
        return self.draw(st.sampled_from(self.words)).format(n=self.width())

    def chain(self) -> str:
        return " -> ".join(self.layer() for _ in range(self.draw(st.integers(1, 3))))

    def same(self, width: str) -> str:
        """A layer that gives a known width, so that values can be added."""
        return f"conv {width}, 1x1" if self.words is IMAGE else f"dense {width}"

    def term(self, width: str) -> str:
        """The same before a sum, which is written over what batch norm gave."""
        norm = " -> batch_norm" if self.words is IMAGE and self.draw(st.booleans()) else ""
        return self.same(width) + norm

    def condition(self) -> str:
        """A condition that holds in some uses of the block and in others not."""
        asked = st.sampled_from([self.n or "5", f"in.{self.axis}", f"out.{self.axis}"])
        limit = self.draw(st.sampled_from(["!= 6", "> 4", "== 8"]))
        return f"{self.draw(asked if self.n else st.sampled_from(['out.' + self.axis]))} {limit}"

    def numbered(self) -> str:
        """A line of a sequential, where names have no place."""
        kinds = ["{}", "inline repeat 2: {}", "repeat 2: {}", "sequential: {}"]
        kinds += [f"when {self.condition()}: {{}}"]
        if self.blocks:
            return f"{self.draw(st.sampled_from(self.blocks))} {self.width()}"
        return self.draw(st.sampled_from(kinds)).format(self.chain())

    def lines(self, most: int, nesting: int = 0) -> list[str]:
        found: list[str] = []
        for _ in range(self.draw(st.integers(1, most))):
            found += self.line(nesting)
        return found

    def line(self, nesting: int) -> list[str]:
        kinds = ["chain", "chain", "named", "jump", *["crop"] * (self.words is IMAGE)]
        if nesting < 2:
            kinds += ["residual", "shortcut", "repeat", "branches", "named structure", "each"]
            kinds += ["sequential", "when", "inline repeat"]
        if self.blocks:
            kinds += ["block", "block"]
        match self.draw(st.sampled_from(kinds)):
            case "chain":
                return [self.chain()]
            case "named":
                return [f"{self.fresh('line')} = {self.chain()}"]
            case "jump":
                name, width = self.fresh("value"), self.width()
                join = self.draw(st.sampled_from(["concat", "add", "mul"]))
                return [f"{name} = {self.same(width)}", f"{self.term(width)} -> {join} {name}"]
            case "crop":
                name, width = self.fresh("middle"), self.width()
                join = self.draw(st.sampled_from(["concat", "add"]))
                wide = f"conv {width}, 3x3, pad={self.draw(st.integers(1, 3))}"
                return [
                    f"{name} = {self.same(width)}",
                    f"{wide} -> crop to={name} -> {join} {name}",
                ]
            case "block":
                block = self.draw(st.sampled_from(self.blocks))
                use = f"{block} {self.width()}"
                return [self.draw(st.sampled_from([use, f"{self.fresh('part')} = {use}"]))]
            case "residual":
                width = self.width()
                inner = [*self.lines(2, nesting + 1), self.term(width)]
                return [self.same(width), "residual:", *("    " + line for line in inner)]
            case "shortcut":
                width = self.width()
                when = self.draw(
                    st.sampled_from(
                        [
                            "",
                            f" when=in.{self.axis} != {width}",
                        ]
                    )
                )
                name = self.draw(st.sampled_from(["", f"{self.fresh('down')} = "]))
                around = f"    {name}shortcut{when}: {self.same(width)}"
                return [
                    "residual:",
                    *("    " + x for x in self.lines(1, nesting + 1)),
                    f"    {self.term(width)}",
                    around,
                ]
            case "repeat":
                name = self.draw(st.sampled_from(["", f"{self.fresh('stage')} = "]))
                inner = self.lines(2, nesting + 1)
                count = self.draw(st.integers(1, 3))
                if self.blocks and self.draw(st.booleans()):
                    block = self.draw(st.sampled_from(self.blocks))
                    width = self.width()
                    return [
                        f"{name}repeat {count} as i: {block} {width} if i == 0 else {self.width()}"
                    ]
                return [f"{name}repeat {count}:", *("    " + line for line in inner)]
            case "sequential":
                name = self.draw(st.sampled_from(["", f"{self.fresh('numbered')} = "]))
                inner = [self.numbered() for _ in range(self.draw(st.integers(1, 3)))]
                return [f"{name}sequential:", *("    " + line for line in inner)]
            case "when":
                inner = self.lines(2, nesting + 1)
                return [f"when {self.condition()}:", *("    " + line for line in inner)]
            case "inline repeat":
                inner = self.lines(1, nesting + 1)
                count = self.draw(st.integers(0, 3))
                return [f"inline repeat {count}:", *("    " + line for line in inner)]
            case "each":
                return [f"repeat in [{self.width()}, {self.width()}] as w: {self.same('w')}"]
            case "branches":
                join = self.draw(st.sampled_from(["concat", "add", "mul"]))
                width = self.width()
                ways = []
                for _ in range(self.draw(st.integers(2, 3))):
                    name = self.draw(st.sampled_from(["", f"{self.fresh('way')} = "]))
                    ways.append(f"    {name}branch: {self.chain()} -> {self.term(width)}")
                return [f"parallel join={join}:", *ways]
            case _:
                width = self.width()
                word = self.draw(st.sampled_from(["residual", "repeat 2"]))
                return [
                    self.same(width),
                    f"{self.fresh('whole')} = {word}: {self.same(width)} -> relu",
                ]


@st.composite
def nets(draw: st.DrawFn) -> str:
    """A spec with one net, `Net`, and the blocks it uses."""
    image = draw(st.booleans())
    words = IMAGE if image else SEQUENCE
    blocks: list[str] = []
    text = ""
    for number in range(draw(st.integers(0, 2))):
        writer = Writer(draw, words, list(blocks), "n", "ab"[number])
        name = f"Block{'AB'[number]}"
        body = writer.lines(3)
        text += f"block {name}(n):\n{indented([*body, writer.same('n')], 1)}\n"
        blocks.append(name)
    writer = Writer(draw, words, blocks, None)
    lines = writer.lines(4)
    if blocks and draw(st.booleans()):
        lines.append(f"inline {draw(st.sampled_from(blocks))} {writer.width()}")
    if draw(st.booleans()):
        width = writer.width()
        lines += [f"share twin = {writer.same(width)}", writer.same(width), "twin -> relu -> twin"]
    lines.append("conv 2, 1x1" if image else "dense 2")
    return (
        text + f"net Net:\n    input x: {'[3, 6, 5]' if image else '[5, 4]'}\n{indented(lines, 1)}"
    )


LONG = ("a_value_with_a_rather_long_name_of_its_own", "another_value_that_jumps_over_many_lines")
NAMES = ("x", "layer", "layers", "skip", "shortcut", "size", "x2", "part", "input_", *LONG)
"""Names that the emitted file has uses for, and names that are too long for its lines."""
CLASSES = ("Net", "Trunk", "Layer", "Attention", "X", "F2", "layer", "part", "Cell")


class Tangle:
    """Draws lines over values of one shape, so that every line may read any value in sight."""

    def __init__(self, draw: st.DrawFn, taken: tuple[str, ...] = ()) -> None:
        self.draw = draw
        self.left = [name for name in draw(st.permutations(NAMES)) if name not in taken]
        self.count = 0

    def name(self) -> str:
        """A name that no other line of the definition has."""
        if self.left:
            return self.left.pop()
        self.count += 1
        return f"v{self.count}"

    def lines(self, seen: list[str], blocks: dict[str, int], nesting: int) -> list[str]:
        """Lines that read the values `seen` and those that they name themselves."""
        found: list[str] = []
        seen = list(seen)
        for _ in range(self.draw(st.integers(1, 3))):
            line = self.line(seen, blocks, nesting)
            if self.draw(st.integers(0, 2)) == 0 and not line[0].startswith("share"):
                name = self.name()
                line[0] = f"{name} = {line[0]}"
                seen.append(name)
            found += line
            seen += ["out"] * ("out" not in seen)
        return found

    def line(self, seen: list[str], blocks: dict[str, int], nesting: int) -> list[str]:
        """One line with what is below it."""
        kinds = ["dense 4", "layer_norm", "tanh -> relu", "join", "join", "add", "read", "over"]
        kinds += ["share"]
        kinds += ["block"] * bool(blocks)
        kinds += ["repeat", "twice", "residual", "branches", "sequential"] * (nesting < 3)
        one, other = (self.draw(st.sampled_from(seen)) for _ in range(2))
        inner = partial(self.lines, [*seen, "in"], blocks, nesting + 1)
        match self.draw(st.sampled_from(kinds)):
            case "join":
                return [f"({one}, {other}) -> {self.draw(st.sampled_from(['add', 'mul']))}"]
            case "add":
                return [f"add {one}"]
            case "read":
                return [f"{one} -> dense 4"]
            case "over":
                return [f"attention 2, over={one}"]
            case "block":
                block = self.draw(st.sampled_from(sorted(blocks)))
                return [f"{block} {', '.join([one, other][: blocks[block]])}".rstrip()]
            case "repeat":
                count = self.draw(st.integers(1, 3))
                return [f"repeat {count}:", *("    " + line for line in inner())]
            case "twice":
                return ["repeat 2:", "    repeat 2:", *("        " + line for line in inner())]
            case "residual":
                return ["residual:", *("    " + line for line in inner())]
            case "branches":
                ways = [["    branch:", *("        " + line for line in inner())] for _ in range(2)]
                return ["parallel join=add:", *ways[0], *ways[1]]
            case "sequential":
                return ["sequential:", "    dense 4", "    relu"]
            case "share":
                shared = self.name()
                return [f"share {shared} = dense 4", f"{shared} -> tanh -> {shared}"]
            case plain:
                return [plain]


@st.composite
def tangled(draw: st.DrawFn) -> str:
    """A spec with one net in which values jump: into repeats, residuals and blocks, or nowhere."""
    text = ""
    blocks: dict[str, int] = {}
    name, block = draw(st.permutations(CLASSES))[:2]
    if draw(st.booleans()):
        values = draw(st.permutations(NAMES))[: draw(st.integers(0, 2))]
        head = f"({', '.join(values)})" if values else ""
        lines = Tangle(draw, (*values, name, block)).lines(["in", *values], {}, 1)
        text += f"block {block}{head}:\n{indented(lines, 1)}\n"
        blocks[block] = len(values)
    inputs = draw(st.permutations(NAMES))[: draw(st.integers(1, 2))]
    inputs = [one for one in inputs if one not in (name, block)] or ["y"]
    lines = Tangle(draw, (*inputs, name, block)).lines([*inputs, "out"], blocks, 0)
    lines = [f"{inputs[0]} -> dense 4", *lines, "dense 3"]
    if draw(st.booleans()):
        lines += [f"trunk = residual: dense 3 -> {draw(st.sampled_from(['relu', 'tanh']))}"]
    return f"{text}net {name}:\n    input {', '.join(inputs)}: [5, 4]\n{indented(lines, 1)}"
