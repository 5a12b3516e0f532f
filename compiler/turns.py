"""Receptive fields where neighbours see differently, in turn: behind transposed convolutions.

Element `e` of a value with `n` turns sees what element `e % n` sees, moved by `step` for every `n`.
Source of the windows: Dumoulin, Visin 2016, A guide to convolution arithmetic, chapter 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import gcd, lcm

from netc.compiler.layers.base import MOST_TURNS, Turns, Window
from netc.compiler.receptive import Span1

Ends = tuple[int, int] | None


def read(span: Span1, window: Window | Turns) -> Span1 | None:
    """What is seen through a window; None if its turns are too many, or nothing is seen.

    >>> pairs = Turns((range(0, 1), range(0, 2)), 1)  # outputs 0, 2 … read one element, others two
    >>> read(Span1(((0, 2),), 2), pairs).ends
    ((0, 2), (0, 4))
    """
    if isinstance(window, Window):
        taps = range(-window.pad, window.size - window.pad, window.apart)
        window = Turns((taps,), window.stride)
    count = len(span.ends)
    rounds = count // gcd(count, window.step)
    if rounds * len(window.reads) > MOST_TURNS:
        return None
    ends = tuple(
        _hull(_seen(span, taps, number * window.step))
        for number in range(rounds)
        for taps in window.reads
    )
    return _shortest(ends, span.step * (window.step * rounds // count))


def meet(ways: Sequence[Span1]) -> Span1 | None:
    """What ways see together that take equal steps; None if their turns are too many."""
    count = lcm(*(len(way.ends) for way in ways))
    if count > MOST_TURNS:
        return None
    ends = tuple(_hull(_at(way, element) for way in ways) for element in range(count))
    return _shortest(ends, ways[0].step * (count // len(ways[0].ends)))


def _at(span: Span1, element: int) -> Ends:
    """What an element sees."""
    rounds, turn = divmod(element, len(span.ends))
    ends = span.ends[turn]
    return None if ends is None else (ends[0] + rounds * span.step, ends[1] + rounds * span.step)


def _seen(span: Span1, taps: range, moved: int) -> Iterator[Ends]:
    """What the elements of a window see; beyond one round at either end they add nothing."""
    count = len(span.ends)
    many = taps[2 * count :]  # of a window of any size: `len` ends at the machine's word
    some = (*taps[:count], *taps[-count:]) if many else taps
    return (_at(span, tap + moved) for tap in some)


def _hull(seen: Iterable[Ends]) -> Ends:
    known = [ends for ends in seen if ends is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def _shortest(ends: tuple[Ends, ...], step: int) -> Span1 | None:
    """The span with as few turns as say the same; None if no element sees anything."""
    if not any(ends):
        return None
    count = len(ends)
    for turns in range(1, count):
        if count % turns == 0 and step * turns % count == 0:
            span = Span1(ends[:turns], step * turns // count)
            if all(_at(span, element) == ends[element] for element in range(count)):
                return span
    return Span1(ends, step)
