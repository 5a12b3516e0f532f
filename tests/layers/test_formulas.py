"""Formulas in symbols are the arithmetic of `why` before the numbers are put in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_cases import CASES, Case, cases
from layer_lines import layer as read_layer
from layer_lines import tensors
from layer_sums import sides, statements

from netc.compiler.layers import find, words
from netc.compiler.layers.base import Layer, Tensor

every_word = pytest.mark.parametrize("word", words())
_TOKEN = re.compile(r"[A-Za-z]+(?:_\w+)?|\d+|\S")
_AXES = {"l", "d", "h", "w"}


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def left_sides(text: str) -> list[str]:
    """The sides before the first `=`, without the words before the arithmetic."""
    found = [statement[0].strip() for statement in statements(text)]
    return [re.sub(r"^(?:[a-z_0-9.]*[a-z_]+\s+)*(?:axis \d+\s+)?", "", side) for side in found]


def is_formula_of(formula: str, numbers: str) -> bool:
    """Whether putting numbers in for the letters gives the text; equal letters, equal numbers."""
    symbols, values = tokens(formula), tokens(numbers)
    if len(symbols) != len(values):
        return False
    put_in: dict[str, str] = {}
    for symbol, value in zip(symbols, values, strict=True):
        if symbol[0].isalpha():
            if not value.isdigit() or put_in.setdefault(symbol, value) != value:
                return False
        elif symbol != value:
            return False
    return True


def agree(layer: Layer, inputs: tuple[Tensor, ...] | list[Tensor]) -> None:
    output = layer.output(inputs)
    why, formulas = layer.why(inputs, output), layer.formulas(inputs, output)
    for name in formulas.__slots__:
        forms, numbers = getattr(formulas, name).split("; "), left_sides(getattr(why, name))
        if forms == [""]:
            continue
        assert numbers, (name, forms)
        for side in numbers:
            assert any(is_formula_of(form, side) for form in forms), (forms, side)


@every_word
@CASES
@given(data=st.data())
def test_numbers_put_into_a_formula_give_the_arithmetic(word: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(word))
    agree(case.layer, case.inputs)


@every_word
@CASES
@given(data=st.data())
def test_the_arithmetic_ends_in_the_layer_s_own_numbers(word: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(word))
    layer, inputs = case.layer, case.inputs
    output = layer.output(inputs)
    why, formulas = layer.why(inputs, output), layer.formulas(inputs, output)
    learned = sum(weight.count for weight in layer.weights(inputs) if not weight.buffer)
    assert last(why.params) == learned
    assert last(why.macs) == layer.macs(inputs, output)
    if word.endswith(("conv", "conv_transpose", "max_pool", "avg_pool")) and formulas.output:
        found = [sides(statement, {})[-1] for statement in statements(why.output)]
        assert found == list(output.shape[1:])


def last(text: str) -> int:
    """The number that a text ends with, before any words."""
    return int(re.findall(r"\d+", text)[-1])


@every_word
@CASES
@given(data=st.data())
def test_every_letter_of_a_formula_is_explained(word: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(word))
    known = dict(case.layer.letters)
    formulas = case.layer.formulas(case.inputs, case.layer.output(case.inputs))
    for name in formulas.__slots__:
        for token in tokens(getattr(formulas, name)):
            stem, _, axis = token.partition("_")
            plain = token in known or (stem in known and (axis in _AXES or axis.isdigit()))
            assert plain or not token[0].isalpha(), token


@every_word
def test_what_a_layer_does_is_one_clause(word: str) -> None:
    kind = find(word)
    assert kind is not None
    for line, given_, _ in kind.examples:
        layer, inputs = read_layer(line), tensors(given_)
        does = layer.does(inputs, layer.output(inputs))
        assert re.match(r"[a-z]+s ", does), does
        assert "\n" not in does
        assert "=" not in does
        assert not does.endswith(".")


def test_a_formula_with_other_numbers_is_told_apart() -> None:
    assert is_formula_of("(k·k·c + 1)·f", "(5·5·1 + 1)·6")
    assert not is_formula_of("(k·k·c + 1)·f", "(5·4·1 + 1)·6")
    assert not is_formula_of("(k·k·c + 1)·f", "5·5·1·6")
    assert not is_formula_of("k·k·c·f", "5·5·1·6 + 1")
