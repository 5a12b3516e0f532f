"""The statements that draw a module's weights, in terms of `torch.nn.init`."""

from __future__ import annotations

from msgspec import Struct

from netc.compiler.initialising import TORCH, Start
from netc.compiler.layers.calls import literal

GATES = {"nn.LSTM": 4, "nn.GRU": 3, "nn.RNN": 1}
"""How many matrices lie in one weight: each has a fan-out of its own."""
WITHIN = {"Attention": "nn.Linear", "NetVLAD": "nn.Conv1d"}
"""The modules that classes of the emitted file hold: a loop over modules meets these."""


LOCALS = ("bound", "gate", "layer", "name", "part", "value")
"""Variables of these statements: no class of the file is called so."""


class Drawn(Struct, frozen=True, eq=False):
    """A layer's module.

    Attributes:
        function: its class: `nn.Linear`.
        bias: whether there are biases.
        table: of a `TableConv` its weights and its input's channels.
    """

    function: str
    bias: bool
    table: tuple[int, int] = (0, 0)

    @property
    def module(self) -> str:
        """The kind of module that a loop over all modules meets."""
        return WITHIN.get(self.function, self.function)

    @property
    def alone(self) -> bool:
        """Whether no other layer is drawn by the same statements."""
        return self.function == "TableConv" or self.function.startswith(("nn.BatchNorm", "Biased"))


def drawing(
    drawn: Drawn, start: Start, text: str, *, zeroed: bool = False, unsure: bool = False
) -> list[str]:
    """The statements for a module that `text` reaches, indented by their depth.

    Args:
        zeroed: its biases are 0 already.
        unsure: other modules of the kind have no biases.
    """
    if drawn.function == "Attention":
        part = drawing(Drawn("nn.Linear", drawn.bias), start, "part", zeroed=zeroed)
        return [f"for part in {text}.children():", *map(_deeper, part)]
    if drawn.function == "NetVLAD":
        return drawing(Drawn("nn.Conv1d", True), start, f"{text}.assign", zeroed=zeroed)
    if start.scheme == TORCH:
        return [f"{text}.reset_parameters()"]
    if drawn.function in GATES:
        return _recurrent(GATES[drawn.function], start, text)
    if drawn.function == "TableConv":
        found = _table(drawn.table, start, text)
    else:
        found = [fill(start, f"{text}.weight")]
    if not drawn.bias or zeroed:
        return found
    if unsure:
        return [
            *found, f"if {text}.bias is not None:", _deeper(f"nn.init.zeros_({text}.bias)")
        ]  # fmt: skip
    return [*found, f"nn.init.zeros_({text}.bias)"]


def fill(start: Start, text: str) -> str:
    """The call of `nn.init` that fills a tensor."""
    kind, _, spread = start.scheme.rpartition("_")
    if kind in ("he", "lecun"):
        follows = "relu" if kind == "he" else "linear"
        return f'nn.init.kaiming_{spread}_({text}, nonlinearity="{follows}")'
    if kind == "xavier":
        return f"nn.init.xavier_{spread}_({text})"
    if start.scheme == "zeros":
        return f"nn.init.zeros_({text})"
    std = literal(start.std)
    if start.scheme == "uniform":
        return f"nn.init.uniform_({text}, -(3**0.5) * {std}, 3**0.5 * {std})"
    return f"nn.init.normal_({text}, std={std})"


def _recurrent(gates: int, start: Start, text: str) -> list[str]:
    """Each gate's matrix by its own fans; `chunk` of the plain numbers, since it gives views."""
    if start.scheme == "zeros":
        return [f"for value in {text}.parameters():", _deeper("nn.init.zeros_(value)")]
    weights = [fill(start, "value")]
    if gates > 1 and start.scheme.startswith("xavier"):
        weights = [f"for gate in value.detach().chunk({gates}):", _deeper(fill(start, "gate"))]
    return [
        f"for name, value in {text}.named_parameters():",
        _deeper('if "bias" in name:'),
        _deeper(_deeper("nn.init.zeros_(value)")),
        _deeper("else:"),
        *map(_deeper, map(_deeper, weights)),
    ]


def _table(table: tuple[int, int], start: Start, text: str) -> list[str]:
    """Each filter by how many numbers it reads; a channel is read as often as the mean of all."""
    kind, _, spread = start.scheme.rpartition("_")
    if kind not in ("he", "xavier", "lecun"):
        return [fill(start, f"{text}.weight")]
    weights, channels = table
    fans = "part.numel()"
    if kind == "xavier":
        out = weights // channels if weights % channels == 0 else weights / channels
        fans = f"(part.numel() + {literal(out)})"
    factor = (1 if kind == "lecun" else 2) * (1 if spread == "normal" else 3)
    size = f"({factor} / {fans}) ** 0.5"
    draws = [f"nn.init.normal_(part, std={size})"]
    if spread == "uniform":
        draws = [f"bound = {size}", "nn.init.uniform_(part, -bound, bound)"]
    parts = f"{text}.weight.detach().split({text}.counts)"
    return [f"for part in {parts}:", *map(_deeper, draws)]


def _deeper(line: str) -> str:
    return f"    {line}"
