"""Lines of the emitted file as a person would write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiling import lines_of, net_of
from test_emit import check_files

from netc.api import NetHandle


def forward(net: NetHandle) -> list[str]:
    """The body of the net's `forward`."""
    lines = net.source().rpartition("def forward(")[2].splitlines()
    return [line.strip() for line in lines[1:]]


def test_a_learned_value_has_its_name() -> None:
    net = lines_of("param scale: [4] = ones\nmul scale -> dense 3", "[4]")
    assert forward(net) == [
        "scale = self.scale.expand(x.shape[0], -1)  # [4]",
        "x = x * scale  # [4]",
        "return self.dense1(x)  # [3]",
    ]


def test_layers_with_names_do_not_keep_what_they_made() -> None:
    """A variable that is not used anew would hold its tensor until the function returns."""
    lines = "residual:\n    a = dense 9\n    b = batch_norm -> relu\n    c = dense 4"
    assert forward(lines_of(lines, "[4]")) == [
        "skip = x",
        "x = self.a(x)  # [9]",
        "x = F.relu(self.b(x), inplace=True)  # [9]",
        "x = self.c(x)  # [4]",
        "return x + skip  # [4]",
    ]


@pytest.mark.parametrize(
    ("number", "written"),
    [("1e20", "1e20"), ("-1e16", "-1e16"), ("1e-20", "1e-20"), ("1e15", "1000000000000000.0")],
)
def test_numbers_are_spelled_as_ruff_has_them(number: str, written: str, tmp_path: Path) -> None:
    net = lines_of(f"param w: [4] = {number}\nadd w -> leaky_relu {number}", "[4]")
    assert f"torch.full((4,), {written})" in net.source()
    assert f"F.leaky_relu(x, {written}" in net.source()
    (tmp_path / "net.py").write_text(net.source(), encoding="utf-8")
    check_files(tmp_path)


def test_a_line_that_changes_nothing_is_none() -> None:
    lines = "residual:\n    residual: linear\nh = linear\nlinear -> dense 4\nadd h"
    assert forward(lines_of(lines, "[4]")) == [
        "skip = x",
        "x = x + x  # [4]",
        "h = x + skip  # [4]",
        "x = self.dense1(h)  # [4]",
        "return x + h  # [4]",
    ]


CONDITION = """
block Unit(n):
    when n > 3: linear
    dense n
net Net:
    input x: [4]
    Unit 3 -> Unit 5
"""


def test_a_condition_over_nothing_is_none() -> None:
    source = net_of(CONDITION).source()
    assert source.count("class ") == 2
    assert "if self." not in source
    assert "takes_" not in source


GROWING = """
net Net:
    input image: [3, 8, 8]
    repeat 3:
        conv {width}, 3x3, pad=1 -> concat image
"""


@pytest.mark.parametrize(
    ("width", "comment"),
    [("3", "[6, 8, 8]"), ("out.channels", "[12, 8, 8] after the loop")],
)
def test_a_comment_in_a_loop_says_when_it_holds(width: str, comment: str) -> None:
    assert f"x = layer(x, image)  # {comment}" in forward(net_of(GROWING.format(width=width)))


def test_a_value_whose_size_alone_is_asked_for_is_in_no_variable(tmp_path: Path) -> None:
    net = lines_of("conv 3, 3x3, pad=2\ncrop to=x -> tanh", "[3, 4, 4]")
    assert forward(net) == [
        "x = self.conv1(x)  # [3, 6, 6]",
        "return torch.tanh(x[:, :, 1:5, 1:5])  # [3, 4, 4]",
    ]
    (tmp_path / "net.py").write_text(net.source(), encoding="utf-8")
    check_files(tmp_path)


@pytest.mark.parametrize(
    ("lines", "cut"),
    [
        ("crop 4x4", "x"),
        ("crop to=x", "x"),
        ("crop 2x4", "x[:, :, 1:3, :]"),
        ("relu -> crop 4x2", "F.relu(x)[:, :, :, 1:3]"),
    ],
)
def test_a_crop_names_the_axes_that_lose_positions(lines: str, cut: str) -> None:
    assert forward(lines_of(f"{lines}\ntanh", "[3, 4, 4]"))[0].startswith(
        "return torch.tanh(x)" if cut == "x" else f"x = {cut}  #"
    )
