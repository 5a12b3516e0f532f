"""What the emitted file draws, and how it reads: the last line that fills a tensor counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import torch
from compiling import REPOSITORY, TESTS, lines_of, net_of, spec_files
from hypothesis import given, settings
from hypothesis import strategies as st
from random_nets import nets
from sharing_nets import sharing
from torch import nn

import netc.compiler
from netc.api import NetHandle, load
from netc.compiler.emit.drawing import LOCALS, WITHIN
from netc.compiler.initialising import starts

FILLS = {
    "he_normal": "kaiming_normal_ relu",
    "he_uniform": "kaiming_uniform_ relu",
    "lecun_normal": "kaiming_normal_ linear",
    "lecun_uniform": "kaiming_uniform_ linear",
    "xavier_normal": "xavier_normal_",
    "xavier_uniform": "xavier_uniform_",
    "normal": "normal_",
    "uniform": "uniform_",
    "zeros": "zeros_",
}
"""The function of `nn.init` that each scheme comes down to."""
GROUPED = {"xavier_normal": "normal_", "xavier_uniform": "uniform_"}
"""The same for convolutions in groups, whose fans `nn.init` does not know."""


def tail(net: NetHandle) -> list[str]:
    """The statements on weights at the end of the net's constructor."""
    text = net.source().split(f"class {net.name}(", 1)[1].split("def forward", 1)[0]
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if _begins(line)), len(lines))
    return [line.removeprefix(" " * 8) for line in lines[first:] if line.strip()]


def _begins(line: str) -> bool:
    words = ("for layer in self.modules", "for part", "for name", "for value", "nn.init.")
    return line.strip().startswith(words) or "reset_parameters" in line


@contextmanager
def recorded() -> Iterator[dict[int, str]]:
    """The last function of `nn.init` that filled each tensor, by the tensor's id."""
    found: dict[int, str] = {}
    names = {fill.split()[0] for fill in FILLS.values()}
    plain = {name: getattr(nn.init, name) for name in names}

    def spy(name: str) -> Any:
        def fill(tensor: torch.Tensor, *args: Any, **keywords: Any) -> torch.Tensor:
            follows = keywords.get("nonlinearity", "")
            word = "torch" if keywords.get("a") else f"{name} {follows}".strip()
            whole = tensor if tensor._base is None else tensor._base
            filled: torch.Tensor = plain[name](tensor, *args, **keywords)
            found[whole.untyped_storage()._cdata] = word
            return filled

        return fill

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(nn.init, name, spy(name))
        yield found


def check_draws(net: NetHandle, device: str) -> None:
    """Every weight is filled as the report says, and every bias of such a layer begins as 0."""
    begin = starts(net.graph)
    with recorded() as found, torch.device(device):
        module = net.module(device)
    last = {
        name: found.get(value.untyped_storage()._cdata, "")
        for name, value in module.named_parameters()
    }
    seen = set()
    for row in net.report().rows:
        start = begin.get(row.path)
        if start is None or row.path in seen or not row.params:
            continue
        seen.add(row.path)
        own = {name: fill for name, fill in last.items() if name.startswith(f"{row.path}.")}
        assert own, row.path
        for name, fill in own.items():
            if name.endswith("centers"):
                continue
            if start.scheme == "torch":
                assert fill in ("torch", "uniform_", "normal_", ""), name
            elif "bias" in name:
                assert fill == "zeros_", name
            else:
                grouped = getattr(module.get_submodule(row.path), "groups", 1) > 1
                grouped = grouped or row.layer == "table_conv"
                wanted = FILLS[start.scheme]
                assert fill == (GROUPED.get(start.scheme, wanted) if grouped else wanted), name


FILES = [*spec_files(), *sorted((REPOSITORY / "specs" / "vision").glob("*.net"))]


@pytest.mark.covers("IN05")
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_the_file_draws_what_the_report_says(file: Path) -> None:
    spec = load(file)
    for name in spec.names:
        check_draws(spec.net(name), "meta")


@pytest.mark.covers("IN05")
@settings(max_examples=60, deadline=None)
@given(st.one_of(nets(), sharing()))
def test_so_do_files_of_random_nets(text: str) -> None:
    spec = load(text)
    for name in spec.names:
        check_draws(spec.net(name), "meta")


def test_lenet_has_four_lines_more() -> None:
    assert tail(load(REPOSITORY / "specs" / "lenet5.net").net()) == [
        "for layer in self.modules():",
        "    if isinstance(layer, (nn.Conv2d, nn.Linear)):",
        "        nn.init.xavier_normal_(layer.weight)",
        "        nn.init.zeros_(layer.bias)",
    ]


def test_resnet_50_has_five() -> None:
    assert tail(load(REPOSITORY / "specs" / "resnet50.net").net()) == [
        "for layer in self.modules():",
        "    if isinstance(layer, nn.Conv2d):",
        '        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
        "nn.init.xavier_normal_(self.fc.weight)",
        "nn.init.zeros_(self.fc.bias)",
    ]


def test_one_layer_has_no_loop() -> None:
    assert tail(lines_of("dense 3", "[4]")) == [
        "nn.init.xavier_normal_(self.dense1.weight)",
        "nn.init.zeros_(self.dense1.bias)",
    ]
    assert tail(lines_of("dense 3, bias=no", "[4]")) == [
        "nn.init.xavier_normal_(self.dense1.weight)"
    ]


def test_what_differs_comes_after_the_loop() -> None:
    lines = tail(lines_of("inline repeat 4: dense 8 -> relu\ndense 3\ndense 3, init=torch", "[8]"))
    assert lines == [
        "for layer in self.modules():",
        "    if isinstance(layer, nn.Linear):",
        '        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
        "        nn.init.zeros_(layer.bias)",
        "nn.init.xavier_normal_(self.dense5.weight)",
        "self.dense6.reset_parameters()",
    ]


def test_many_deviations_cost_no_time() -> None:
    rounds = ", ".join(f"{0.01 + n / 1e5:.5f}" for n in range(400))
    net = lines_of(f"repeat in [{rounds}] as d: dense 4, init=normal, std=d", "[4]")
    began = perf_counter()
    lines = tail(net)
    assert perf_counter() - began < 5
    assert "nn.init.normal_(self.repeat1[399].weight, std=0.01399)" in lines


def test_some_layers_have_no_bias() -> None:
    lines = tail(lines_of("repeat 2: dense 8 -> relu\nrepeat 2: dense 8, bias=no -> relu", "[8]"))
    assert lines[3:] == [
        "        if layer.bias is not None:",
        "            nn.init.zeros_(layer.bias)",
    ]


def test_blocks_whose_instances_agree_have_a_branch() -> None:
    net = net_of("""
        block Feed(width):
            residual: layer_norm -> attention 2
            residual: layer_norm -> dense 2*width -> gelu -> dense width

        net N:
            input x: [7, 8]
            repeat 3: Feed 8
            dense 3
    """)
    assert tail(net) == [
        "for layer in self.modules():",
        "    if isinstance(layer, Feed):",
        '        nn.init.kaiming_normal_(layer.dense1.weight, nonlinearity="relu")',
        "        nn.init.zeros_(layer.dense1.bias)",
        "        nn.init.xavier_normal_(layer.dense2.weight)",
        "        nn.init.zeros_(layer.dense2.bias)",
        "nn.init.xavier_normal_(self.dense1.weight)",
        "nn.init.zeros_(self.dense1.bias)",
    ]
    check_draws(net, "cpu")


def test_attention_among_many_layers_of_its_kind_is_left_to_pytorch() -> None:
    net = net_of("""
        net N:
            input x: [7, 8]
            attention 2
            dense 8 -> relu
            layer_norm -> dense 9 -> relu
            layer_norm -> dense 7 -> relu
            layer_norm -> dense 8 -> relu
            layer_norm -> dense 5 -> relu
    """)
    assert tail(net)[-2:] == [
        "for part in self.attention1.children():",
        "    part.reset_parameters()",
    ]
    check_draws(net, "cpu")


def test_blocks_in_two_contexts_are_one_class_with_a_line_for_the_fewer() -> None:
    net = net_of("""
        block Unit(width):
            conv width, 1x1, bias=no -> batch_norm

        net N:
            input x: [3, 8, 8]
            repeat 4: Unit 8 -> relu
            last = Unit 8
            tanh
    """)
    assert tail(net) == [
        "for layer in self.modules():",
        "    if isinstance(layer, nn.Conv2d):",
        '        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
        "nn.init.xavier_normal_(self.last.conv1.weight)",
    ]
    assert "class Unit(" in net.source()
    assert "class Unit2(" not in net.source()
    check_draws(net, "cpu")


def test_a_scale_of_0_in_each_block_is_a_branch_of_the_same_loop() -> None:
    net = net_of("""
        use std.vision: Residual

        net N:
            input x: [8, 8, 8]
            repeat 3: Residual 8, last="zeros"
    """)
    assert tail(net) == [
        "for layer in self.modules():",
        "    if isinstance(layer, nn.Conv2d):",
        '        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
        "    elif isinstance(layer, Residual):",
        "        nn.init.zeros_(layer.bn2.weight)",
    ]
    module = net.module()
    scales = [m.bn2.weight for m in module.modules() if type(m).__name__ == "Residual"]
    assert len(scales) == 3
    assert not any(scale.any() for scale in scales)


def test_gates_are_drawn_one_by_one() -> None:
    assert tail(lines_of("lstm 4, init=xavier_uniform", "[T, 3]")) == [
        "for name, value in self.lstm1.named_parameters():",
        '    if "bias" in name:',
        "        nn.init.zeros_(value)",
        "    else:",
        "        for gate in value.detach().chunk(4):",
        "            nn.init.xavier_uniform_(gate)",
    ]


@pytest.mark.parametrize("word", LOCALS)
def test_a_block_may_be_called_as_a_variable_is(word: str) -> None:
    net = net_of(f"""
        block {word}(width):
            dense width -> relu -> dense width, init=zeros

        net N:
            input x: [7, 8]
            attention 2, init=he_uniform
            repeat 3: {word} 8
    """)
    check_draws(net, "cpu")
    net_of(f"net {word}:\n    input x: [8]\n    dense 3 -> relu\n    dense 3 -> relu\n").module()


@pytest.mark.covers("IN01")
@pytest.mark.parametrize("line", ["", "init torch", "init he_uniform", "init normal, std=0.1"])
def test_the_seed_decides_and_the_keys_stay(line: str) -> None:
    text = f"""
        use std.vision: Residual

        net N:
            input x: [3, 8, 8]
            {line or "# nothing said"}
            conv 4, 3x3, pad=1 -> relu
            Residual 8, stride=2
            global_avg_pool -> dense 3
    """
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(net_of(text).module().state_dict())
    one, same, other = states
    assert all(torch.equal(value, same[key]) for key, value in one.items())
    assert not torch.equal(one["conv1.weight"], other["conv1.weight"])
    assert [*one] == [
        *net_of(text.replace(line or "# nothing said", "init torch")).module().state_dict()
    ]


def test_classes_that_files_hold_draw_no_modules_unknown_here() -> None:
    """`isinstance(layer, nn.Linear)` meets the modules inside `Attention` too."""
    folder = Path(str(netc.compiler.__file__)).parent / "templates" / "support"
    inside = {
        file.name.partition(".")[0]: {*re.findall(r"= (nn\.(?!Parameter|init)\w+)\(", text)}
        for file in folder.glob("*.j2")
        if (text := file.read_text(encoding="utf-8"))
    }
    assert {name: {kind} for name, kind in WITHIN.items()} == {k: v for k, v in inside.items() if v}


def test_export_and_compile_take_what_was_drawn() -> None:
    net = load(TESTS / "nets" / "starts.net").net()
    module = net.module().eval()
    x = torch.randn(2, 3, 16, 16)
    exported = torch.export.export(module, (x,)).module()
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    torch.testing.assert_close(exported(x), module(x))
    torch.testing.assert_close(compiled(x), module(x))
