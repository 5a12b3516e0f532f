"""The arithmetic behind every number of a layer in its place: one source for JSON and explanations.

What follows from the layer alone the layer says (`Layer.why`); receptive field and memory depend on
what stands before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, structs

from netc.compiler import receptive
from netc.compiler.graph import LayerStep, ParamStep
from netc.compiler.layers.base import Formulas, Kept, Tensor, Weight, Why, times
from netc.compiler.memory import BYTES
from netc.compiler.sizes import Size

Letters: TypeAlias = tuple[tuple[str, str], ...]
"""Letters of formulas, each with what it stands for."""
FLOPS, MEMORY = "2·MACs", "numbers·bytes of each"
"""The formulas that are the same for every layer."""
SHARED = "shared, and counted where it is applied first: 0"


class Place(Struct, frozen=True, eq=False):
    """What stands around a layer.

    Attributes:
        ways: the receptive field of each input whose numbers are read.
        field: that of its output.
        reuse: a shared layer applied again: its weights are stored once.
        placed: an input of the net with spatial axes leads to it.
        learns: learned numbers lead to its output, so that autograd follows it.
        known: what the net's conditions say of names in sizes.
        over: its output is written over its first input (`in_place`).
    """

    ways: tuple[receptive.Field, ...]
    field: receptive.Field
    reuse: bool
    learns: bool
    placed: bool
    known: Mapping[str, tuple[int, int]]
    over: bool


class Reasons(Struct, frozen=True, eq=False):
    """The arithmetic behind a layer's numbers, as text: every `a = b` in it holds.

    Attributes:
        weights, activation, kept: bytes of its weights, of its output, of what autograd keeps for
            its backward pass; activations for one example.
        formulas: the same in symbols, empty where there is no arithmetic.
        letters: what the letters in the formulas stand for.
    """

    output: str
    params: str
    macs: str
    flops: str
    receptive_field: str
    weights: str
    activation: str
    kept: str
    formulas: Formulas
    field_formula: str
    letters: Letters

    @property
    def stores(self) -> bool:
        """Whether there is arithmetic in what it says of memory."""
        return "=" in self.weights + self.activation + self.kept

    def to_json(self) -> dict[str, object]:
        """The form in `netc report --json`; a formula is null where words say all."""
        return {
            "output": self.output,
            "params": self.params,
            "macs": self.macs,
            "flops": self.flops,
            "receptive_field": self.receptive_field,
            "memory": {"weights": self.weights, "output": self.activation, "kept": self.kept},
            "formulas": {
                "output": self.formulas.output or None,
                "params": self.formulas.params or None,
                "macs": self.formulas.macs or None,
                "flops": FLOPS if self.formulas.macs else None,
                "receptive_field": self.field_formula or None,
                "memory": MEMORY if self.stores else None,
            },
        }


def reasons(step: LayerStep | ParamStep, place: Place) -> Reasons:
    """The arithmetic of one layer."""
    if isinstance(step, ParamStep):
        return _of_param(step)
    inputs, output = [wire.tensor for wire in step.inputs], step.output.tensor
    layer = step.layer
    why, formulas = layer.why(inputs, output), layer.formulas(inputs, output)
    reads = receptive.read_by(step, place.known)
    if place.reuse and step.weights:
        why, formulas = structs.replace(why, params=SHARED), structs.replace(formulas, params="")
    kept = layer.kept(inputs, output)
    if place.over and kept.over is not None:
        kept = kept.over
    field_formula = receptive.formula(reads, place.field)
    return Reasons(
        why.output,
        why.params,
        why.macs,
        _doubled(layer.macs(inputs, output)),
        receptive.why(reads, place.ways, place.field, place.placed),
        _stored(step.weights, place.reuse),
        _held(kept, place.over, output),
        _kept(kept, inputs, output) if place.learns else "nothing to learn up to here: 0 bytes",
        formulas,
        field_formula,
        letters(layer.letters) if field_formula else layer.letters,
    )


def letters(known: Letters) -> Letters:
    """A layer's letters with those of the receptive field; the layer's own meanings go first."""
    own = dict(known)
    return (*known, *(pair for pair in receptive.LETTERS if pair[0] not in own))


def _of_param(step: ParamStep) -> Reasons:
    shape, count = step.weight.shape, step.weight.count
    counted = f"{times(*shape)} = {count}" if len(shape) > 1 else f"as declared: {count}"
    why = Why("as declared", counted, "no computation: 0")
    return Reasons(
        why.output,
        why.params,
        why.macs,
        _doubled(0),
        "no input: nothing is seen",
        _stored((step.weight,), reuse=False),
        "it is the weight itself: 0 bytes",
        "nothing: 0 bytes",
        Formulas(),
        "",
        (),
    )


def _doubled(macs: Size) -> str:
    return f"{times(2, macs)} = {2 * macs}"


def _stored(weights: tuple[Weight, ...], reuse: bool) -> str:
    """Bytes of parameters and buffers, by the size of their numbers."""
    if not weights:
        return "none: 0 bytes"
    counts: dict[int, int] = {}
    for weight in weights:
        counts[weight.dtype_bytes] = counts.get(weight.dtype_bytes, 0) + weight.count
    text = " + ".join(f"{count}·{size}" for size, count in counts.items())
    total = sum(count * size for size, count in counts.items())
    shared = "those of the shared layer, stored once: " if reuse else ""
    return f"{shared}{text} = {total} bytes"


def _held(kept: Kept, over: bool, output: Tensor) -> str:
    """The memory of the output."""
    if over:
        return "written over its input: 0 bytes"
    return "shares its input's memory: 0 bytes" if kept.view else _bytes(output)


def _factors(tensor: Tensor) -> str:
    return times(*(tensor.shape or (1,)), BYTES[tensor.dtype])


def _bytes(tensor: Tensor) -> str:
    return f"{_factors(tensor)} = {tensor.elements * BYTES[tensor.dtype]} bytes"


def _kept(kept: Kept, inputs: list[Tensor], output: Tensor) -> str:
    """Bytes that autograd keeps, by what they are: input, output, or beside them."""
    held = [("input", inputs[index]) for index in kept.inputs]
    held += [("output", output)] if kept.output else []
    parts = [f"{name} {_factors(tensor)}" for name, tensor in held]
    parts += [f"{one.what} {times(*one.factors)}" for one in kept.beside]
    total: Size = sum((t.elements * BYTES[t.dtype] for _, t in held), kept.extra + kept.fixed)
    if not parts:
        return "nothing: 0 bytes"
    text = f"{' + '.join(parts)} = {total} bytes"
    return text if kept.known else f"unknown: {kept.unknown}; beside it {text}"
