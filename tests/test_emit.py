"""The emitted PyTorch file: what it may hold, what its modules own, what they compute.

Every net of specs/ and tests/nets/, and random nets, are held against the report and against an
interpreter of the typed graph that knows nothing of the emitter.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo
from compiling import net_of, spec_files, spec_of, state_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from interpreter import interpret
from random_nets import nets, tangled
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netc.api import NetHandle, Spec
from netc.compiler.sizes import evaluate
from netc.compiler.source import Source
from netc.runtime.errors import TrainError
from netc.runtime.module import build

SIZES = {"H": 32, "W": 16, "T": 7, "S": 5}
BIG = 5_000_000
RECURRENT = ("lstm", "gru", "rnn")


@lru_cache
def every_net() -> dict[str, NetHandle]:
    """All nets of the repository's specs, by file and name."""
    found: dict[str, NetHandle] = {}
    for file in spec_files():
        spec = spec_of(file.read_text(encoding="utf-8"))
        found |= {f"{file.stem}-{name}": spec.net(name) for name in spec.names}
    return found


NETS = sorted(every_net())


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest) -> NetHandle:
    return every_net()[request.param]


def built(net: NetHandle, device: str = "cpu") -> nn.Module:
    """The emitted module, in evaluation mode, the same weights each time."""
    names: dict[str, Any] = {}
    exec(compile(net.source(), net.name, "exec"), names)
    torch.manual_seed(0)
    with torch.device(device):
        module: nn.Module = names[net.name]()
    return module.eval()


def inputs_of(net: NetHandle, batch: int = 2, device: str = "cpu") -> list[torch.Tensor]:
    torch.manual_seed(1)
    found = []
    for _, tensor in net.report().inputs:
        shape = [batch, *(int(str(evaluate(size, SIZES))) for size in tensor.shape)]
        if tensor.dtype == "int":
            found.append(torch.randint(0, 5, shape, device=device))
        else:
            found.append(torch.randn(shape, device=device))
    return found


def outputs(result: Any) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def promised(net: NetHandle) -> list[tuple[int, ...]]:
    """The output shapes of the report, names replaced by numbers."""
    return [
        tuple(int(str(evaluate(size, SIZES))) for size in tensor.shape)
        for _, tensor in net.report().outputs
    ]


# -- weights and shapes


def check_state(net: NetHandle, module: nn.Module) -> None:
    state = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    assert list(state.items()) == list(state_of(net).items())
    report = net.report()
    assert sum(p.numel() for p in module.parameters()) == report.params == report.trainable
    assert sum(b.numel() for b in module.buffers()) == report.buffers
    stored = sum(t.numel() * t.element_size() for t in module.state_dict().values())
    assert stored == report.weights_bytes


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
    module, values = built(net), inputs_of(net, 1)
    with torch.no_grad():
        found = outputs(module(*values))
        expected = interpret(net.graph, dict(module.state_dict()), values)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
@given(st.one_of(nets(), tangled()))
@pytest.mark.covers("PR03", "PR02")
def test_random_nets_own_and_compute_what_their_graph_says(text: str) -> None:
    net = net_of(text)
    module, values = built(net), inputs_of(net)
    check_state(net, module)
    with torch.no_grad():
        found = outputs(module(*values))
        expected = interpret(net.graph, dict(module.state_dict()), values)
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


@pytest.mark.parametrize("texts", [nets(), tangled()], ids=["plain", "tangled"])
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


# -- nothing of a spec becomes code

NODES = [
    "Add",
    "Assign",
    "AnnAssign",
    "Attribute",
    "AugAssign",
    "BinOp",
    "BitOr",
    "Call",
    "ClassDef",
    "Compare",
    "Constant",
    "Dict",
    "Div",
    "Eq",
    "Expr",
    "FloorDiv",
    "For",
    "FunctionDef",
    "GeneratorExp",
    "Gt",
    "GtE",
    "If",
    "IfExp",
    "Import",
    "ImportFrom",
    "In",
    "Is",
    "IsNot",
    "List",
    "Load",
    "Lt",
    "LtE",
    "Mod",
    "Module",
    "Mult",
    "Name",
    "Not",
    "NotEq",
    "Or",
    "And",
    "BoolOp",
    "Pow",
    "Return",
    "Slice",
    "Starred",
    "Store",
    "Sub",
    "Subscript",
    "Tuple",
    "UnaryOp",
    "USub",
    "alias",
    "arg",
    "arguments",
    "comprehension",
    "keyword",
    "NotIn",
    "MatMult",
    "ListComp",
]


def check_nodes(source: str, known: set[str]) -> None:
    """The file holds the expected kinds of nodes, and names only what it defines or imports."""
    module = ast.parse(source)
    assert {type(node).__name__ for node in ast.walk(module)} <= set(NODES)
    defined = {"torch", "nn", "F", "self", "super", "range", "int", "float", "bool", "str", "tuple"}
    defined |= {"math", "len", "zip", "enumerate", "ValueError", "list", "dict", "isinstance"}
    defined |= known
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
    named = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    assert named <= defined


def test_files_hold_expected_nodes_only(net: NetHandle) -> None:
    check_nodes(net.source(), set())


EVIL = (
    "__class__",
    "__init__",
    "forward",
    "lambda",
    "self",
    "torch",
    "F",
    "nn",
    "super",
    "training",
    "import",
    "exec",
    "eval",
    "print",
    "open",
    "range",
    "x",
    "layer",
    "skip",
    "None",
    "True",
    "_modules",
    "state_dict",
    "int",
    "tuple",
    "return_",
    "é",
    "ℌ",
)


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize(
    "text",
    [
        "net Net:\n    input {n}: [4]\n    dense 3\n",
        "net Net:\n    input y: [4]\n    {n} = dense 3 -> relu\n    dense 2 -> concat {n}\n",
        "net {n}:\n    input y: [4]\n    dense 3\n",
        "block {n}(width):\n    dense width\n\nnet Net:\n    input y: [4]\n    {n} 3\n    {n} 4\n",
        "block B({n}):\n    dense {n}\n\nnet Net:\n    input y: [4]\n    B 3\n    B 4\n",
        "net Net:\n    input y: [4]\n    {n} = repeat 2 as i: dense 3 + i -> relu\n    dense 2\n",
        "net Net:\n    input y: [4]\n    param {n}: [4] = ones\n    (y, {n}) -> mul\n    dense 2\n",
        "net Net:\n    input y: [4]\n    share {n} = dense 4\n    {n} -> {n} -> relu\n",
        "net Net:\n    input y: [4]\n    output {n} = dense 4\n    output b = y -> dense 2\n",
        "net Net:\n    input y: [{n}, 4]\n    dense 3\n",
        "net Net:\n    input y: [4]\n    parallel join=add:\n"
        "        {n} = branch: dense 4 -> relu\n        branch: dense 4\n",
        "net Net:\n    input y: [4]\n    residual:\n        dense 3\n"
        "        {n} = shortcut: dense 3 -> relu\n",
        "net Net({n}=3):\n    input y: [4]\n    dense {n}\n",
    ],
)
def test_names_of_a_spec_are_names_in_the_file_or_errors(text: str, name: str) -> None:
    spec = spec_of(text.replace("{n}", name))
    if any(d.severity == "error" for d in spec.diagnostics):
        return
    net = spec.net()
    check_nodes(net.source(), {name})
    module = built(net)
    check_state(net, module)
    ((_, tensor),) = net.report().inputs
    values = [torch.randn(2, *(int(str(evaluate(size, {name: 5}))) for size in tensor.shape))]
    expected = interpret(net.graph, dict(module.state_dict()), values)
    for one, other in zip(outputs(module(*values)), expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "value",
    [
        '"\\"); import os; (\\""',
        '"a\'b"',
        '"a\\\\"',
        '"{0}"',
        '"{m}"',
        '"é\u2028\x7f\x1b"',
        "1e308",
        "0.1",
        "-3",
        "2**62",
        "1/3",
        "5x5",
        "[1, 2]",
        "yes",
        "none",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "net Net:\n    input y: [4, 6, 6]\n    conv 3, 3x3, pad={v}\n",
        "net Net:\n    input y: [4, 6, 6]\n    conv {v}, 1x1\n",
        "net Net:\n    input y: [4, 6, 6]\n    leaky_relu {v}\n",
        "net Net:\n    input y: [4, 6, 6]\n    elu {v} -> dropout {v}\n",
        "block B(v={v}):\n    leaky_relu v\n    dense 3\n\n"
        "net Net:\n    input y: [4]\n    B\n    B 0.3\n",
        "block B(v={v}):\n    dense 3\n    residual:\n        dense 4\n"
        "        shortcut when=v == 2: dense 4\n\nnet Net:\n    input y: [4]\n    B\n    B 2\n",
        "net Net:\n    input y: [4]\n    param p: [4] = {v}\n    (y, p) -> add\n    dense 2\n",
        "net Net:\n    input y: [4]\n    batch_norm eps={v}, momentum={v}\n",
    ],
)
def test_values_of_a_spec_are_literals_in_the_file_or_errors(text: str, value: str) -> None:
    spec = spec_of(text.replace("{v}", value))
    if any(d.severity == "error" for d in spec.diagnostics):
        return
    source = spec.net().source()
    check_nodes(source, set())
    if "2**62" not in value:
        check_state(spec.net(), built(spec.net(), "meta"))


def test_the_file_name_of_a_spec_is_no_code() -> None:
    text = "net Net:\n    input x: [4]\n    dense 3\n"
    for name in ('a".net', 'a"""\nimport os\n"""', "a\\", "{{ 1 + 1 }}", "é.net"):
        check_nodes(Spec(Source(name, text), {}, Path()).net().source(), set())


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


# -- names, and values that jump

JUMPS = {
    "a residual called as the net": (
        "net Trunk:\n    input p: [3]\n    trunk = residual:\n        dense 3\n        relu\n"
        "    dense 8 -> relu -> dense 3\n"
    ),
    "an input called as what flows": (
        "net A:\n    input x: [4, 16]\n    h = dense 16\n    repeat 2:\n"
        "        residual: layer_norm -> attention 2, over=x\n        residual: dense 16 -> gelu\n"
    ),
    "a value of a block called as what flows": (
        "block B(x):\n    dense 4\n    (out, x) -> add\n\n"
        "net A:\n    input p: [4]\n    B p\n    B p\n"
    ),
    "a repeat that is given what it reads": (
        "net A:\n    input p: [4]\n    repeat 2:\n        dense 4\n        (out, p) -> add\n"
    ),
    "a residual in it that reads the same": (
        "net A:\n    input p: [4]\n    a = dense 4\n    repeat 2:\n        residual:\n"
        "            dense 4\n            (out, a) -> add\n        tanh\n"
    ),
    "attention over what the repeat is given": (
        "net A:\n    input p: [5, 4]\n    repeat 2: attention 2, over=p\n"
    ),
    "what flows into the stretch around": (
        "net A:\n    input p: [4]\n    v = dense 4\n    repeat 3:\n        w = dense 4\n"
        "        u = residual:\n            (v, w) -> add\n            out -> dense 4\n"
        "        dense 4\n"
    ),
    "a repeat in a repeat": (
        "net A:\n    input p, q: [4]\n    p -> dense 4\n    repeat 2:\n        repeat 2:\n"
        "            dense 4\n            (q, out) -> add\n"
    ),
    "a repeat in a repeat of uneven rounds": (
        "net A:\n    input p, q: [4]\n    p -> dense 4\n    repeat 2 as i:\n        repeat i + 1:\n"
        "            dense 4\n            (q, out) -> add\n"
    ),
    "an input called as a loop's variable": (
        "net A:\n    input layer: [4]\n    dense 4\n    repeat 2:\n        dense 4\n"
        "        residual: dense 4\n        tanh\n        (out, layer) -> add\n"
    ),
    "an input called as a variable of an expression": (
        "net A:\n    input size: [2, 8, 8]\n    spatial_pyramid_pool [2, 1]\n    dense 3\n"
    ),
    "a net called as a class that comes along": (
        "net Attention:\n    input x: [5, 4]\n    attention 2 -> dense 3\n"
    ),
    "blocks called as words of Python": (
        "block In:\n    relu -> tanh\n\nblock Train:\n    tanh\n\nblock tuple:\n    dense 4\n\n"
        "net A:\n    input p: [4]\n    In\n    Train\n    tuple\n    output a = dense 3\n"
        "    output b = p -> dense 2\n"
    ),
    "a block called as an argument of another": (
        "block width(n):\n    dense n -> relu\n\nblock B(width):\n    dense width -> tanh\n\n"
        "net A:\n    input p: [4]\n    B 3\n    width 4\n    B 5\n    width 6\n"
    ),
    "a module shared in each round, and in a block": (
        "block B:\n    share s = dense 4\n    s -> tanh -> s\n\nnet A:\n    input p: [4]\n"
        "    repeat 2:\n        (in, out) -> add\n        share s = dense 4\n        s\n"
        "    B\n    repeat 2: B\n    residual: B\n"
    ),
    "rounds that are handed different values": (
        "net A:\n    input p, q: [4]\n    p -> dense 4\n    repeat 3 as i:\n        dense 4\n"
        "        (out, p if i == 0 else q) -> add\n"
    ),
    "a stretch that gives what it was handed": (
        "net A:\n    input p, q: [4]\n    p -> dense 4\n    repeat 2:\n        dense 4\n        q\n"
        "    dense 3\n"
    ),
    "values that are handed in together": (
        "block B(m):\n    dense 4\n    m -> add\n\nnet A:\n    input p, q: [4]\n    p -> dense 4\n"
        "    B (p, q)\n    dense 3\n"
    ),
}


@pytest.mark.parametrize("text", JUMPS.values(), ids=JUMPS)
@pytest.mark.covers("PR03", "PR02")
def test_values_that_jump(text: str) -> None:
    net = net_of(text)
    module, values = built(net), inputs_of(net)
    check_state(net, module)
    with torch.no_grad():
        found = outputs(module(*values))
        expected = interpret(net.graph, dict(module.state_dict()), values)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_rounds_are_one_class_whatever_the_first_is_given() -> None:
    source = net_of(JUMPS["a residual in it that reads the same"]).source()
    assert re.findall(r"^class (\w+)", source, re.MULTILINE) == ["Layer", "A"]
    assert "nn.ModuleList(Layer() for _ in range(2))" in source
    source = net_of(JUMPS["a repeat in a repeat"]).source()
    assert "        for layers in self.repeat1:\n            for layer in layers:\n" in source


@pytest.mark.covers("PR02", "CV19")
def test_values_that_nobody_reads() -> None:
    """What the report counts runs, if for nothing; the rest is left out."""
    net = net_of(
        "net A:\n    input image, other: [4]\n    image -> dense 4 -> relu\n"
        "    (other, image) -> mul\n    image -> dense 4\n"
    )
    source = net.source()
    assert "        self.dense1(image)\n        return self.dense2(image)" in source
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        built(net, "meta")(*inputs_of(net, 1, "meta"))
    assert counter.get_total_flops() == net.report().flops
    assert net.report().inference_peak == 2 * 16 + 16  # two inputs and a result


def test_a_file_of_another_net_is_no_module() -> None:
    net = net_of("net A:\n    input x: [4]\n    dense 3\n")
    other = net_of("net A:\n    input x: [4]\n    dense 4\n")
    with pytest.raises(TrainError, match="20 parameters, and its report counts 15"):
        build(other.source(), net.name, net.report().params)
