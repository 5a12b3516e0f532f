"""Names and values of a spec in the emitted file: nothing of a spec becomes code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from compiling import spec_of
from emitted import NETS, both, built, check_state, every_net

from netc.api import Spec
from netc.compiler.sizes import evaluate
from netc.compiler.source import Source

NODES = (
    "Add", "alias", "And", "AnnAssign", "arg", "arguments", "Assign", "Attribute", "AugAssign",
    "BinOp", "BitOr", "BoolOp", "Call", "ClassDef", "Compare", "comprehension", "Constant",
    "Dict", "Div", "Eq", "Expr", "FloorDiv", "For", "FunctionDef", "GeneratorExp", "Gt", "GtE",
    "If", "IfExp", "Import", "ImportFrom", "In", "Is", "IsNot", "keyword", "List", "ListComp",
    "Load", "Lt", "LtE", "MatMult", "Mod", "Module", "Mult", "Name", "Not", "NotEq", "NotIn",
    "Or", "Pow", "Return", "Slice", "Starred", "Store", "Sub", "Subscript", "Tuple", "UnaryOp",
    "USub",
)  # fmt: skip


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


@pytest.mark.parametrize("name", NETS)
def test_files_hold_expected_nodes_only(name: str) -> None:
    check_nodes(every_net()[name].source(), set())


EVIL = (
    "__class__", "__init__", "forward", "lambda", "self", "torch", "F", "nn", "super",
    "training", "import", "exec", "eval", "print", "open", "range", "x", "layer", "skip", "None",
    "True", "_modules", "state_dict", "int", "tuple", "return_", "é", "ℌ",
)  # fmt: skip


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
        "net Net:\n    input y: [4]\n    share {n} = dense 4\n    repeat 2:\n"
        "        z = {n} -> dense 4\n        {n} -> add z\n",
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
    for one, other in zip(*both(net, module, values), strict=True):
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
