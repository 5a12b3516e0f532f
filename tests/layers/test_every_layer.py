"""What holds for each layer of the registry: its declarations agree with PyTorch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from layer_cases import CASES, STRATEGIES, Case, cases
from layer_lines import layer as read_layer
from layer_lines import tensor, tensors
from layer_oracle import (
    BATCH,
    SUPPORT,
    Run,
    call_text,
    flops,
    numbers,
    run_of,
    saved_bytes,
    scope,
    support_text,
)
from layer_page import said, spec
from layer_sums import sides, statements
from live_memory import Live
from pydantic import ValidationError

from netc.compiler.layers import find, words
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.sizes import Symbolic, evaluate, symbol

MANY = 64
"""Examples beside which what a call holds once, for all of them, is small."""
every_word = pytest.mark.parametrize("word", words())


def kind(word: str) -> type[Layer]:
    found = find(word)
    assert found is not None
    return found


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_every_word_has_random_cases() -> None:
    assert set(STRATEGIES) == set(words())


def test_layers_import_nothing_heavy() -> None:
    code = (
        "import sys; from netc.compiler.layers import find, words; [find(w) for w in words()]; "
        "print([m for m in ('torch', 'numpy', 'jinja2', 'networkx', 'lark') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@every_word
def test_declares_itself(word: str) -> None:
    layer = kind(word)
    assert layer.kind == word
    text = layer.__doc__ or ""
    assert "Shape:" in text
    assert "Source:" in text
    assert layer.examples
    assert layer.refused
    assert layer.model_json_schema()["type"] == "object"


@every_word
def test_examples_compile_to_their_shapes(word: str) -> None:
    for line, given_, expected in kind(word).examples:
        layer, inputs = read_layer(line), tensors(given_)
        output = layer.output(inputs)
        assert str(output) == str(tensor(expected)), line
        for text in layer.why(inputs, output).__slots__:
            holds(getattr(layer.why(inputs, output), text))
        layer.macs(inputs, output)
        layer.receptive(inputs)
        layer.kept(inputs, output)
        scope(layer.torch(inputs, output))


@every_word
def test_refused_lines_say_why(word: str) -> None:
    for line, given_, piece in kind(word).refused:
        with pytest.raises((ShapeError, ValidationError, ValueError)):
            read_layer(line).output(tensors(given_))
        assert piece in " ".join(said(spec(line, given_)).split()), line


@every_word
def test_ids_in_the_place_of_real_numbers_are_refused_or_pytorch_takes_them(word: str) -> None:
    for line, given_, _ in kind(word).examples:
        layer, inputs = read_layer(line), tensors(given_)
        if any(isinstance(x.elements, Symbolic) for x in inputs):
            continue
        for place, x in enumerate(inputs):
            other = Tensor(x.shape, "int" if x.dtype == "float" else "float")
            changed = [*inputs[:place], other, *inputs[place + 1 :]]
            try:
                output = layer.output(changed)
            except ShapeError:
                continue
            result = run_of(layer, changed)(*numbers(changed))
            assert result.dtype == (torch.int64 if output.dtype == "int" else torch.float32), line


def holds(text: str) -> None:
    names = {"H": 23, "L": 17, "S": 5, "T": 11, "W": 31}
    for statement in statements(text):
        first, *others = sides(statement, names)
        assert all(first == other for other in others), (text, statement)


@every_word
@CASES
@given(data=st.data())
def test_shapes_weights_and_costs(word: str, data: st.DataObject) -> None:
    case = data.draw(cases(word))
    layer, inputs = case.layer, case.inputs
    output = layer.output(inputs)
    run, xs = run_of(layer, inputs), numbers(inputs)
    result = run(*xs)
    assert tuple(result.shape) == (BATCH, *output.shape)
    assert result.dtype == (torch.int64 if output.dtype == "int" else torch.float32)
    on_meta = run_of(layer, inputs, device="meta")(*(x.to("meta") for x in xs))
    assert on_meta.shape == result.shape
    weights_agree(layer, inputs, run)
    macs = layer.macs(inputs, output)
    assert isinstance(macs, int)
    assert flops(run, xs) == 2 * BATCH * macs
    for text in (layer.why(inputs, output).output, layer.why(inputs, output).params):
        holds(text)
    holds(layer.why(inputs, output).macs)


def weights_agree(layer: Layer, inputs: tuple[Tensor, ...], run: Run) -> None:
    weights = layer.weights(inputs)
    state = run.module.state_dict()
    assert [(w.name, w.shape, w.dtype_bytes) for w in weights] == [
        (name, tuple(value.shape), value.element_size()) for name, value in state.items()
    ]
    assert {w.name for w in weights if w.buffer} == {n for n, _ in run.module.named_buffers()}
    learned = sum(p.numel() for p in run.module.parameters())
    assert sum(w.count for w in weights if not w.buffer) == learned


@every_word
@CASES
@given(data=st.data())
def test_kept_is_what_autograd_keeps(word: str, data: st.DataObject) -> None:
    case = data.draw(cases(word))
    layer, inputs = case.layer, case.inputs
    output = layer.output(inputs)
    kept = layer.kept(inputs, output)
    if not kept.known:
        assert word in ("gru", "lstm", "rnn")
        return
    run, xs = run_of(layer, inputs), numbers(inputs)
    values = [xs[index] for index in kept.inputs]
    per_example = sum(x[0].numel() * x.element_size() for x in values)
    if kept.output:
        per_example += 4 * prod(int(str(size)) for size in output.shape)
    per_example += int(str(kept.extra))
    assert saved_bytes(run, xs) == BATCH * per_example + kept.fixed
    result = run(*xs)
    shared = result.untyped_storage().data_ptr() in {x.untyped_storage().data_ptr() for x in xs}
    assert shared == kept.view
    assert kept.view or kept.reshaped or not result._is_view()


def slopes(run: Run, xs: list[torch.Tensor], after: Callable[[torch.Tensor], Any]) -> Any:
    """What a layer gives with a function after it, and all gradients; the same draws each time."""
    torch.manual_seed(0)
    result = after(run(*xs))
    wanted = [*(x for x in xs if x.requires_grad), *run.module.parameters()]
    return result, torch.autograd.grad(result.square().sum(), wanted, allow_unused=True)


@every_word
@CASES
@given(data=st.data())
def test_a_spared_output_may_be_written_over(word: str, data: st.DataObject) -> None:
    case = data.draw(cases(word))
    layer, inputs = case.layer, case.inputs
    output = layer.output(inputs)
    run, xs = run_of(layer, inputs), numbers(inputs)
    if not layer.kept(inputs, output).spares_output or layer.at_rest or output.dtype == "int":
        return
    for training in (True, False):
        run.module.train(training)
        apart, expected = slopes(run, xs, F.relu)
        over, found = slopes(run, xs, lambda x: F.relu(x, inplace=True))
        assert torch.equal(apart, over)
        for one, other in zip(found, expected, strict=True):
            assert (one is None and other is None) or torch.equal(one, other)


@every_word
@CASES
@given(data=st.data())
def test_in_place_is_the_same(word: str, data: st.DataObject) -> None:
    case = data.draw(cases(word))
    layer, inputs = case.layer, case.inputs
    output = layer.output(inputs)
    kept = layer.kept(inputs, output).over
    if kept is None:
        return
    apart = run_of(layer, inputs)
    written = apart.written.in_place()
    if written.module is None:  # a statement
        names = {f"x{index}": x.detach() * 2 for index, x in enumerate(numbers(inputs))}
        before, expected = names["x0"], apart(*names.values()).clone()
        exec((written.inline or "").format(*names), names)
        assert names["x0"] is before
        assert torch.equal(before, expected)
        return
    over = Run(written, scope(written), eval(call_text(written.module), scope(written)))
    (x,) = numbers(inputs)
    for mine, theirs in ((over.by_module, apart.by_module), (over.inline, apart.inline)):
        value = x * 2  # PyTorch lets nobody write over a value that has no history
        found, expected = mine(value), theirs(x * 2)
        assert found.data_ptr() == value.data_ptr()
        assert torch.equal(found, expected)
        mine_, theirs_ = (torch.autograd.grad(y.square().sum(), x) for y in (found, expected))
        assert torch.equal(*mine_, *theirs_)
    held = 4 * prod(output.shape) * kept.output + int(str(kept.extra))
    assert saved_bytes(over, [x * 2]) == BATCH * held


@every_word
@CASES
@given(data=st.data())
def test_working_is_what_a_call_holds_for_itself(word: str, data: st.DataObject) -> None:
    case = data.draw(cases(word))
    layer, inputs = case.layer, case.inputs
    output = layer.output(inputs)
    if not layer.kept(inputs, output).known:
        return
    if word in ("rnn", "gru"):  # watched like this their loops add out of place: others hold them
        return  # to the allocator (test_recurrent_memory)
    run, xs = run_of(layer, inputs), numbers(inputs, batch=MANY)
    run.module.eval()
    with torch.no_grad(), Live(run.module) as live:
        for x in xs:
            live.add(x)
        before = live.live
        run(*xs)
    sizes = (*run.module.state_dict().values(), torch.zeros(BATCH))
    small = 8 * sum(w.numel() for w in sizes) + 64  # statistics of a channel, empty places
    if layer.kind == "positions":  # its waves are made once for all examples
        small += 24 * prod(int(str(size)) for size in output.shape)
    beside = 4 * MANY * prod(int(str(size)) for size in output.shape)
    expected = MANY * int(str(layer.working(inputs, output)))
    held = live.peak - before
    if layer.kept(inputs, output).view or layer.at_rest:
        assert held == expected == 0
    else:
        assert held == pytest.approx(expected + beside, rel=0.1, abs=small)


@every_word
@CASES
@given(data=st.data())
def test_both_forms_agree(word: str, data: st.DataObject) -> None:
    case = data.draw(cases(word))
    run, xs = run_of(case.layer, case.inputs), numbers(case.inputs)
    weightless = not case.layer.weights(case.inputs)
    assert run.written.inline is None or weightless
    if run.written.module is None or run.written.inline is None:
        assert run.written.module or run.written.inline
        return
    for training in (True, False):
        run.module.train(training)
        torch.manual_seed(0)
        expected = run.by_module(*xs)
        torch.manual_seed(0)
        assert torch.equal(run.inline(*xs), expected)


@every_word
@CASES
@given(data=st.data())
def test_an_example_does_not_see_its_batch(word: str, data: st.DataObject) -> None:
    case = data.draw(cases(word))
    run, xs = run_of(case.layer, case.inputs), numbers(case.inputs)
    run.module.eval()
    together = run(*xs)
    for index in range(BATCH):
        close(run(*(x[index : index + 1] for x in xs)), together[index : index + 1])


@every_word
@CASES
@given(data=st.data())
def test_names_for_sizes_agree_with_numbers(word: str, data: st.DataObject) -> None:
    """Sizes that may be names are made names; then output and MACs must give the same numbers."""
    case = data.draw(cases(word))
    known = case.layer.output(case.inputs)
    values = {f"N{size}": size for x in case.inputs for size in x.shape}
    inputs = [x.shape for x in case.inputs]
    for index, shape in enumerate(inputs):
        for axis, size in enumerate(shape):
            named = (*inputs[index][:axis], symbol(f"N{size}"), *inputs[index][axis + 1 :])
            changed = [*inputs[:index], named, *inputs[index + 1 :]]
            made = tuple(Tensor(s, x.dtype) for s, x in zip(changed, case.inputs, strict=True))
            if accepts(case, made):
                inputs = changed
    made = tuple(Tensor(s, x.dtype) for s, x in zip(inputs, case.inputs, strict=True))
    output = case.layer.output(made)
    assert tuple(evaluate(size, values) for size in output.shape) == known.shape
    macs = case.layer.macs(made, output)
    assert evaluate(macs, values) == case.layer.macs(case.inputs, known)


def accepts(case: Case, inputs: tuple[Tensor, ...]) -> bool:
    try:
        output = case.layer.output(inputs)
        case.layer.weights(inputs)
        case.layer.torch(inputs, output)
    except ShapeError:
        return False
    return True


@pytest.mark.parametrize("path", sorted(SUPPORT.iterdir()), ids=lambda path: path.name)
def test_support_classes_are_formatted(path: Path) -> None:
    head = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
    text = support_text(path.name.removesuffix(".py.j2"))
    for line, mark in (("import torch.nn.functional as F\n", "F."), ("import torch\n", "torch.")):
        head = head if mark in text else head.replace(line, "")
    text = head + text
    ruff = str(Path(sys.executable).parent / "ruff")
    for command in (
        ["format", "--isolated", "--line-length=88", "--stdin-filename=net.py", "-"],
        ["check", "--isolated", "--quiet", "--stdin-filename=net.py", "-"],
    ):
        done = subprocess.run([ruff, *command], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        assert command[0] == "check" or done.stdout == text
