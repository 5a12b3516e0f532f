"""Sets of rows that scikit-learn ships.

Nothing here reads data: `runtime/readers` does.
"""

from typing import ClassVar

from netc.compiler.recipes.base import Data, Scaling


class Table(Data):
    """A set of rows with features, which may be scaled.

    Class attributes:
        features: how many numbers a row has.
    """

    features: ClassVar[int]
    standardize: Scaling = False

    def example(self) -> tuple[int, ...]:
        return (self.features,)


class Iris(Table):
    """Iris flowers: 150 rows, inputs `[4]` in cm, 3 classes.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_iris.html
    """

    kind = "iris"
    features = 4
    classes = 3


class Wine(Table):
    """Wines: 178 rows, inputs `[13]`, 3 classes.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_wine.html
    """

    kind = "wine"
    features = 13
    classes = 3


class BreastCancer(Table):
    """Breast cancer, Wisconsin: 569 rows, inputs `[30]`, 2 classes (0 malignant, 1 benign).

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_breast_cancer.html
    """

    kind = "breast_cancer"
    features = 30
    classes = 2


class Diabetes(Table):
    """Diabetes progression: 442 rows, inputs `[10]`, one number to predict (25..346).

    Features are the measured ones (`scaled=False`): scikit-learn's scaled ones were scaled with all
    rows, the test split's among them. `standardize=yes` scales with the training split alone.
    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_diabetes.html
    """

    kind = "diabetes"
    features = 10
    amounts = (25, 346)


class Linnerud(Table):
    """Linnerud: 20 rows, inputs `[3]` (exercises), three numbers to predict (body measurements).

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_linnerud.html
    """

    kind = "linnerud"
    features = 3
    amounts = (31, 247)
