"""Numbers from a file, by a path relative to the spec's folder, and numbers that are drawn.

Nothing here reads data: `runtime/readers` does.
"""

from typing import Annotated

from pydantic import Field

from netc.compiler.recipes.base import Data, Scaling, Text


class Circles(Data):
    """Points in the plane: a disc inside a ring; inputs `[2]`, 2 classes (1 inside, 0 outside).

    Half of the `n` points have a radius uniform in 0..2.5, half one uniform in 3.5..5; the angle is
    uniform. The label says whether the point, moved by noise uniform in ±5·noise on either axis,
    lies within 2.5 of the origin. Drawn from the recipe's seed.
    Source: https://github.com/tensorflow/playground (src/dataset.ts, `classifyCircleData`)
    """

    kind = "circles"
    positional = 1
    classes = 2
    n: Annotated[int, Field(ge=2, le=100_000_000)] = 500
    noise: Annotated[float, Field(ge=0, le=1)] = 0.0

    def example(self) -> tuple[int, ...]:
        return (2,)


class Npz(Data):
    """Arrays in a NumPy file, by name; the first axis counts examples. Numbers stay as they are.

    `inputs` names one array per input of the net, in the net's order. Whole-number targets are
    class ids under `cross_entropy`. Only plain numbers are read: object arrays, which could run
    code, are refused. `standardize` scales every position of an example by itself.
    Source: https://numpy.org/doc/stable/reference/generated/numpy.load.html (allow_pickle=False)
    """

    kind = "npz"
    positional = 1
    path: Text
    inputs: Text | tuple[Text, ...] = "x"
    target: Text = "y"
    standardize: Scaling = False
