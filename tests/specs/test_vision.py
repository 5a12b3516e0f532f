"""The convolutional nets of specs/vision: their claims, their modules, torchvision's keys."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchvision_nets import LISTS, PAIRS, RECORDED, SPECS, Pair, listed, parts

from netc.api import NetHandle, Spec, load, read
from netc.compiler.formatting import formatted
from netc.compiler.render import render
from netc.compiler.source import Source
from netc.runtime.module import build

FILES = sorted(SPECS.glob("*.net"))
BATCH = 2

COVERED = {
    "alexnet": ("CN04", "PO10"),
    "densenet": ("CN10", "BL06", "BL07"),
    "googlenet": ("CN07",),
    "lenet5_1998": ("CN02",),
    "nin": ("CN11",),
    "resnet": ("CN08", "CN09", "BL02"),
    "vgg": ("CN05", "CN06"),
}
"""Rows of the coverage table that a spec shows by its claims."""
NOTED = {"unet": {"N0301"}, "unet_paper": {"N0301"}}
"""What netc has to say of a spec that is right: it takes some sizes only."""
SIZES = {"unet": {"H": 64, "W": 96}, "unet_paper": {"H": 572, "W": 188}}
"""Sizes for nets that leave them open."""


@cache
def compiled(file: Path) -> Spec:
    """The judged spec."""
    spec = read(file, {})
    spec.judge()
    return spec


def net_of(pair: Pair) -> NetHandle:
    """The net of a spec that torchvision has too."""
    return compiled(SPECS / f"{pair.spec}.net").net(pair.net)


def files() -> list[object]:
    """The files as parameters of a test, marked with the rows that they show."""
    return [
        pytest.param(file, id=file.stem, marks=pytest.mark.covers(*COVERED.get(file.stem, ())))
        for file in FILES
    ]


def nets() -> list[object]:
    """Every net, the symbolic one with sizes."""
    found: list[object] = []
    for file in FILES:
        values = SIZES.get(file.stem, {})
        spec = compiled(file) if not values else read(file, values)
        spec.judge()
        found += [pytest.param(spec.net(name), id=f"{file.stem}-{name}") for name in spec.names]
    return found


@pytest.mark.parametrize("file", files())
def test_checks_clean_and_every_claim_holds(file: Path) -> None:
    spec = compiled(file)
    told = {d.code for d in spec.diagnostics}
    assert told == NOTED.get(file.stem, set()), render(spec.diagnostics)
    for name in spec.names:
        report = spec.net(name).report()
        assert all(claim.holds for claim in report.claims)
        claimed = {word for claim in report.claims for word in claim.text.split()}
        assert claimed >= {"params", "macs"}
        if len(report.outputs) == 1:
            assert "receptive_field" in claimed
        else:
            assert claimed >= {f"{output}.receptive_field" for output, _ in report.outputs}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shapes_of_the_stages_are_claimed(file: Path) -> None:
    """Each size that the positions take on the way is claimed somewhere in the file."""
    text = file.read_text(encoding="utf-8")
    claims = re.findall(r"-> \[[^]]*, ([^],]+), ([^],]+)\]", text)
    heights = {height for height, _ in claims}
    assert len(claims) >= 2 and len(heights) >= 2


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_is_in_the_one_form_and_says_what_it_is(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert formatted(Source(file.name, text)) == text


@pytest.mark.parametrize("net", nets())
def test_static_shapes_and_parameters_are_the_modules_on_meta(net: NetHandle) -> None:
    report = net.report()
    with torch.device("meta"):
        module = build(net.source(), net.name).eval()
        x = torch.zeros(BATCH, *report.inputs[0][1].shape)
    assert sum(weight.numel() for weight in module.parameters()) == report.params
    assert sum(buffer.numel() for buffer in module.buffers()) == report.buffers
    found = module(x)
    outputs = found if isinstance(found, tuple) else (found,)
    expected = [(BATCH, *tensor.shape) for _, tensor in report.outputs]
    assert [tuple(output.shape) for output in outputs] == expected


RECORDS = json.loads(RECORDED.read_text(encoding="utf-8"))


def test_every_net_in_torchvisions_form_is_recorded() -> None:
    """By `python tests/against_torchvision.py --record`, where outputs are compared too."""
    assert {pair.net: pair.function for pair in PAIRS} == {
        net: record["torchvision"] for net, record in RECORDS.items()
    }


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.net)
def test_keys_and_shapes_are_torchvisions(pair: Pair) -> None:
    net = net_of(pair)
    with torch.device("meta"):
        module = build(net.source(), net.name)
    shapes = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    assert listed(shapes) == (LISTS / f"{pair.net}.txt").read_text(encoding="utf-8")
    assert parts(shapes) == RECORDS[pair.net]["parts"]


@pytest.mark.parametrize(
    "pair", [p for p in PAIRS if RECORDS[p.net]["giga_macs"]], ids=lambda pair: pair.net
)
def test_multiply_accumulates_are_what_torchvision_publishes(pair: Pair) -> None:
    macs = net_of(pair).report().macs
    assert isinstance(macs, int)
    assert round(macs / 1e9, 3) == pytest.approx(RECORDS[pair.net]["giga_macs"], abs=1.01e-3)


@pytest.mark.covers("CN07")
def test_a_side_head_counts_with_its_weight_in_the_loss() -> None:
    (recipe,) = compiled(SPECS / "googlenet.net").recipes.values()
    assert [(term.output, term.weight) for term in recipe.terms] == [
        ("scores", 1), ("aux1", 0.3), ("aux2", 0.3),
    ]  # fmt: skip


def test_the_resnet_50_in_one_text_is_that_of_the_family() -> None:
    """`specs/resnet50.net` is written out, to be read; the family takes its blocks from std."""
    old = read(SPECS.parent / "resnet50.net", {}).net().report()
    new = compiled(SPECS / "resnet.net").net("ResNet50").report()
    assert [(row.path, row.layer, row.inputs, row.output, row.params) for row in old.rows] == [
        (row.path, row.layer, row.inputs, row.output, row.params) for row in new.rows
    ]


@pytest.mark.covers("CN12")
def test_plain_and_residual_net_differ_in_the_additions_alone() -> None:
    spec = compiled(SPECS / "resnet_cifar.net")
    plain, residual = (
        [row.layer for row in spec.net(name).report().rows] for name in ("Plain20", "ResNet20")
    )
    ways_past = ("add", "avg_pool", "pad_channels")
    assert [kind for kind in residual if kind not in ways_past] == plain
    assert residual.count("add") == 9


@pytest.mark.parametrize(("units", "params"), [(3, 269_722), (5, 464_154), (18, 1_727_962)])
def test_deeper_nets_for_cifar_have_the_papers_sizes(units: int, params: int) -> None:
    """Table 6 of the paper: 0.27 M, 0.46 M and 1.7 M parameters for 20, 32 and 110 layers."""
    text = (SPECS / "resnet_cifar.net").read_text(encoding="utf-8")
    text = text.replace("Cifar PaddedResidual, 3", f"Cifar PaddedResidual, {units}")
    unclaimed = re.sub(r"    expect .*\n", "", text)
    report = load(unclaimed).net("ResNet20").report()
    assert report.params == params
    assert report.depth == 6 * units + 2


@pytest.mark.parametrize("net", nets())
def test_multiply_accumulates_are_those_that_torch_counts(net: NetHandle) -> None:
    """FlopCounterMode counts what is called: two for each multiply-accumulate."""
    report = net.report()
    with torch.device("meta"):
        module = build(net.source(), net.name).eval()
        x = torch.zeros(1, *report.inputs[0][1].shape)
    with FlopCounterMode(display=False) as counter:
        module(x)
    assert report.flops == counter.get_total_flops()


@pytest.mark.parametrize(("file", "size"), [("unet", 512), ("unet", 576), ("unet_paper", 572)])
def test_the_unets_multiply_accumulates_are_claimed_for_sizes_that_torch_confirms(
    file: str, size: int
) -> None:
    net = compiled(SPECS / f"{file}.net").net()
    (claim,) = [c for c in net.report().claims if "macs" in c.text and f"H={size}" in c.text]
    with torch.device("meta"):
        module = build(net.source(), net.name).eval()
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 1, size, size, device="meta"))
    assert claim.holds
    assert f"macs == {counter.get_total_flops() // 2:_}," in claim.text


@pytest.mark.parametrize(("file", "size"), [("unet", (480, 16)), ("unet_paper", (572, 188))])
def test_the_unets_field_is_what_the_positions_in_the_middle_read(
    file: str, size: tuple[int, int]
) -> None:
    """16 positions see in turn. With means in the place of maxima, which read one number each."""
    text = (SPECS / f"{file}.net").read_text(encoding="utf-8").replace("max_pool", "avg_pool")
    height, width = size
    net = load(re.sub(r"    expect .*\n", "", text), H=height, W=width, width=1).net()
    module = build(net.source(), net.name).double()
    for weight in module.parameters():
        torch.nn.init.constant_(weight, 1 / weight[0].numel() if weight.dim() > 1 else 0.1)
    x = torch.rand(1, 1, *size, dtype=torch.double, requires_grad=True)
    y = module.eval()(x)
    widths, middle = [], y.shape[2] // 2
    for row in range(middle, middle + 16):
        (gradient,) = torch.autograd.grad(y[0, 0, row].sum(), x, retain_graph=True)
        rows = gradient[0, 0].abs().sum(dim=1).nonzero()
        widths.append(int(rows.max() - rows.min()) + 1)
    assert compiled(SPECS / f"{file}.net").net().report().receptive_field == (max(widths),) * 2


def test_the_unet_takes_any_multiple_of_16() -> None:
    net = compiled(SPECS / "unet.net").net()
    assert net.report().conditions == ("H and W must be multiples of 16",)
    module = build(net.source(), net.name).eval()
    for height, width in ((32, 48), (16, 80)):
        with torch.no_grad():
            assert module(torch.zeros(1, 1, height, width)).shape == (1, 2, height, width)


def test_the_unet_of_the_paper_has_the_sizes_of_its_figure() -> None:
    """Figure 1 of the paper, level by level; its arrows down are 2x2 max pools, up 2x2 steps."""
    spec = read(SPECS / "unet_paper.net", {"H": 572, "W": 572})
    rows = spec.net().report().rows
    heights = [row.output.shape[1] for row in rows if row.layer in ("conv", "max_pool", "crop")]
    assert heights == [
        570, 568, 284, 282, 280, 140, 138, 136, 68, 66, 64, 32, 30, 28,
        56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388, 388,
    ]  # fmt: skip
    assert [row.inputs[0][1] for row in rows if row.layer == "crop"] == [64, 136, 280, 568]
    assert [row.output.shape[0] for row in rows if row.layer == "concat"] == [1024, 512, 256, 128]


def test_the_unet_of_the_paper_takes_what_it_says_and_no_other_size() -> None:
    net = load(SPECS / "unet_paper.net").net()
    assert net.report().conditions == (
        "H and W must be 12 more than a multiple of 16", "H and W must be at least 188",
    )  # fmt: skip
    taken = []
    for size in range(150, 240):
        spec = read(SPECS / "unet_paper.net", {"H": size, "W": 188})
        spec.judge()
        taken += [size] * all(d.severity != "error" for d in spec.diagnostics)
    assert taken == [188, 204, 220, 236]


def test_the_unet_of_the_paper_computes_what_its_figure_says() -> None:
    """The same weights in a net written by hand, which crops by a padding below 0."""
    text = (SPECS / "unet_paper.net").read_text(encoding="utf-8")
    net = load(re.sub(r"    expect .*\n", "", text), width=2).net()
    module = build(net.source(), net.name).eval()
    for size in ((188, 188), (204, 252)):
        x = torch.rand(2, 1, *size)
        with torch.no_grad():
            found, expected = module(x), _by_the_figure(module, x)
        assert found.shape == (2, 2, *(n - 184 for n in size))
        torch.testing.assert_close(found, expected)


def _by_the_figure(module: Any, x: torch.Tensor) -> torch.Tensor:
    def double(block: Any, value: torch.Tensor) -> torch.Tensor:
        return F.relu(block.conv2(F.relu(block.conv1(value))))

    skips = []
    for block in (module.a, module.b, module.c, module.d):
        skips.append(double(block, x))
        x = F.max_pool2d(skips[-1], 2)
    x = double(module.double1, x)
    for block in (module.up1, module.up2, module.up3, module.up4):
        x, skip = block.up(x), skips.pop()
        ends = [(x.shape[axis] - skip.shape[axis]) // 2 for axis in (3, 3, 2, 2)]
        x = double(block.double1, torch.cat([F.pad(skip, ends), x], dim=1))
    scores: torch.Tensor = module.conv1(x)
    return scores
