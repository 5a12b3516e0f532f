"""Plausible mistakes in sequence models: one finding each, and an edit after which all is well."""

from __future__ import annotations

import pytest
from compiling import errors_of, spec_of

from netc.compiler.edits import applied
from netc.compiler.source import Source

IDS = "    input text: int[T]\n    embedding 100, 64\n"
CASES = {
    "real numbers where ids are meant": (
        "    input text: [T]\n    embedding 100, 64\n",
        "3 E0304 `embedding` takes ids, and here flow real numbers: [T]",
        "    input text: int[T]\n    embedding 100, 64\n",
    ),
    "a convolution over places, with the channels behind": (
        IDS + "    conv 8, 3 -> global_max_pool\n",
        "4 E0302 `conv` needs the number of channels as a number, and here it is T",
        IDS + "    transpose -> conv 8, 3 -> global_max_pool\n",
    ),
    "a recurrent layer behind a convolution": (
        "    input x: [8, T]\n    y = gru 4\n",
        "3 E0302 `gru` needs the number of features as a number, and here it is T",
        "    input x: [8, T]\n    y = transpose -> gru 4\n",
    ),
    "a flat sequence of any length": (
        IDS + "    flatten\n    dense 2\n",
        "5 E0302 `dense` needs the number of features as a number, and here it is 64·T",
        IDS + "    mean\n    dense 2\n",
    ),
    "one answer for a sequence": (
        IDS + "    gru 8\n    dense 1 -> [1]\n",
        "5 E0501 the claim [1] is false: here flows [T, 1]",
        IDS + "    gru 8\n    last -> dense 1 -> [1]\n",
    ),
    "the last state": (
        IDS + "    gru 8 -> [8]\n    dense 1\n",
        "4 E0501 the claim [8] is false: here flows [T, 8]",
        IDS + "    gru 8 -> last -> [8]\n    dense 1\n",
    ),
    "a vector beside a sequence": (
        IDS + "    a = last\n    text -> embedding 9, 4\n    concat a\n    dense 1\n",
        "6 E0310 `concat` cannot join [T, 4] and [64]: 2 axes in one, 1 in the other",
        IDS + "    a = last\n    text -> embedding 9, 4\n    mean -> concat a\n    dense 1\n",
    ),
    "an output with a colon": (
        IDS + "    output tag: dense 3\n",
        "4 E0209 `output` needs a name and what it is",
        IDS + "    output tag = dense 3\n",
    ),
    "an output with a colon and no name": (
        IDS + "    output: dense 3\n",
        "4 E0209 `output` needs a name and what it is",
        IDS + "    dense 3\n",
    ),
    "inputs without commas": (
        "    input a b: [T, 4]\n    (a, b) -> add\n",
        "2 E0209 `input` needs a name, a `:` and its sizes",
        "    input a, b: [T, 4]\n    (a, b) -> add\n",
    ),
    "an input of ids without a colon": (
        "    input text int[T]\n    text -> embedding 100, 64 -> [T, 64]\n",
        "2 E0101 the names of inputs have commas between them and a `:` behind them",
        "    input text: int[T]\n    text -> embedding 100, 64 -> [T, 64]\n",
    ),
    "an input as a named line": (
        "    text = input int[T]\n    text -> embedding 100, 64 -> [T, 64]\n",
        "2 E0101 `input` needs a name, a `:` and its sizes",
        "    input text: int[T]\n    text -> embedding 100, 64 -> [T, 64]\n",
    ),
    "an input as a named line of real numbers": (
        "    x = input [T, 4]\n    (x, x) -> add -> [T, 4]\n",
        "2 E0209 `input` needs a name, a `:` and its sizes",
        "    input x: [T, 4]\n    (x, x) -> add -> [T, 4]\n",
    ),
    "one id for an example": (
        "    input word: int\n    embedding 100, 64\n",
        "2 E0101 the sizes of an input stand in brackets",
        "    input word: int[]\n    embedding 100, 64\n",
    ),
    "the name of the rounds before a count": (
        IDS + "    repeat i in 3: gru i + 1\n",
        "4 E0101 the name of the rounds stands behind `as`",
        IDS + "    repeat 3 as i: gru i + 1\n",
    ),
    "the name of the rounds before a list": (
        IDS + "    repeat n in [8, 16]: gru n\n",
        "4 E0205 `repeat` needs how often, or a list",
        IDS + "    repeat in [8, 16] as n: gru n\n",
    ),
    "a shortcut without its colon": (
        IDS + "    residual:\n        gru 8\n        shortcut dense 8\n",
        "6 E0201 `shortcut dense …` are two words before the first argument",
        IDS + "    residual:\n        gru 8\n        shortcut: dense 8\n",
    ),
    "a causal switch": (
        IDS + "    attention 4, causal=yes\n",
        "4 E0203 `attention` has no argument `causal`",
        IDS + "    attention 4, mask=causal\n",
    ),
    "the batch first": (
        IDS + "    lstm 8, batch_first=True\n",
        "4 E0203 `lstm` has no argument `batch_first`",
        IDS + "    lstm 8\n",
    ),
    "axes side by side": (
        "    input x: [T, 4]\n    transpose 1, 0 -> [4, T]\n",
        "3 E0204 `transpose` takes 1 argument by place, and here stand 2",
        "    input x: [T, 4]\n    transpose [1, 0] -> [4, T]\n",
    ),
    "sizes side by side": (
        "    input x: [6, 4]\n    reshape 3, 2, 4\n",
        "3 E0204 `reshape` takes 1 argument by place, and here stand 3",
        "    input x: [6, 4]\n    reshape [3, 2, 4]\n",
    ),
    "a count with a unit": (
        "    input text: int[T]\n    embedding 30k, 64\n",
        "3 E0101 `30k` is no number: a number has no unit",
        "    input text: int[T]\n    embedding 30_000, 64\n",
    ),
    "a share without its 0": (
        IDS + "    dropout .5\n    gru 8\n",
        "4 E0101 `.5` is no number: a number begins with a digit",
        IDS + "    dropout 0.5\n    gru 8\n",
    ),
    "a count with an exponent": (
        "    input text: int[T]\n    embedding 1e4, 64\n",
        "3 E0210 `words` of `embedding` should be a whole number, and is 10000.0",
        "    input text: int[T]\n    embedding 10_000, 64\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_once_and_its_edit_mends_it(name: str) -> None:
    before, said, after = (
        part if " E" in part[:8] else f"net Net:\n{part}" for part in CASES[name]
    )
    assert errors_of(before) == [said]
    (found,) = (d for d in spec_of(before).diagnostics if d.severity == "error")
    assert applied(Source("spec.net", before), found.edits) == after
    assert errors_of(after) == []


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (IDS + "    embedding 9, 4\n", "use `dense` for real numbers"),
        ("    input x: [8, T]\n    share f = gru 4\n    f\n", "weights have fixed sizes"),
        ("    input x: [T, n]\n    gru 4\n", "weights have fixed sizes"),
        ("    input x: [8, 9, 9]\n    max_pool 3, 2\n", "the others are named: `stride=`"),
        ("    input x: [T, 4]\n    h, c = lstm 4\n", "write one name"),
        ("    input x: [T, 4]\n    lstm 4, return_sequences=no\n", "every step is given"),
    ],
)
def test_what_no_single_edit_mends_has_none(text: str, hint: str) -> None:
    (found,) = spec_of(f"net Net:\n{text}").diagnostics
    assert found.hint.startswith(hint)
    assert found.edits == ()


def test_a_parameter_given_twice_in_a_head_is_said_there_alone() -> None:
    net = "net Net:\n    input x: [T, 4]\n    B 3, 4\n"
    assert errors_of(f"block B(n, n):\n    gru n\n\n{net}") == [
        "1 E0206 the name `n` is bound twice; a name stands for one value"
    ]


def test_whole_numbers_in_a_false_claim_have_no_point() -> None:
    text = "net Net:\n    input x: [4]\n    dense 3\n    expect params == 25e3\n"
    assert errors_of(text) == ["4 E0502 the claim is false: params is 15, 24,985 less than 25,000"]


def test_a_use_inside_a_net_is_said_there_alone() -> None:
    text = 'net Net:\n    use "b.net": B\n    input x: [4]\n    B 3\n'
    assert errors_of(text) == ["2 E0209 `use` stands inside a definition"]


def test_a_layer_that_reads_another_value_beside_is_turned_with_it() -> None:
    text = "net N:\n    input m: [S, 6]\n    input x: [4, T]\n    x -> attention 2, over=m\n"
    spec = spec_of(text)
    (error,) = [d for d in spec.diagnostics if d.severity == "error"]
    assert (error.code, error.span.line) == ("E0302", 4)
    assert not errors_of(text.replace("attention", "transpose -> attention"))
    assert "write `transpose ->` before `attention`" in error.hint
