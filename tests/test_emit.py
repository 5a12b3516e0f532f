"""The emitted PyTorch file: what its modules own, what they compute, how it reads.

Every net of specs/ and tests/nets/, and random nets, are held against the report and against an
interpreter of the typed graph that knows nothing of the emitter.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch._dynamo
from compiling import net_of
from emitted import NETS, SIZES, both, built, check_state, every_net, inputs_of, outputs, promised
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_nets import nets, tangled
from sharing_nets import sharing
from torch.utils.flop_counter import FlopCounterMode

from netc.api import NetHandle
from netc.compiler.emit.format import statement
from netc.compiler.sizes import evaluate
from netc.runtime.errors import TrainError
from netc.runtime.module import build

BIG = 5_000_000
RECURRENT = ("lstm", "gru", "rnn")


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest) -> NetHandle:
    return every_net()[request.param]


# -- weights and shapes


@pytest.mark.covers("PR02", "BA03")
def test_state_dict_is_the_reports(net: NetHandle) -> None:
    check_state(net, built(net, "meta"))


@pytest.mark.covers("PR01", "CV13")
def test_output_shapes_are_the_reports(net: NetHandle) -> None:
    with torch.no_grad():
        found = outputs(built(net, "meta")(*inputs_of(net, 2, "meta")))
    assert [tuple(value.shape) for value in found] == [(2, *shape) for shape in promised(net)]


# -- values


@pytest.mark.covers("PR03", "BA04")
def test_values_are_those_of_the_graph(net: NetHandle) -> None:
    found, expected = both(net, built(net), inputs_of(net, 1))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
@given(st.one_of(nets(), tangled(), sharing()))
@pytest.mark.covers("PR03", "PR02")
def test_random_nets_own_and_compute_what_their_graph_says(text: str) -> None:
    net = net_of(text)
    module = built(net)
    check_state(net, module)
    found, expected = both(net, module, inputs_of(net))
    assert [tuple(value.shape[1:]) for value in found] == promised(net)
    # values squared round by round leave the numbers that float32 has: there nothing is compared
    assume(all(value.abs().max() < 1e6 for value in expected))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


# -- torch takes it


SMALL = [name for name in NETS if every_net()[name].report().params < BIG]


@pytest.mark.filterwarnings("ignore:The tensor attributes self.lstm")  # PyTorch's flat weights
@pytest.mark.parametrize("name", SMALL)
def test_export_takes_it(name: str) -> None:
    net = every_net()[name]
    module, values = built(net), inputs_of(net)
    exported = torch.export.export(module, tuple(values)).module()
    with torch.no_grad():
        for one, other in zip(outputs(exported(*values)), outputs(module(*values)), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", SMALL)
def test_compile_takes_it_as_one_graph(name: str) -> None:
    net = every_net()[name]
    torch._dynamo.config.allow_rnn = False  # PyTorch's default; the file itself asks for more
    torch._dynamo.reset()
    module, values = built(net), inputs_of(net)
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    with torch.no_grad():
        for one, other in zip(outputs(compiled(*values)), outputs(module(*values)), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.covers("PR02", "CV19")
@pytest.mark.parametrize(
    "name",
    [n for n in NETS if not any(r.layer in RECURRENT for r in every_net()[n].report().rows)],
)
def test_flops_are_those_that_torch_counts(name: str) -> None:
    net = every_net()[name]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        built(net, "meta")(*inputs_of(net, 1, "meta"))
    assert counter.get_total_flops() == evaluate(net.report().flops, SIZES)


# -- the file as text


def test_files_are_formatted_and_lint_clean(tmp_path: Path) -> None:
    for name in NETS:
        (tmp_path / f"{name.replace('-', '_')}.py").write_text(every_net()[name].source())
    check_files(tmp_path)


def test_loops_of_any_length_are_formatted(tmp_path: Path) -> None:
    """What they go over is broken at brackets, steps, their variables, or none, as ruff has it."""
    over = (
        "self.{}.children()",
        "self.{}[0].children()",
        "self.{}",
        "value.{}.chunk(4)",
        "self.{}[1].weight.detach().split(self.{}[1].counts)",
        "self.a[0].{}[1].children()",
        'self.{}["0"].a[1].b.named_parameters()',
        "self.a[0].{}[1].weight.detach().split(self.a[0].{}[1].counts)",
    )
    loops = [
        (f"for {variables} in {each.replace('{}', 'a' * length)}:", indent)
        for variables in ("part", "name, value")
        for each in over
        for length in range(20, 70)
        for indent in (8, 12)
    ]
    for number, (loop, indent) in enumerate(loops):
        within = ["class A:", "    def f(self):", *["        if self:"][: indent // 4 - 2]]
        lines = [*within, *statement(loop, indent), " " * (indent + 4) + "pass"]
        text = "\n".join(lines) + "\n"
        (tmp_path / f"loop{number}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "format", "--check", "--isolated", "--no-cache", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "texts", [nets(), tangled(), sharing()], ids=["plain", "tangled", "sharing"]
)
def test_random_files_are_formatted(tmp_path: Path, texts: st.SearchStrategy[str]) -> None:
    """Many files and one call of ruff, which takes longer to start than to read them."""

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(texts)
    def write(text: str) -> None:
        number = len(list(tmp_path.iterdir()))
        (tmp_path / f"net{number}.py").write_text(net_of(text).source())

    write()
    check_files(tmp_path)


def check_files(folder: Path) -> None:
    for arguments in (["format", "--check", "--diff"], ["check"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache", "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_files_import_torch_only(net: NetHandle) -> None:
    for node in ast.walk(ast.parse(net.source())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"torch", "torch.nn.functional", "math"}
        if isinstance(node, ast.ImportFrom):
            assert node.module == "torch"


def test_the_same_spec_gives_the_same_file(net: NetHandle) -> None:
    again = net_of(net.spec.source.text, net.name) if net.spec.source.text else net
    assert again.source() == net.source()


def test_a_block_with_a_conditional_shortcut_is_one_class() -> None:
    source = every_net()["resnet50-ResNet50"].source()
    assert re.findall(r"^class (\w+)", source, re.MULTILINE) == ["Bottleneck", "ResNet50"]
    assert "if stride > 1 or in_channels != 4 * width:" in source


def test_a_number_that_follows_from_an_argument_is_an_argument_too() -> None:
    text = """
        block Same(kernel):
            conv 4, kernel, pad=same -> relu
        net Net:
            input x: [3, 9, 9]
            Same 5x5
            Same 3x3
            Same 3x3
    """
    net = net_of(text)
    assert "padding: int" in net.source()
    assert net.source().count("class ") == 2
    x = torch.randn(2, 3, 9, 9)
    assert net.module()(x).shape == (2, 4, 9, 9)


def test_a_condition_never_compares_a_number_with_itself() -> None:
    text = """
        use std.vision: Bottleneck
        net Net:
            input x: [32, 8, 8]
            repeat 2 as i: Bottleneck 8, stride=2 if i == 1 else 1
    """
    source = net_of(text).source()
    assert "channels != channels" not in source
    assert "if has_downsample:" in source
    assert net_of(text).module()(torch.randn(2, 32, 8, 8)).shape == (2, 32, 4, 4)


def test_a_file_of_another_net_is_no_module() -> None:
    net = net_of("net A:\n    input x: [4]\n    dense 3\n")
    other = net_of("net A:\n    input x: [4]\n    dense 4\n")
    with pytest.raises(TrainError, match="20 parameters, and its report counts 15"):
        build(other.source(), net.name, net.report().params)
