"""Which layer of one net became which of another."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from netc.compiler.graph import LayerStep
from netc.compiler.report import Row

Pair: TypeAlias = tuple[Row | None, Row | None]
_MOST_ALIGNED = 100_000
"""Pairs of like layers from which on layers are paired by name: aligning takes time for each."""


def keyed(a: Row, b: Row) -> bool:
    """Whether the path is a key in the state dict; that of a layer without weights is a place."""
    return bool(a.params or a.buffers or b.params or b.buffers)


def pairs_of(old: Sequence[Row], new: Sequence[Row]) -> list[Pair]:
    """Layers in the order of the new net, each with what it was before.

    Of two ways to see it, by what layers are and by their keys, the one that says less.
    """
    by_kind = list(_between(old, new))
    if not _cost(by_kind):
        return by_kind
    return min(by_kind, list(_by_key(old, new)), key=_cost)


def _cost(pairs: Iterable[Pair]) -> int:
    """How much there is to say: another layer weighs most, another key least."""
    found = 0
    for a, b in pairs:
        if a is None or b is None:
            found += 2
        elif _token(a) != _token(b):
            found += 3
        elif a.path != b.path and keyed(a, b):
            found += 1
    return found


def _by_key(old: Sequence[Row], new: Sequence[Row]) -> Iterator[Pair]:
    """Pairs layers that are the same under the same key; what lies between them, as ever."""
    places = {(row.path, _token(row)): place for place, row in enumerate(old) if keyed(row, row)}
    same = [
        (places[key], place)
        for place, row in enumerate(new)
        if keyed(row, row) and (key := (row.path, _token(row))) in places
    ]
    left = right = 0
    for a, b in _rising(same):
        yield from _between(old[left:a], new[right:b])
        yield old[a], new[b]
        left, right = a + 1, b + 1
    yield from _between(old[left:], new[right:])


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """As many of the pairs as possible whose first numbers rise with the second."""
    tails: list[int] = []
    ends: list[int] = []  # the pair that ends the best row of each length
    before: list[int | None] = []
    for number, (first, _) in enumerate(pairs):
        length = bisect_left(tails, first)
        before.append(ends[length - 1] if length else None)
        tails[length : length + 1], ends[length : length + 1] = [first], [number]
    found: list[tuple[int, int]] = []
    last = ends[-1] if ends else None
    while last is not None:
        found.append(pairs[last])
        last = before[last]
    return found[::-1]


def _between(old: Sequence[Row], new: Sequence[Row]) -> Iterator[Pair]:
    left, right = [_token(row) for row in old], [_token(row) for row in new]
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        yield old[start], new[start]
        start += 1
    end = 0
    while end < min(len(left), len(right)) - start and left[-1 - end] == right[-1 - end]:
        end += 1
    a, b = len(left) - end, len(right) - end
    if _likenesses(left[start:a], right[start:b]) > _MOST_ALIGNED:
        yield from _by_name(old[start:a], new[start:b])
    else:
        yield from _aligned(old[start:a], new[start:b], left[start:a], right[start:b])
    yield from zip(old[a:], new[b:], strict=True)


def _likenesses(left: Sequence[object], right: Sequence[object]) -> int:
    """How many pairs of like layers there are."""
    counts = Counter(right)
    return sum(count * counts[token] for token, count in Counter(left).items())


def _aligned(
    old: Sequence[Row], new: Sequence[Row], left: Sequence[object], right: Sequence[object]
) -> Iterator[Pair]:
    from difflib import SequenceMatcher

    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(old[a:b], new[c:d], strict=True)
        else:
            yield from _by_name(old[a:b], new[c:d])


def _by_name(old: Sequence[Row], new: Sequence[Row]) -> Iterator[Pair]:
    """Pairs layers of equal path and word, then of equal word in order; the rest came or went."""
    free: dict[tuple[str, ...], deque[int]] = {}
    for place, row in enumerate(old):
        free.setdefault((row.path, row.layer), deque()).append(place)
    partner: dict[int, int] = {}
    for place, row in enumerate(new):
        if found := free.get((row.path, row.layer)):
            partner[place] = found.popleft()
    taken = set(partner.values())
    words: dict[str, deque[int]] = {}
    for place, row in enumerate(old):
        if place not in taken:
            words.setdefault(row.layer, deque()).append(place)
    for place, row in enumerate(new):
        if place not in partner and (found := words.get(row.layer)):
            partner[place] = found.popleft()
    yield from _in_order(old, new, partner)


def _in_order(old: Sequence[Row], new: Sequence[Row], partner: dict[int, int]) -> Iterator[Pair]:
    """Pairs in the new net's order; what went stands where it was."""
    matched = set(partner.values())
    left = deque(place for place in range(len(old)) if place not in matched)
    came: list[Row] = []
    for place, row in enumerate(new):
        if place not in partner:
            came.append(row)
            continue
        went = []
        while left and left[0] < partner[place]:
            went.append(old[left.popleft()])
        yield from _replaced(went, came)
        came = []
        yield old[partner[place]], row
    yield from _replaced([old[place] for place in left], came)


def _replaced(went: list[Row], came: list[Row]) -> Iterator[Pair]:
    """One layer in the place of another, if both have weights or both have none."""
    count = 0
    for a, b in zip(went, came, strict=False):
        if keyed(a, a) != keyed(b, b):
            break
        count += 1
        yield a, b
    yield from ((row, None) for row in went[count:])
    yield from ((None, row) for row in came[count:])


def _token(row: Row) -> object:
    """What makes layers alike, names and sizes aside."""
    return (row.layer, *((k, repr(v)) for k, v in settings(row).items()))


def settings(row: Row) -> dict[str, Any]:
    """The arguments of a layer with their values, those that name other values left out."""
    if not isinstance(row.step, LayerStep):
        return {"shape": row.step.weight.shape, "start": row.step.start}
    layer = row.step.layer
    return {k: _one(v) for k, v in layer if k not in layer.operands}


def _one(value: Any) -> Any:
    """`3x3` is `3` written out."""
    alike = isinstance(value, tuple) and len(set(value)) == 1
    return value[0] if alike else value
