"""Where the values of a box run: what stands below what, what side by side, what is passed by.

A plan knows no sizes, so that it stays the same while blocks are folded and unfolded. Elements are
numbered in the order of computation; every edge leads from a lower number to a higher one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

DEEPEST = 40
"""Plans nest so deep; what goes on inside is drawn as one column with lanes."""


class Lane(Struct, frozen=True):
    """A way beside a column: from one element past others to those that read its value.

    `track` counts from the column outwards; lanes on one track do not meet.
    """

    source: int
    readers: tuple[int, ...]
    track: int


class Down(Struct, frozen=True):
    """Plans one below the other."""

    items: tuple[Plan, ...]


class Across(Struct, frozen=True):
    """Plans side by side, and the lanes to their right."""

    items: tuple[Plan, ...]
    lanes: tuple[Lane, ...] = ()


Plan: TypeAlias = "int | Down | Across"


def plan(count: int, edges: Sequence[tuple[int, int]], ports: int = 0) -> Plan:
    """The plan of `count` elements, the first of which are ports: these stand in one row.

    Chains and what forks and joins again are found exactly; a net that is neither (two skips that
    overlap) gets its longest way as a column, with lanes for the edges that pass elements of it.
    """
    spare = max(ports - 1, 0)  # the ports are planned as one element
    joined = [(max(source - spare, 0), reader - spare) for source, reader in edges]
    found = _down(_Planner(count - spare, joined).region(None, range(count - spare), None, 0))
    return _with_ports(found, ports, edges) if spare else found


def to_json(item: Plan) -> Any:
    """A plan as JSON: a number, or an object with `down`, or with `across` and `lanes`."""
    match item:
        case Down(items):
            return {"down": [to_json(one) for one in items]}
        case Across(items, lanes):
            ways = [[lane.source, list(lane.readers), lane.track] for lane in lanes]
            return {"across": [to_json(one) for one in items], "lanes": ways}
        case _:
            return item


def elements(item: Plan) -> list[int]:
    """The elements of a plan, each once."""
    if isinstance(item, int):
        return [item]
    return [element for one in item.items for element in elements(one)]


def _with_ports(item: Plan, ports: int, edges: Sequence[tuple[int, int]]) -> Plan:
    """The plan with a row of ports for its first element, and a lane of its own for each."""
    match item:
        case Down(items):
            return Down(tuple(_with_ports(one, ports, edges) for one in items))
        case Across(items, lanes):
            inner = tuple(_with_ports(one, ports, edges) for one in items)
            return Across(inner, tuple(_port_lanes(lanes, ports, edges)))
        case 0:
            return Across(tuple(range(ports)))
        case _:
            return item + ports - 1


def _port_lanes(
    lanes: Sequence[Lane], ports: int, edges: Sequence[tuple[int, int]]
) -> Iterator[Lane]:
    track = max((lane.track for lane in lanes), default=0)
    for lane in lanes:
        readers = [reader + ports - 1 for reader in lane.readers]
        if lane.source:
            yield Lane(lane.source + ports - 1, tuple(readers), lane.track)
            continue
        by_port = [(p, [r for r in readers if (p, r) in edges]) for p in range(ports)]
        for number, (port, read) in enumerate(pair for pair in by_port if pair[1]):
            yield Lane(port, tuple(read), lane.track if number == 0 else track + number)


def _down(items: Sequence[Plan]) -> Plan:
    return items[0] if len(items) == 1 else Down(tuple(items))


class _Planner:
    def __init__(self, count: int, edges: Iterable[tuple[int, int]]) -> None:
        self.after: list[list[int]] = [[] for _ in range(count)]
        for source, reader in dict.fromkeys(edges):
            self.after[source].append(reader)
        self.passing: set[tuple[int, int]] = set()
        """Edges that have a lane already."""

    def region(
        self, entry: int | None, inside: Sequence[int], end: int | None, nesting: int
    ) -> list[Plan]:
        """What lies between two elements, as plans one below the other.

        An element that every way leads through stands alone; what is between two such is planned
        by itself.
        """
        found: list[Plan] = []
        before, waiting = entry, list[int]()
        gates = self._gates(entry, inside, end)
        for element in inside:
            if element not in gates:
                waiting.append(element)
                continue
            found += self._between(before, waiting, element, nesting)
            found.append(element)
            before, waiting = element, []
        return found + self._between(before, waiting, end, nesting)

    def _gates(self, entry: int | None, inside: Sequence[int], end: int | None) -> set[int]:
        """The elements that no edge passes by."""
        place = {element: index for index, element in enumerate(inside)}
        last = len(inside)
        read = {reader for element in inside for reader in self._next(element)}
        first = [place[e] for e in inside if e not in read]
        if entry is not None:
            first += [place[e] for e in self._next(entry) if e in place]
        furthest, gates = max(first, default=0), set()
        for element in inside:
            if furthest <= place[element]:
                gates.add(element)
            after = self._next(element)
            reached = [place[e] for e in after if e in place]
            furthest = max(furthest, last if end in after or not reached else max(reached))
        return gates

    def _next(self, element: int) -> list[int]:
        return [e for e in self.after[element] if (element, e) not in self.passing]

    def _between(
        self, entry: int | None, inside: Sequence[int], end: int | None, nesting: int
    ) -> list[Plan]:
        if not inside:
            return []
        if nesting > DEEPEST:
            return [self._column(entry, inside, end)]
        lanes: tuple[Lane, ...] = ()
        if entry is not None and end is not None and end in self._next(entry):
            self.passing.add((entry, end))
            lanes = (Lane(entry, (end,), 0),)
        ways = _components(inside, {e: self._next(e) for e in inside})
        if len(ways) == 1 and not lanes:
            return [self._spine(entry, inside, end, nesting)]
        items = (_down(self.region(entry, way, end, nesting + 1)) for way in ways)
        return [Across(tuple(items), lanes)]

    def _spine(
        self, entry: int | None, inside: Sequence[int], end: int | None, nesting: int
    ) -> Plan:
        """The longest way as a column, what is not on it beside the elements it belongs to."""
        spine = self._longest(inside)
        place = {element: index for index, element in enumerate(spine)}
        others = [element for element in inside if element not in place]
        ways = _components(others, {e: self._next(e) for e in others})
        ends = {e: p for e, p in ((entry, -1), (end, len(spine))) if e is not None}
        spans = [self._reach(way, {**place, **ends}, len(spine)) for way in ways]
        items: list[Plan] = []
        done = 0
        for low, high, members in _merged(spans):
            items += spine[done:low]
            beside = [_down(self.region(None, ways[m], None, nesting + 1)) for m in members]
            column: list[Plan] = [*spine[low:high]]
            items.append(Across((*([_down(column)] if column else []), *beside)))
            done = high
        items += spine[done:]
        return Across((_down(items),), self._lanes([entry, *spine, end]))

    def _column(self, entry: int | None, inside: Sequence[int], end: int | None) -> Plan:
        return Across((_down([*inside]),), self._lanes([entry, *inside, end]))

    def _longest(self, inside: Sequence[int]) -> list[int]:
        length = dict.fromkeys(inside, 1)
        back: dict[int, int] = {}
        for element in inside:
            for reader in self._next(element):
                if reader in length and length[element] + 1 > length[reader]:
                    length[reader], back[reader] = length[element] + 1, element
        way = [max(inside, key=lambda element: length[element])]
        while way[-1] in back:
            way.append(back[way[-1]])
        return way[::-1]

    def _reach(self, way: Sequence[int], place: Mapping[int, int], count: int) -> tuple[int, int]:
        """The stretch of the column that a way runs beside: past its first maker, to its readers.

        A value that it takes from there or gives there crosses to it without passing an element.
        """
        members = set(way)
        low = [p + 1 for e, p in place.items() if members & set(self._next(e))]
        high = [place[e] for element in way for e in self._next(element) if e in place]
        start, stop = sorted((min(low, default=0), max(high, default=count)))
        if start == stop:  # what feeds one end of it is not what the other end feeds
            start, stop = max(start - 1, 0), min(stop + 1, count)
        return start, stop

    def _lanes(self, column: Sequence[int | None]) -> tuple[Lane, ...]:
        """Lanes for the edges that pass elements of a column, one for each value that does."""
        place = {element: index for index, element in enumerate(column) if element is not None}
        found: list[Lane] = []
        ends: list[int] = []
        for element, index in place.items():
            far = [e for e in self._next(element) if place.get(e, 0) > index + 1]
            if not far:
                continue
            self.passing |= {(element, e) for e in far}
            stop = max(place[e] for e in far)
            track = next((t for t, taken in enumerate(ends) if taken <= index), len(ends))
            ends[track : track + 1] = [stop]
            found.append(Lane(element, tuple(far), track))
        return tuple(found)


def _components(inside: Sequence[int], after: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The elements in groups that no edge joins, each in order, the groups by their first."""
    parent = {element: element for element in inside}

    def root(element: int) -> int:
        while parent[element] != element:
            parent[element] = element = parent[parent[element]]
        return element

    for element in inside:
        for reader in after[element]:
            if reader in parent:
                first, second = sorted((root(element), root(reader)))
                parent[second] = first
    groups: dict[int, list[int]] = {}
    for element in inside:
        groups.setdefault(root(element), []).append(element)
    return list(groups.values())


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int, list[int]]]:
    """Stretches that overlap as one, each with the indexes of those in it."""
    found: list[tuple[int, int, list[int]]] = []
    for index in sorted(range(len(spans)), key=lambda i: spans[i]):
        low, high = spans[index]
        if found and (low < found[-1][1] or spans[index] == found[-1][:2]):
            start, stop, members = found[-1]
            found[-1] = (start, max(stop, high), [*members, index])
        else:
            found.append((low, high, [index]))
    return found
