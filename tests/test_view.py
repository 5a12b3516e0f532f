"""`netc view`: the page stands alone, says what the report says, and keeps hostile text as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from command_line import netc
from compiling import REPOSITORY, net_of, spec_files
from hypothesis import given, settings
from hypothesis import strategies as st
from random_nets import nets
from sharing_nets import sharing

from netc.api import NetHandle, Spec, load
from netc.compiler.columns import chosen
from netc.compiler.entries import folded
from netc.compiler.layers import find, words
from netc.compiler.parts import outline
from netc.compiler.source import Source
from netc.compiler.table import DEFAULT, cells
from netc.compiler.view import page
from netc.compiler.view.flow import MOST_IN_A_BOX, boxes, inside
from netc.compiler.view.page import embedded
from netc.compiler.view.plan import Across, Down, Lane, Plan, elements, plan

LENET = str(REPOSITORY / "specs" / "lenet5.net")


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the text in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag in ("script", "style"):
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in self.texts:
            self.texts[self._open[-1]][-1] += data

    @property
    def data(self) -> Any:
        """The page's data block."""
        return json.loads(self.texts["script"][0])


def shown(*handles: NetHandle, file: str = "spec.net") -> str:
    return page([(net.report(), net.graph.module) for net in handles], file)


@cache
def handles_of(file: Path) -> tuple[NetHandle, ...]:
    spec = load(file)
    return tuple(spec.net(name) for name in spec.names)


# ------------------------------------------------------------------------------
# What it says


@pytest.mark.parametrize("file", [*spec_files()], ids=lambda file: file.stem)
def test_the_data_is_that_of_the_report(file: Path) -> None:
    found = Page(shown(*handles_of(file))).data
    for net, drawn in zip(handles_of(file), found["nets"], strict=True):
        report = net.report()
        assert drawn["report"] == report.to_json()
        layers = [box["layer"] for box in drawn["boxes"] if "layer" in box]
        assert layers == list(range(len(report.rows)))  # every layer once, in order
        top = [drawn["boxes"][number] for number in drawn["boxes"][0]["inner"]]
        lines = cells(report, folded(report, net.graph.module, 1), chosen(DEFAULT))[1:]
        assert [box["cells"] for box in top if "cells" in box] == [list(line) for line in lines]
        ends = [(box["name"], box["shape"]) for box in top if box["role"] == "output"]
        assert ends == [(name, str(tensor)) for name, tensor in report.outputs]


@pytest.mark.parametrize("file", [*spec_files()], ids=lambda file: file.stem)
def test_the_edges_are_the_wires(file: Path) -> None:
    for net in handles_of(file):
        assert drawn_edges(net) == wires(net)


@given(st.one_of(nets(), sharing()))
@settings(max_examples=40, deadline=None)
def test_the_edges_are_the_wires_in_random_nets(text: str) -> None:
    net = net_of(text, "Net")
    assert drawn_edges(net) == wires(net)


def wires(net: NetHandle) -> set[tuple[str | int, str | int]]:
    """Which layer or input makes what another layer or output reads, by the report's rows."""
    makers: dict[Any, str | int] = {wire: name for name, wire in net.graph.module.inputs}
    rows = net.report().rows
    makers |= {row.step.output: number for number, row in enumerate(rows)}
    found = {(makers[w], number) for number, row in enumerate(rows) for w in row.step.inputs}
    return found | {(makers[wire], f"to {name}") for name, wire in net.graph.module.outputs}


def drawn_edges(net: NetHandle) -> set[tuple[str | int, str | int]]:
    """The same, followed through the ports of the drawing."""
    drawn = boxes(outline(net.report(), net.graph.module), net.graph.module.outputs)
    after: dict[tuple[int, str, int], list[tuple[int, str, int]]] = {}
    for number, box in enumerate(drawn):
        if not box.inner:
            continue
        flow = inside(drawn, box)

        def point(element: int, port: int, side: str) -> tuple[int, str, int]:
            if element < flow.entering:  # noqa: B023
                return (number, "in", element)  # noqa: B023
            place = element - flow.entering  # noqa: B023
            if place >= len(box.inner):  # noqa: B023
                return (number, "out", place - len(box.inner))  # noqa: B023
            child = box.inner[place]  # noqa: B023
            return (child, side if drawn[child].inner else "self", port)

        for source, reader, out, into in flow.edges:
            after.setdefault(point(source, out, "out"), []).append(point(reader, into, "in"))
    found: set[tuple[str | int, str | int]] = set()
    for number, box in enumerate(drawn):
        if box.inner or box.role == "output":
            continue
        waiting = [(number, "self", 0)]
        while waiting:
            for place in after.get(waiting.pop(), []):
                if place[1] == "self":
                    found.add((named(box), named(drawn[place[0]])))
                else:
                    waiting.append(place)
    return found


def named(box: Any) -> str | int:
    if box.row is not None:
        return int(box.row)
    return f"to {box.name}" if box.role == "output" else str(box.name)


# ------------------------------------------------------------------------------
# Where it puts things

GRAPHS = st.integers(1, 12).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(
            st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(
                lambda edge: edge[0] < edge[1]
            ),
            max_size=25,
        ),
    )
)


@given(GRAPHS)
@settings(max_examples=300, deadline=None)
def test_a_plan_holds_each_element_once_and_edges_lead_down(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    count, edges = graph
    found = plan(count, edges)
    assert sorted(elements(found)) == list(range(count))
    lanes = {(lane.source, reader) for lane in lanes_of(found) for reader in lane.readers}
    assert lanes <= set(edges)
    for source, reader in edges:
        between = steps_between(found, source, reader)
        assert between is None or between > 0, "a value flows up"
        if between is not None and between > 1:
            assert (source, reader) in lanes, "an edge runs through what it passes"


def steps_between(item: Plan, source: int, reader: int) -> int | None:
    """How far apart two elements stand in the column that holds both; None if side by side."""
    assert not isinstance(item, int)
    inner = [elements(one) for one in item.items]
    first = next(n for n, held in enumerate(inner) if source in held)
    second = next(n for n, held in enumerate(inner) if reader in held)
    if first == second:
        return steps_between(item.items[first], source, reader)
    return second - first if isinstance(item, Down) else None


def lanes_of(item: Plan) -> list[Lane]:
    if isinstance(item, int):
        return []
    own = list(item.lanes) if isinstance(item, Across) else []
    return own + [lane for one in item.items for lane in lanes_of(one)]


def test_a_chain_a_skip_and_branches() -> None:
    assert plan(3, [(0, 1), (1, 2)]) == Down((0, 1, 2))
    skip = plan(3, [(0, 1), (1, 2), (0, 2)])
    assert skip == Down((0, Across((1,), (Lane(0, (2,), 0),)), 2))
    branches = plan(5, [(0, 1), (0, 2), (2, 3), (1, 4), (3, 4)])
    assert branches == Down((0, Across((1, Down((2, 3)))), 4))


def test_skips_that_overlap_get_tracks_of_their_own() -> None:
    found = plan(5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (1, 3), (2, 4)])
    assert elements(found) == [0, 1, 2, 3, 4]
    assert {lane.source: lane.track for lane in lanes_of(found)} == {0: 0, 1: 1, 2: 0}


def test_ports_stand_in_one_row_above_all_else() -> None:
    found = plan(4, [(0, 2), (1, 3), (2, 3)], ports=2)
    assert found == Down((Across((0, 1)), Across((2,), (Lane(1, (3,), 0),)), 3))


def test_a_long_chain_stays_in_small_boxes_and_opens_folded() -> None:
    net = net_of("net Net:\n    input x: [4]\n" + "    dense 4 -> relu\n" * 1_500)
    drawn = boxes(outline(net.report(), net.graph.module), net.graph.module.outputs)
    assert max(len(box.inner) for box in drawn) <= MOST_IN_A_BOX + 2  # and input and output
    data = Page(shown(net)).data["nets"][0]["boxes"]
    assert [box["open"] for box in data if "open" in box][1:] == [False] * 30
    assert drawn_edges(net) == wires(net)


# ------------------------------------------------------------------------------
# What it is made of


def test_the_page_stands_alone() -> None:
    text = shown(*handles_of(Path(LENET)))
    found = Page(text)
    loading = {"src", "href", "srcset", "action", "data", "poster"}
    assert not [tag for tag, has in found.elements if loading & set(has)]
    assert not {tag for tag, _ in found.elements} & {"link", "iframe", "img", "base", "object"}
    assert not [has for _, has in found.elements if "style" in has]
    assert not [name for _, has in found.elements for name in has if name.startswith("on")]
    assert not re.search(r"@import|url\(|fetch\(|XMLHttp|innerHTML|eval\(", text)
    outside = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert outside <= {"http://www.w3.org/2000/svg"}  # a namespace: nothing is loaded from there


def test_the_policy_allows_its_own_script_and_style_only() -> None:
    found = Page(shown(*handles_of(Path(LENET))))
    (policy,) = (
        has["content"] for tag, has in found.elements if tag == "meta" and "http-equiv" in has
    )
    scripts, (style,) = found.texts["script"], found.texts["style"]
    assert len(scripts) == 2
    assert policy == (
        f"default-src 'none'; script-src '{hashed(scripts[1])}'; style-src '{hashed(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def hashed(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_every_kind_of_layer_has_a_colour() -> None:
    (style,) = Page(shown(*handles_of(Path(LENET)))).texts["style"]
    coloured = set(re.findall(r"\.(\w+)(?=[^{}]*\{ --kind:)", style))
    homes = {str(find(word).__module__).rpartition(".")[2] for word in words()}
    assert homes <= coloured


HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>&amp;\u2028.net"


def test_text_that_would_be_markup_stays_text() -> None:
    text = (
        "# </title></style></script><script>alert(1)</script>\n"
        "net Net:\n"
        "    input x: [4]  # <img src=x onerror=alert(1)>\n"
        "    dense 3\n"
        "    expect params <100  # --></script>\n"
    )
    spec = Spec(Source(HOSTILE, text), {}, Path())
    spec.judge()
    assert not spec.diagnostics
    written = shown(spec.net(), file=HOSTILE)
    found, plain = Page(written), Page(shown(spec.net()))
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in plain.elements]
    assert found.data["file"] == HOSTILE
    assert [claim["text"] for claim in found.data["nets"][0]["report"]["claims"]] == ["params <100"]
    assert "alert(1)</script>" not in written
    assert "<img" not in written


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_embedded_data_is_what_it_was_and_holds_no_markup(data: Any) -> None:
    text = embedded(data)
    assert json.loads(text) == data
    assert not set("<>&\u2028\u2029") & set(text)


# ------------------------------------------------------------------------------
# The command


def test_it_writes_to_standard_output_or_to_a_file(tmp_path: Path) -> None:
    done = netc("view", LENET)
    assert done.exit_code == 0
    assert Page(done.stdout).data["file"] == LENET
    file = tmp_path / "lenet5.html"
    written = netc("view", LENET, "-o", str(file))
    assert (written.exit_code, written.stdout, written.stderr) == (0, "", f"wrote {file}\n")
    assert file.read_text(encoding="utf-8") == done.stdout


@pytest.mark.parametrize(("there_is_one", "status"), [(True, 0), (False, 1)])
def test_open_shows_the_page_in_the_browser(
    there_is_one: bool, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def browser(address: str) -> bool:
        asked.append(address)
        return there_is_one

    monkeypatch.setattr("webbrowser.open", browser)
    file = tmp_path / "a page.html"
    assert netc("view", LENET, "--open", "-o", str(file)).exit_code == status
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = netc("view", LENET, "--open")
    assert (done.exit_code, done.stdout) == (status, "")
    (made,) = tmp_path.glob("netc-*.html")
    assert asked == [file.as_uri(), made.as_uri()]
    assert made.read_text(encoding="utf-8") == file.read_text(encoding="utf-8")


def test_net_and_settings_choose_what_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "two.net"
    one = "net {}(units=3):\n    input x: [4]\n    dense units\n"
    file.write_text(one.format("A") + "\n" + one.format("B"))
    both = Page(netc("view", str(file)).stdout).data["nets"]
    assert [net["report"]["name"] for net in both] == ["A", "B"]
    (chosen_one,) = Page(netc("view", str(file), "--net", "B", "--set", "units=7").stdout).data[
        "nets"
    ]
    assert chosen_one["report"]["params"]["total"] == 35
    assert netc("view", str(file), "--net", "C").exit_code == 2


def test_a_spec_with_errors_draws_nothing_and_a_false_claim_is_drawn_as_false(
    tmp_path: Path,
) -> None:
    file = tmp_path / "spec.net"
    file.write_text("net A:\n    input x: [4]\n    dens 3\n")
    wrong = netc("view", str(file))
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "E02" in wrong.stderr
    file.write_text("net A:\n    input x: [4]\n    dense 3\n    expect params == 16\n")
    false = netc("view", str(file))
    assert false.exit_code == 1
    (net,) = Page(false.stdout).data["nets"]
    assert net["report"]["claims"][0]["holds"] is False
