"""What the papers say of their nets, layer by layer; and that plain nets are harder to train."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torchvision_nets import SPECS

from netc.api import load, read
from netc.compiler.report import Row


def rows(file: str, net: str) -> dict[str, Row]:
    """The layers of a net by their paths; those without weights last of their kind."""
    return {row.path: row for row in read(SPECS / f"{file}.net", {}).net(net).report().rows}


@pytest.mark.covers("CN02")
def test_lenet_of_1998_has_the_papers_counts_layer_by_layer() -> None:
    found = {path: row.params for path, row in rows("lenet5_1998", "LeNet5").items() if row.params}
    assert found == {
        "c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164,
    }  # fmt: skip
    assert sum(found.values()) == 60_000


@pytest.mark.covers("CN05", "CN06")
@pytest.mark.parametrize("net", ["VGG16", "VGG19"])
def test_most_of_vgg_is_its_first_dense_layer(net: str) -> None:
    report = read(SPECS / "vgg.net", {}).net(net).report()
    pools = [row.output.shape for row in report.rows if row.layer == "max_pool"]
    assert pools[-1] == (512, 7, 7)
    assert len(pools) == 5
    fc6 = next(row for row in report.rows if row.layer == "dense")
    assert fc6.params == 102_764_544


@pytest.mark.covers("CN10")
@pytest.mark.parametrize(
    ("net", "channels"),
    [
        ("DenseNet121", [256, 512, 1024, 1024]),
        ("DenseNet169", [256, 512, 1280, 1664]),
        ("DenseNet201", [256, 512, 1792, 1920]),
    ],
)
def test_channels_behind_the_dense_blocks(net: str, channels: list[int]) -> None:
    last: dict[str, int] = {}
    for path, row in rows("densenet", net).items():
        if match := re.match(r"features\.(denseblock\d)\.", path):
            last[match[1]] = int(row.output.shape[0])
    assert [*last.values()] == channels


@pytest.mark.covers("CN12", "BL05")
@pytest.mark.parametrize("seed", [0, 1])
def test_the_residual_net_has_the_lower_loss_after_as_many_epochs(seed: int) -> None:
    """Twenty layers on digits: lower in each of three epochs, and less than half in the last."""
    plain, residual = (losses(net, seed, epochs=3) for net in ("Plain20", "ResNet20"))
    assert all(b < a for a, b in zip(plain, residual, strict=True))
    assert residual[-1] < 0.5 * plain[-1]


def losses(net: str, seed: int, epochs: int) -> list[float]:
    """The mean loss of each epoch over 1,024 digits of 16 by 16, by gradient descent."""
    text = (SPECS / "resnet_cifar.net").read_text(encoding="utf-8")
    text = re.sub(
        r"    expect .*\n|-> \[\d+, \d+, \d+\]", "", text.replace("3, 32, 32", "1, 16, 16")
    )
    pictures, labels = load_digits(return_X_y=True)
    x = torch.tensor(pictures[:1024] / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    x, y = F.interpolate(x, size=16), torch.tensor(labels[:1024])
    torch.manual_seed(seed)
    module = load(text).net(net).module()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    order = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(x), generator=order).split(64):
            optimizer.zero_grad()
            loss = F.cross_entropy(module(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(batch)
        found.append(total / len(x))
    return found
