"""How fast the emitted nets train: one update, against hand-written modules with equal weights.

Rounds take turns, so that both meet the same machine; a ratio is of the two times of one round.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from msgspec import Struct
from torch import nn

import netc
from benchmarks import handwritten
from benchmarks.measure import SPECS, in_turns, milliseconds, ratio

HIGH = 1.02


class Case(Struct, frozen=True):
    """One net.

    Attributes:
        spec: its file in specs/.
        peer: the hand-written module.
        batch, shape, classes: of the random examples.
        steps: updates in a round.
        rounds: how many pairs.
    """

    spec: str
    peer: type[nn.Module]
    batch: int
    shape: tuple[int, ...]
    classes: int
    steps: int
    rounds: int


CASES = (
    Case("lenet5.net", handwritten.LeNet5, 64, (1, 32, 32), 10, 20, 60),
    Case("resnet50.net", handwritten.ResNet50, 8, (3, 224, 224), 1000, 1, 20),
)


def same_weights(net: nn.Module, peer: nn.Module) -> None:
    """Gives the peer the net's weights: both hold them in the same order, under their own names."""
    ours, theirs = net.state_dict(), peer.state_dict()
    assert [w.shape for w in ours.values()] == [w.shape for w in theirs.values()]
    peer.load_state_dict(dict(zip(theirs, copy.deepcopy(ours).values(), strict=True)))


def updates(
    net: nn.Module, x: torch.Tensor, target: torch.Tensor, steps: int
) -> Callable[[], float]:
    """Makes some updates when called; returns seconds for one."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def round_() -> float:
        start = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), target)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return (time.perf_counter() - start) / steps

    return round_


def main() -> None:
    """Prints the figures."""
    for case in CASES:
        torch.manual_seed(0)
        x = torch.randn(case.batch, *case.shape)
        target = torch.randint(case.classes, (case.batch,))
        net, peer = netc.load(SPECS / case.spec).net().module(), case.peer()
        same_weights(net, peer)
        with torch.no_grad():
            apart = (net.eval()(x) - peer.eval()(x)).abs().max().item()
        assert apart <= 1e-5, f"{case.spec}: outputs are {apart} apart"
        times = in_turns(
            {
                "emitted": updates(net.train(), x, target, case.steps),
                "hand-written": updates(peer.train(), x, target, case.steps),
            },
            case.rounds,
        )
        spread = ratio(times["emitted"], times["hand-written"])
        kept = "kept" if spread.median <= HIGH else "MISSED"  # quicker is no fault
        print(
            f"{case.spec}, batch {case.batch}, {case.rounds} rounds of {case.steps}: outputs "
            f"{apart:.1e} apart"
        )
        for name, seconds in times.items():
            fine = statistics.median(seconds) < 0.1
            shown = f"{1000 * statistics.median(seconds):.2f} ms" if fine else milliseconds(seconds)
            print(f"  {name:13} {shown}")
        print(
            f"  emitted ÷ hand-written {spread.median:.3f} ({spread.low:.3f}–{spread.high:.3f}); "
            f"target ≤ {HIGH}: {kept}"
        )


if __name__ == "__main__":
    main()
