"""`netc convert fc2conv`: the same net with convolutions, on pictures of any size."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from click.testing import CliRunner, Result
from compiling import REPOSITORY, spec_of, state_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_nets import nets
from safetensors.torch import load_file, save_file
from torch import nn

from netc import converting
from netc.api import NetHandle, Spec, read
from netc.cli import main
from netc.compiler.layers import find, words
from netc.compiler.layers.activations import Activation
from netc.compiler.source import Source
from netc.converting import Converted, Inconvertible, Moved, Unfit, carried, fc2conv, told
from netc.runtime.module import build

WINDOWS = REPOSITORY / "docs" / "examples" / "windows.net"


def converted(text: str, name: str, **values: int) -> tuple[Spec, Converted, Spec]:
    """A spec, what it is converted to, and that compiled: without an error or a warning."""
    old = spec_of(text, **values)
    assert not [d for d in old.diagnostics if d.severity == "error"]
    found = fc2conv(old, name, values)
    new = spec_of(found.text)
    assert not new.diagnostics
    return old, found, new


def carried_over(
    old: NetHandle, new: NetHandle, moved: tuple[Moved, ...], folder: Path
) -> nn.Module:
    """The new net with the weights of a module of the old, by way of files; and that module."""
    before = old.module().eval()
    save_file(before.state_dict(), folder / "old.safetensors", {"made": "here"})
    converting.carry(folder / "old.safetensors", folder / "new.safetensors", moved)
    after = new.module().eval()
    after.load_state_dict(load_file(folder / "new.safetensors"), strict=True)
    return nn.ModuleList([before, after])


@pytest.mark.covers("DE05")
def test_the_text_is_edited_and_the_comments_stay() -> None:
    _, found, _ = converted(WINDOWS.read_text(encoding="utf-8"), "Windows")
    assert found.text == dedent(
        """\
        # A classifier for 14x14 windows, to be slid over larger pictures
        net Windows(classes=4):
            input image: [3, H, W]
            conv 16, 5x5 -> relu         -> [16, H - 4, W - 4]
            max_pool 2x2                 -> [16, H//2 - 2, W//2 - 2]
            conv 400, 5x5 -> relu  # 160,400 parameters, as a convolution too
            conv 400, 1x1 -> relu
            conv classes, 1x1 -> softmax

            expect params == 323_620
        """
    )
    assert found.left_out == ("expect output == [4]",)


@pytest.mark.covers("DE05")
def test_a_map_of_16_by_5_by_5_to_400_keeps_its_160400_parameters(tmp_path: Path) -> None:
    old, found, new = converted(WINDOWS.read_text(encoding="utf-8"), "Windows")
    for net in (old.net(), new.net()):
        params = [row.params for row in net.report().rows if row.params]
        assert params == [1_216, 160_400, 160_400, 1_604]
    before, after = carried_over(old.net(), new.net(), found.moved, tmp_path)
    pictures = torch.randn(7, 3, 14, 14)
    with torch.no_grad():
        vector, cell = before(pictures), after(pictures)
    assert cell.shape == (7, 4, 1, 1)
    torch.testing.assert_close(cell[:, :, 0, 0], vector, rtol=0, atol=1e-5)


@pytest.mark.covers("DE06")
@pytest.mark.parametrize(("size", "cells"), [(14, 1), (16, 2), (28, 8)])
def test_each_cell_of_the_map_is_the_run_on_its_crop(size: int, cells: int, tmp_path: Path) -> None:
    old, found, new = converted(WINDOWS.read_text(encoding="utf-8"), "Windows")
    before, after = carried_over(old.net(), new.net(), found.moved, tmp_path)
    picture = torch.randn(1, 3, size, size)
    with torch.no_grad():
        map_ = after(picture)
        assert map_.shape == (1, 4, cells, cells)
        for row in range(cells):
            for column in range(cells):  # windows of 14, moved by the pool's stride
                crop = picture[:, :, 2 * row : 2 * row + 14, 2 * column : 2 * column + 14]
                torch.testing.assert_close(map_[:, :, row, column], before(crop), rtol=0, atol=1e-5)


@pytest.mark.covers("DE05", "DE06")
def test_a_wide_picture_through_lenet(tmp_path: Path) -> None:
    text = (REPOSITORY / "specs" / "lenet5.net").read_text(encoding="utf-8")
    old, found, new = converted(text, "LeNet5")
    before, after = carried_over(old.net(), new.net(), found.moved, tmp_path)
    picture = torch.randn(1, 1, 32, 44)
    with torch.no_grad():
        map_ = after(picture)
        assert map_.shape == (1, 10, 1, 4)
        for column in range(4):
            crop = picture[..., 4 * column : 4 * column + 32]
            torch.testing.assert_close(map_[:, :, 0, column], before(crop), rtol=0, atol=1e-5)
    assert found.left_out == ("line 19: the train block of LeNet5",)
    assert "support vector machine" in found.text


def single_numbers() -> list[str]:
    """The activations that see each number alone: all but softmax."""
    kinds = ((word, find(word)) for word in words() if word != "softmax")
    return [word for word, kind in kinds if kind and issubclass(kind, Activation)]


@pytest.mark.parametrize("word", single_numbers())
def test_an_activation_of_single_numbers_stays_as_it_is(word: str, tmp_path: Path) -> None:
    text = f"net Net:\n    input x: [1, 4, 4]\n    flatten\n    dense 5 -> {word} -> dense 3\n"
    old, found, new = converted(text, "Net")
    before, after = carried_over(old.net(), new.net(), found.moved, tmp_path)
    picture = torch.randn(2, 1, 4, 4)
    with torch.no_grad():
        torch.testing.assert_close(after(picture)[:, :, 0, 0], before(picture), rtol=0, atol=1e-5)


MIDDLE = st.lists(
    st.sampled_from(
        ["conv {n}, 3x3", "conv {n}, 2x3, bias=no", "relu", "batch_norm", "avg_pool 2x2", "tanh",
         "max_pool 2x2, stride=1", "conv {n}, 3x3, stride=2"]
    ),
    min_size=1,
    max_size=3,
)  # fmt: skip
END = st.lists(
    st.sampled_from(
        ["dense {n} -> relu", "dense {n}, bias=no", "dense units={n}", "dropout 0.5", "sigmoid",
         "dense {n} -> batch_norm", "dense 6\n    residual: dense 6 -> tanh",
         "parallel join=concat:\n        branch: dense 2 -> softmax\n        branch: relu"]
    ),
    max_size=3,
)  # fmt: skip


@given(
    middle=MIDDLE,
    reduced=st.sampled_from(["flatten", "global_avg_pool", "global_max_pool"]),
    end=END,
    n=st.integers(1, 4),
)
@settings(max_examples=25, deadline=None)
def test_random_nets_give_the_same_and_maps_of_crops(
    tmp_path_factory: pytest.TempPathFactory,
    middle: list[str],
    reduced: str,
    end: list[str],
    n: int,
) -> None:
    lines = [line.format(n=n) for line in (*middle, reduced, "dense 5", *end, "dense 3")]
    text = "net Net:\n    input x: [2, 20, 21]\n" + "".join(f"    {line}\n" for line in lines)
    old = spec_of(text)
    found = fc2conv(old, "Net", {})
    new = spec_of(found.text)
    folder = tmp_path_factory.mktemp("weights")
    before, after = carried_over(old.net(), new.net(), found.moved, folder)
    stride = 1
    for line in middle:
        stride *= 2 if "avg_pool" in line or "stride=2" in line else 1
    picture = torch.randn(2, 2, 20 + stride, 21 + 2 * stride)
    with torch.no_grad():
        map_ = after(picture)
        for row, column in ((0, 0), (1, 0), (1, 2)):
            top, left = row * stride, column * stride
            crop = picture[:, :, top : top + 20, left : left + 21]
            torch.testing.assert_close(map_[:, :, row, column], before(crop), rtol=1e-4, atol=1e-5)


def test_branches_and_blocks_and_a_global_pool() -> None:
    text = (REPOSITORY / "specs" / "resnet50.net").read_text(encoding="utf-8")
    old, found, new = converted(text, "ResNet50")
    assert "avg_pool 7x7, stride=1 " in found.text
    assert "fc = conv classes, 1x1\n" in found.text
    keys = {one.old: one.new for one in found.moved}
    assert all(key == value for key, value in keys.items())  # every layer has a name of its own
    assert {one.old: one.old_shape for one in found.moved} == state_of(old.net())
    assert {one.new: one.new_shape for one in found.moved} == state_of(new.net())


def test_an_adaptive_pool_that_changes_nothing_goes() -> None:
    head = "net Net:\n    input x: [3, {}]\n    conv 4, 2x2 -> relu\n"
    text = head.format("8, 8") + "    adaptive_avg_pool 7x7 -> [4, 7, 7]\n    flatten -> dense 2\n"
    _, found, _ = converted(text, "Net")
    assert found.text == head.format("H, W") + "    conv 2, 7x7\n"


@given(nets())
@settings(max_examples=60, deadline=None)
def test_random_nets_are_converted_or_refused(text: str) -> None:
    spec = spec_of(text)
    try:
        found = fc2conv(spec, "Net", {})
    except Inconvertible as refused:
        assert told(refused)
    else:
        assert not [d for d in spec_of(found.text).diagnostics if d.severity == "error"]


def test_unnamed_layers_are_renamed() -> None:
    _, found, _ = converted(WINDOWS.read_text(encoding="utf-8"), "Windows")
    moved = [(one.old, one.new, one.new_shape) for one in found.moved if "weight" in one.old]
    assert moved == [
        ("conv1.weight", "conv1.weight", (16, 3, 5, 5)),
        ("dense1.weight", "conv2.weight", (400, 16, 5, 5)),
        ("dense2.weight", "conv3.weight", (400, 400, 1, 1)),
        ("dense3.weight", "conv4.weight", (4, 400, 1, 1)),
    ]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("flatten -> dense 9", "conv 9, 8x8"),
        ("flatten -> [192] -> dense 9 -> [9]", "conv 9, 8x8 -> [9, H - 7, W - 7]"),
        ("flatten -> dense units=9, bias=no", "conv filters=9, bias=no, kernel=8x8"),
        ("flat = flatten\n    flat -> dense 9", "flat = out\n    flat -> conv 9, 8x8"),
        ("relu -> flatten  # one row\n    dense 9", "relu  # one row\n    conv 9, 8x8"),
        ("flatten  # one row\n    dense (4 + 5)", "# one row\n    conv (4 + 5), 8x8"),
        ("relu -> flatten -> sigmoid -> dense 9", "relu -> sigmoid -> conv 9, 8x8"),
    ],
)  # fmt: skip
def test_ways_to_write_it(lines: str, text: str) -> None:
    head = "net Net:\n    input x: [3, {}]\n    "
    _, found, _ = converted(f"{head.format('8, 8')}{lines}\n", "Net")
    assert found.text == f"{head.format('H, W')}{text}\n"


def test_a_sequence_has_one_axis_and_taken_names_are_left() -> None:
    text = "net Net(L=4):\n    input x: [3, 16]\n    conv L, 5 -> relu\n    flatten\n    dense 2\n"
    _, found, _ = converted(text, "Net")
    assert (
        found.text == "net Net(L=4):\n    input x: [3, L_]\n    conv L, 5 -> relu\n    conv 2, 12\n"
    )


def test_a_net_that_shares_lines_is_left_out_with_what_it_alone_used() -> None:
    blocks = "block Head(n):\n    flatten -> dense n\n\nblock Own:\n    relu\n\n"
    use = "use std.vision: ConvNorm, Residual\n\n"
    other = """
        # One that is left out
        net B:
            input x: [4, 8, 8]
            Residual 4
            Own
            Head 3

        train B:
            data digits
            loss cross_entropy
            optimizer adam
            epochs 1, batch=8

        net C:
            input x: [4, 8, 8]
            ConvNorm 4, 3x3 -> [4, 6, 6]
            flatten -> dense 4
    """
    text = f"# Three nets\n{use}{blocks}{HEAD}    relu -> Head 9\n{dedent(other)}"
    _, found, new = converted(text, "Net")
    assert list(new.names) == ["Net", "C"]
    assert found.left_out == ("line 16: the net B, which shares lines",)
    kept = text.replace(", Residual", "").replace(blocks[blocks.index("block Own") :], "", 1)
    kept = kept.replace("[3, 8, 8]", "[3, H, W]").replace("flatten -> dense n", "conv n, 6x6")
    start, end = kept.index("# One that"), kept.index("net C:")
    assert found.text == kept[:start] + kept[end:]


def test_claims_in_blocks_name_the_sizes_of_what_flows_in() -> None:
    """`H` is a name of the net: a block says `in.height` while its input is the net's."""
    text = """
        block Trunk(n):
            conv 2*n, 3x3, pad=1       -> [2*n, 8, 6]
            max_pool 2x2               -> [2*n, 4, 3]
            residual: conv 2*n, 1x1    -> [2*n, 4, 3]
            Tail n

        block Tail(n):
            conv n, 1x1                -> [n, 4, 3]

        net Net(k=4):
            input x: [3, 8, 6]
            inline Trunk k             -> [k, 4, 3]
            flatten -> dense 5
    """
    _, found, _ = converted(dedent(text).lstrip(), "Net")
    lines = [" ".join(line.split()) for line in found.text.splitlines()]
    assert "conv 2*n, 3x3, pad=1 -> [2*n, in.height, in.width]" in lines
    assert "max_pool 2x2 -> [2*n, in.height//2, in.width//2]" in lines
    assert "residual: conv 2*n, 1x1" in lines
    assert "conv n, 1x1" in lines
    assert "inline Trunk k -> [k, H//2, W//2]" in lines
    assert found.left_out == ("the claim [2*n, 4, 3]", "the claim [n, 4, 3]")


VISION = REPOSITORY / "specs" / "vision"
NETS = [(file.stem, name) for file in sorted(VISION.glob("*.net")) for name in read(file, {}).names]
FIXED = {
    "UNet": "no dense layer",
    "UNetPaper": "no dense layer",
    "GoogLeNetPaperSides": "`conv` is a value",
    "GoogLeNetSides": "`conv` is a value",
}
"""What is no classifier, and side heads in which `conv` is the name of a line already."""


@pytest.mark.parametrize(("file", "name"), NETS)
def test_the_classic_nets_take_larger_pictures(file: str, name: str) -> None:
    old = read(VISION / f"{file}.net", {})
    if name in FIXED:
        with pytest.raises(Inconvertible, match=FIXED[name]):
            fc2conv(old, name, {})
        return
    found = fc2conv(old, name, {})
    new = Spec(Source(f"{file}.net", found.text), {}, VISION)
    assert [d.code for d in new.diagnostics if d.code != "W0201"] == []
    before, after = old.net(name), new.net(name)
    assert after.report().params == before.report().params
    assert all("at least" in condition for condition in after.report().conditions)
    with torch.device("meta"):
        module = build(after.source(), name).eval()
        for (_, known), (_, open_) in zip(
            before.report().inputs, after.report().inputs, strict=True
        ):
            assert [*map(str, open_.shape[1:])] == ["H", "W"]
            channels, height, width = map(int, known.shape)
            map_ = module(torch.zeros(2, channels, height + 96, width + 64))
    outputs = map_ if isinstance(map_, tuple) else (map_,)
    for output in outputs:
        assert output.shape[2] >= output.shape[3] > 1


@pytest.mark.parametrize(
    ("file", "name"),
    [("alexnet", "AlexNetTorchvision"), ("densenet", "DenseNet121"), ("googlenet", "GoogLeNet"),
     ("nin", "NIN"), ("resnet", "ResNet18"), ("resnet_cifar", "ResNet20")],
)  # fmt: skip
def test_on_their_own_size_the_classic_nets_give_the_same(file: str, name: str) -> None:
    old = read(VISION / f"{file}.net", {})
    found = fc2conv(old, name, {})
    torch.manual_seed(0)
    before = old.net(name).module().double().eval()
    after = Spec(Source(f"{file}.net", found.text), {}, VISION).net(name).module().double().eval()
    state = before.state_dict()
    after.load_state_dict({one.new: state[one.old].reshape(one.new_shape) for one in found.moved})
    ((_, tensor),) = old.net(name).report().inputs
    picture = torch.randn(1, *map(int, tensor.shape), dtype=torch.double)
    with torch.no_grad():
        torch.testing.assert_close(after(picture).flatten(1), before(picture), rtol=0, atol=1e-5)


# ------------------------------------------------------------------------------
# What cannot be converted

HEAD = "net Net:\n    input x: [3, 8, 8]\n    conv 4, 3x3\n"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (f"{HEAD}", "`Net` has no dense layer", 1),
        (f"{HEAD}    flatten\n", "flows out without a dense layer", 4),
        (f"{HEAD}    flatten -> dense 8 -> layer_norm\n", "`layer_norm` reads a value", 4),
        (f"{HEAD}    flatten\n    batch_norm -> dense 8\n", "`batch_norm` reads a value", 5),
        (f"{HEAD}    adaptive_avg_pool 2\n    flatten -> dense 8\n", "2] whatever flows in", 4),
        (f"{HEAD}    crop 2\n    flatten -> dense 8\n", "`crop 2` gives [4, 2, 2] whatever", 4),
        (f"{HEAD}    flatten\n    repeat 2: dense 9\n", "another kernel at each", 5),
        (f"{HEAD}    global_avg_pool\n    reshape [4, 1, 1]\n", "`reshape` reads a value", 5),
        (f"{HEAD}    b = global_avg_pool\n    (b, b) -> concat axis=0\n", "`concat` reads", 5),
        (f"{HEAD}    param p: [4] = zeros\n    flatten -> dense 4 -> add p\n", "joins", 5),
        (f"{HEAD}    dense 5 -> flatten -> dense 2\n", "the net is none", 4),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_said_at_its_place(text: str, message: str, line: int) -> None:
    with pytest.raises(Inconvertible) as caught:
        fc2conv(Spec(Source("spec.net", text), {}, Path()), "Net", {})
    assert message in caught.value.message
    assert caught.value.span.line == line
    assert f"--> spec.net:{line}:" in told(caught.value)


# ------------------------------------------------------------------------------
# Weights


def file_of(header: object, numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


MOVED = (Moved("a.weight", "b.weight", (2, 1), (2, 1, 1, 1)),)
GOOD = {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no safetensors file"),
        (b"\x80\x04K\x01.", "no safetensors file"),  # a pickle
        (b"\xff" * 64, "no safetensors file"),
        (file_of([1], b""), "no safetensors file"),
        (file_of({"a.weight": {"shape": [2, 1]}}, b"12345678"), "no safetensors file"),
        (file_of({"a.weight": GOOD}, b"1234"), "outside the file"),
        (file_of({"c.weight": GOOD}, b"12345678"), "lacks `a.weight`"),
        (file_of({"a.weight": GOOD, "c": GOOD}, b"12345678"), "has, and the net has not, `c`"),
        (file_of({"a.weight": {**GOOD, "shape": [1, 2]}}, b"12345678"), "the net has [2, 1]"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_the_net_s_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(Unfit) as caught:
        carried(data, MOVED)
    assert message in str(caught.value)


def test_numbers_and_metadata_stay_as_they_are(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.tensor([[1.5], [-2.0]], dtype=torch.bfloat16)}
    save_file(tensors, tmp_path / "old.safetensors", {"made": "here"})
    converting.carry(tmp_path / "old.safetensors", tmp_path / "new.safetensors", MOVED)
    found = load_file(tmp_path / "new.safetensors")
    assert torch.equal(found["b.weight"], tensors["a.weight"].reshape(2, 1, 1, 1))
    assert b'"made":"here"' in (tmp_path / "new.safetensors").read_bytes()


# ------------------------------------------------------------------------------
# The command


def netc(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["convert", "fc2conv", *arguments], catch_exceptions=False)


def test_the_command_writes_spec_and_weights(tmp_path: Path) -> None:
    done = netc(str(WINDOWS))
    assert (done.exit_code, done.stderr) == (0, "left out: expect output == [4]\n")
    old = Spec(Source("windows.net", WINDOWS.read_text(encoding="utf-8")), {}, Path()).net()
    save_file(old.module().state_dict(), tmp_path / "old.safetensors")
    spec, weights = tmp_path / "new.net", tmp_path / "new.safetensors"
    written = netc(
        str(WINDOWS), "-o", str(spec),
        "--weights", str(tmp_path / "old.safetensors"), "--output-weights", str(weights),
    )  # fmt: skip
    assert (written.exit_code, written.stdout) == (0, "")
    assert spec.read_text(encoding="utf-8") == done.stdout
    new = Spec(Source("new.net", done.stdout), {}, Path()).net()
    new.module().load_state_dict(load_file(weights), strict=True)


def test_the_command_s_errors_are_plain(tmp_path: Path) -> None:
    file = tmp_path / "spec.net"
    file.write_text(f"{HEAD}    flatten -> dense 8 -> layer_norm\n")
    wrong = netc(str(file))
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr == (
        "Error: `layer_norm` reads a value that becomes a map, and is another layer there\n"
        f" --> {file}:4:27\n"
        "4 |     flatten -> dense 8 -> layer_norm\n"
        "  |                           ^^^^^^^^^^\n"
        "  = help: only layers that act on each number alone may follow\n"
    )
    assert netc(str(WINDOWS), "--weights", "x").exit_code == 2
    missing = netc(str(WINDOWS), "--weights", "x", "--output-weights", "y")
    assert missing.exit_code == 1
    assert "x" in missing.stderr
    (tmp_path / "bad").write_bytes(b"\x80\x04K\x01.")
    bad = netc(str(WINDOWS), "--weights", str(tmp_path / "bad"), "--output-weights", "y")
    assert "no safetensors file" in bad.stderr
