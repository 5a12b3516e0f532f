"""Where examples come from: sets that scikit-learn ships, a generated one, and files.

Paths are relative to the folder of the spec. Nothing here reads data: `runtime/readers` does.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from netc.compiler.recipes.base import Data

Side: TypeAlias = Annotated[int, Field(gt=0, le=65_536)]
ImageSize: TypeAlias = Side | tuple[Side, Side]
"""Height and width in pixels: `32` for both, or `32x48`."""

PathText: TypeAlias = Annotated[str, Field(min_length=1)]
Name: TypeAlias = Annotated[str, Field(min_length=1)]

Scaling: TypeAlias = bool | Literal["zscore", "center", "minmax"]
"""How each input feature is scaled, with statistics of the training split alone:

* `yes` or `zscore`: `(x − μ) / σ`, σ = sqrt(1/m · Σ(x − μ)²);
* `center`: `x − μ`;
* `minmax`: `(x − min) / (max − min)`.

A feature that is constant in the training split is centred only, or under `minmax` set to 0.
Source: https://scikit-learn.org/stable/modules/preprocessing.html (StandardScaler, MinMaxScaler)
"""


class Table(Data):
    """A set of rows with features, which may be scaled."""

    standardize: Scaling = False


class Digits(Data):
    """Handwritten digits: 1,797 grey pictures of 8×8 pixels, 10 classes; inputs `[1, 8, 8]`.

    Pixels are 0..16 in the set and are divided by 16, so they lie in 0..1. `size=32` resizes by
    bilinear interpolation (`align_corners=False`) to `[1, 32, 32]`.
    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html
    """

    kind = "digits"
    size: ImageSize | None = None


class Iris(Table):
    """Iris flowers: 150 rows, inputs `[4]` in cm, 3 classes.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_iris.html
    """

    kind = "iris"


class Wine(Table):
    """Wines: 178 rows, inputs `[13]`, 3 classes.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_wine.html
    """

    kind = "wine"


class BreastCancer(Table):
    """Breast cancer, Wisconsin: 569 rows, inputs `[30]`, 2 classes (0 malignant, 1 benign).

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_breast_cancer.html
    """

    kind = "breast_cancer"


class Diabetes(Table):
    """Diabetes progression: 442 rows, inputs `[10]`, one number to predict (25..346).

    Features are the measured ones (`scaled=False`): scikit-learn's scaled ones were scaled with all
    rows, the test split's among them. `standardize=yes` scales with the training split alone.
    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_diabetes.html
    """

    kind = "diabetes"


class Linnerud(Table):
    """Linnerud: 20 rows, inputs `[3]` (exercises), three numbers to predict (body measurements).

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_linnerud.html
    """

    kind = "linnerud"


class Circles(Data):
    """Points in the plane: a disc inside a ring; inputs `[2]`, 2 classes (1 inside, 0 outside).

    Half of the `n` points have a radius uniform in 0..2.5, half one uniform in 3.5..5; the angle is
    uniform. The label says whether the point, moved by noise uniform in ±5·noise on either axis,
    lies within 2.5 of the origin. Drawn from the recipe's seed.
    Source: https://github.com/tensorflow/playground (src/dataset.ts, `classifyCircleData`)
    """

    kind = "circles"
    positional = 1
    n: Annotated[int, Field(ge=2, le=100_000_000)] = 500
    noise: Annotated[float, Field(ge=0, le=1)] = 0.0


class Idx(Data):
    """A folder in MNIST's format; grey pictures, inputs `[1, h, w]`, pixels divided by 255.

    Files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, plain or with `.gz`. The official test set (`t10k`) is kept: the
    training files are shared out between train and dev by the split's first two numbers.
    `size=` resizes (bilinear); then `pad=` adds that many zeros at each side.
    Source: http://yann.lecun.com/exdb/mnist/ (the section on the IDX file format)
    """

    kind = "idx"
    positional = 1
    path: PathText
    size: ImageSize | None = None
    pad: Annotated[int, Field(ge=0, le=4096)] = 0


class Images(Data):
    """A folder with a sub-folder of pictures per class; inputs `[channels, h, w]`, divided by 255.

    Classes are the sub-folders in sorted order. Every picture is turned upright by its EXIF tag,
    made grey (`channels=1`) or RGB (`channels=3`; transparency is dropped) and resized to `size`
    (bilinear, without keeping its proportions). Hidden files are left out.
    Source: https://pillow.readthedocs.io/en/stable/reference/Image.html (convert, resize)
    """

    kind = "images"
    positional = 1
    path: PathText
    size: ImageSize
    channels: Literal[1, 3] = 3


class Npz(Data):
    """Arrays in a NumPy file, by name; the first axis counts examples. Numbers stay as they are.

    `inputs` names one array per input of the net, in the net's order. Whole-number targets are
    class ids under `cross_entropy`. Only plain numbers are read: object arrays, which could run
    code, are refused. `standardize` scales every position of an example by itself.
    Source: https://numpy.org/doc/stable/reference/generated/numpy.load.html (allow_pickle=False)
    """

    kind = "npz"
    positional = 1
    path: PathText
    inputs: Name | tuple[Name, ...] = "x"
    target: Name = "y"
    standardize: Scaling = False
