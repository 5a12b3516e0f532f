"""The middle of a picture, held to PyTorch's own way to take positions off."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_oracle import run_of

from netc.api import load, read
from netc.compiler.diagnostics import Diagnostic
from netc.compiler.edits import applied
from netc.compiler.layers.base import Tensor
from netc.compiler.layers.cropping import Crop
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.sizes import symbol
from netc.runtime.module import build

H, W = symbol("H"), symbol("W")


def errors(text: str) -> list[Diagnostic]:
    """What is wrong with a spec."""
    spec = read(text, {})
    spec.judge()
    return [d for d in spec.diagnostics if d.severity == "error"]


def padded_by_less(x: torch.Tensor, size: list[int]) -> torch.Tensor:
    """What `F.pad` gives with a padding below 0, as large on either side."""
    gone = [before - kept for before, kept in zip(x.shape[2:], size, strict=True)]
    return F.pad(x, [-(n // 2) for n in reversed(gone) for _ in range(2)])


def first_place(before: int, kept: int) -> int:
    """Where `center_crop` of torchvision 0.28 begins: Python rounds .5 to the even number."""
    return round((before - kept) / 2.0)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)), min_size=1, max_size=3),
)
def test_crop_takes_off_what_a_padding_below_0_does(sizes: list[tuple[int, int]]) -> None:
    kept, before = [size for size, _ in sizes], [size + 2 * end for size, end in sizes]
    x, other = torch.randn(2, 3, *before), torch.randn(2, 5, *kept)
    expected = padded_by_less(x, kept)
    named = [symbol(name) for name in "DHW"[: len(sizes)]]
    for inputs in ([Tensor((3, *before))], [Tensor((3, *named))]):
        run = run_of(Crop(size=tuple(kept)), inputs)
        assert torch.equal(run(x), expected)
        assert torch.equal(run.by_module(x), expected)
    for shape in (tuple(before), tuple(named)):
        run = run_of(Crop(to=1), [Tensor((3, *shape)), Tensor((5, *kept))])
        assert torch.equal(run(x, other), expected)


@settings(max_examples=60, deadline=None)
@given(kept=st.integers(1, 12), more=st.integers(0, 9))
def test_what_is_odd_is_refused_and_what_is_even_is_torchvisions(kept: int, more: int) -> None:
    before = kept + more
    x = torch.arange(float(before)).reshape(1, 1, before)
    if more % 2:
        with pytest.raises(ShapeError, match=f"{before} − {kept} = {more} would go, an odd number"):
            Crop(size=kept).output([Tensor((1, before))])
        return
    start = first_place(before, kept)
    found = run_of(Crop(size=kept), [Tensor((1, before))])(x)
    assert torch.equal(found, x[:, :, start : start + kept])


@pytest.mark.parametrize(
    ("before", "kept", "line"),
    [
        ("[3, 64, 64]", "57", "56"),
        ("[3, 64, 65]", "57", "56x57"),
        ("[3, 6, 6]", "1x2", "2"),
        ("[3, 8, 8, 8]", "4x5x6", "4x4x6"),
        ("[3, 9]", "12", "9"),
    ],
)
def test_the_edit_of_a_refused_size_compiles(before: str, kept: str, line: str) -> None:
    text = "net A:\n    input x: {}\n    crop {}\n    conv 2, 1{}\n"
    ones = "x1" * (before.count(",") - 1)
    (told,) = errors(text.format(before, kept, ones))
    (edit,) = told.edits
    assert edit.text == line
    assert not errors(text.format(before, edit.text, ones))


def test_open_sizes_become_conditions() -> None:
    text = "net A:\n    input x: [8, H, W]\n    crop 56x57\n    conv 2, 1x1\n"
    report = load(text).net().report()
    assert report.conditions == (
        "H must be even",
        "W must be odd",
        "H must be at least 56",
        "W must be at least 57",
    )


@pytest.mark.parametrize(
    ("to", "piece"),
    [
        ("[8, H + 1, W]", "H + 1 is more than H"),
        ("[8, 2*H, W]", "more than H"),
        ("[8, H - 3, W]", "= 3"),
    ],
)
def test_sizes_that_never_fit_are_an_error_at_once(to: str, piece: str) -> None:
    text = f"net A:\n    input x: [8, H, W]\n    input b: {to}\n    x -> crop to=b -> add b\n"
    (told,) = errors(text)
    assert told.code == "E0305"
    assert piece in told.message


def test_a_size_that_lines_before_exclude_is_an_error() -> None:
    text = (
        "net A:\n    input x: [8, H]\n    small = max_pool 2\n"
        "    small -> conv_transpose 8, 2, stride=2 -> add x\n    x -> crop 5\n    conv 2, 1\n"
    )
    (told,) = errors(text)
    assert told.code == "E0310"
    assert "H must be odd for that, and before H must be even" in told.message


def test_no_gradient_and_no_positions_come_from_the_value_that_gives_the_sizes() -> None:
    text = (
        "net A:\n    input x: [1, 32, 32]\n    small = conv 4, 7x7\n"
        "    wide = x -> conv 4, 3x3\n    wide -> crop to=small\n    output y = conv 2, 1x1\n"
        "    output z = small -> global_avg_pool\n"
    )
    net = load(text).net()
    report = net.report()
    assert dict(report.output_fields)["y"] == (3, 3)
    assert report.rows[2].place.field[0].start == 2  # 30 to 26: two go at either end
    module = build(net.source(), net.name)
    y, _ = module(torch.randn(2, 1, 32, 32))
    y.sum().backward()
    assert module.small.weight.grad is None
    assert module.wide.weight.grad is not None


@pytest.mark.parametrize(
    ("line", "edit"),
    [
        ("crop y", "to=y"),
        ("crop like=y", "to"),
        ("crop output_size=56", "size"),
        ("center_crop 56", "crop"),
    ],
)
def test_other_spellings_are_mended(line: str, edit: str) -> None:
    inputs = "    input x: [8, 64, 64]\n    input y: [8, 56, 56]\n"
    (told,) = errors(f"net A:\n{inputs}    x -> {line} -> concat y\n")
    assert [one.text for one in told.edits] == [edit]
    assert not errors(applied(told.span.source, told.edits))


@pytest.mark.parametrize(
    ("other", "line", "hint"),
    [
        ("8, 56, 56", "x -> concat y", "write `crop to=y -> ` before `concat`"),
        ("8, 64, 56", "x -> add y", "write `crop to=y -> ` before `add`"),
        ("8, 56, 56", "(x, y) -> concat", "crop the larger value to the smaller one"),
        ("8, 56, 56", "y -> concat x", "crop the larger value to the smaller one"),
        ("8, 57, 57", "x -> concat y", "let axis 1 be 64"),  # 7 is odd
        ("8, 32, 32", "x -> concat y", "let axis 1 be 64"),  # half of it is no border
        ("8, 72, 56", "x -> concat y", "let axis 1 be 64"),  # none is the larger
        ("4, 56, 56", "x -> add y", "let axis 0 be 8"),
    ],
)
def test_a_join_with_a_border_is_told_of_crop(other: str, line: str, hint: str) -> None:
    """Where no kernel, stride or padding on the way can be changed."""
    inputs = f"    input x: [8, 64, 64]\n    input y: [{other}]\n"
    text = f"net A:\n{inputs}    {line} -> conv 2, 1x1\n"
    (told,) = errors(text)
    assert told.code == "E0310"
    assert told.hint.startswith(hint)
    if told.edits:
        assert not errors(applied(told.span.source, told.edits))


def test_lints_look_through_a_crop() -> None:
    text = "net A:\n    input x: [3, 10, 10]\n    conv 8, 3x3{} -> crop 6 -> {}\n"
    for start, rest, code in (
        ("", "global_avg_pool -> dense 10", "W0302"),
        (", init=zeros", "relu", "W0306"),
    ):
        spec = read(text.format(start, rest), {})
        spec.judge()
        assert [told.code for told in spec.diagnostics] == [code]


def test_weights_begin_by_what_follows_the_cropped_value_alone() -> None:
    """What only gives the sizes has its own way to go: here none to an activation."""
    text = (
        "net A:\n    input x: [8, 20, 20]\n    small = conv 4, 7x7\n    x -> conv 4, 3x3\n"
        "    crop to=small -> relu\n    output y = conv 2, 1x1\n"
        "    output z = small -> conv 2, 1x1\n"
    )
    spec = read(text, {})
    begins = {row.path: row.init for row in spec.net().report().rows}
    assert begins["conv1"] == "he_normal"
    assert begins["small"] == "xavier_normal"
