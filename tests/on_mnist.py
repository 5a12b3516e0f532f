"""Trains LeNet-5 on MNIST for three epochs (coverage CN01): 0.965 or more on its test pictures.

Not part of the suite, which brings no MNIST: `python tests/on_mnist.py FOLDER`, a folder with
`train-images-idx3-ubyte` and its three kin. The net is that of `specs/lenet5.net`, as it is and
with relu and maxima for tanh and means. Measured: 0.974 and 0.982. Exit status 1 if one is below.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LENET = Path(__file__).parents[1] / "specs" / "lenet5.net"
RECIPE = """
train LeNet5:
    data idx {folder}, pad=2
    loss cross_entropy
    optimizer adam, lr=1e-3
    epochs 3, batch=128
    seed 0
    expect accuracy >= 0.965
"""


def main() -> int:
    """Trains both forms; 1 if a claim is false."""
    folder = Path(sys.argv[1]).resolve()
    net = LENET.read_text(encoding="utf-8").partition("\n# Measured")[0]
    recipe = RECIPE.format(folder=json.dumps(str(folder)))
    forms = {
        "tanh, means": net,
        "relu, maxima": net.replace("tanh", "relu").replace("avg_pool", "max_pool"),
    }
    return max(trained(name, text + recipe) for name, text in forms.items())


def trained(name: str, text: str) -> int:
    """Trains one form and says how well; the exit status of `netc train`."""
    with tempfile.TemporaryDirectory() as place:
        spec = Path(place, "lenet5.net")
        spec.write_text(text, encoding="utf-8")
        command = ["train", str(spec), "--out", str(Path(place, "run")), "--json", "--quiet"]
        done = subprocess.run(
            [sys.executable, "-m", "netc", *command], capture_output=True, text=True
        )
        if not done.stdout:
            print(done.stderr)
            return 1
        accuracy = json.loads(done.stdout)["test"]["accuracy"]
    print(f"{name:14} accuracy {accuracy:.4f} after 3 epochs", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
