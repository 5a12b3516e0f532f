"""How many ids the layers know that read a net's inputs."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from netc.compiler.graph import LayerStep, Net, Wire, walk
from netc.compiler.layers.embedding import Embedding
from netc.compiler.layers.joins import Concat, Stack
from netc.compiler.layers.shapes import Arrangement
from netc.compiler.source import Span


class Vocabulary(Struct, frozen=True):
    """A layer that looks up the ids of an input.

    Attributes:
        input: the place of the input among the net's.
        words: how many ids the layer knows: 0 to one less.
        span: where the layer is written.
    """

    input: int
    words: int
    span: Span


def vocabularies(net: Net) -> tuple[Vocabulary, ...]:
    """Every lookup that all ids of an input come to, in the net's order.

    An input that is read after a sum, or of which a layer takes a part, has none: which ids come
    to the lookup does not follow from the data alone.
    """
    places = {wire: place for place, (_, wire) in enumerate(net.module.inputs)}
    return tuple(
        Vocabulary(places[source], placed.step.layer.words, placed.step.span)
        for placed in walk(net.module)
        if isinstance(placed.step, LayerStep) and isinstance(placed.step.layer, Embedding)
        for source in dict.fromkeys(_sources(placed.step.inputs[0]))
        if source in places
    )


def _sources(wire: Wire) -> Iterator[Wire]:
    """Where a value comes from, past layers that only arrange all of it."""
    waiting, seen = [wire], {wire}
    while waiting:
        here = waiting.pop()
        if here.layer is None:
            yield here
        elif isinstance(here.layer, Arrangement | Concat | Stack):
            waiting += [read for read in here.read if read not in seen]
            seen |= {*here.read}
