"""What training minimises, as the mean over the batch."""

from typing import Annotated

from pydantic import Field

from netc.compiler.recipes.base import Loss


class CrossEntropy(Loss):
    """Cross-entropy of class scores (logits) and class ids: `−log softmax(z)[target]`.

    The net gives raw scores: a softmax layer before it would be applied twice. With label smoothing
    ε over C classes the wanted distribution is `(1 − ε)·one_hot + ε/C`.
    The class axis is the only one of `[classes]`, the last of `[T, classes]`, the first of
    `[classes, h, w]`. Metrics: accuracy, loss.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
    """

    kind = "cross_entropy"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Mse(Loss):
    """Mean squared error: `mean (y − ŷ)²` over all numbers of the batch. Metrics: rmse, mae, loss.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
    """

    kind = "mse"


class Bce(Loss):
    """Binary cross-entropy of scores (logits) z: `−mean [y ln σ(z) + (1 − y) ln(1 − σ(z))]`.

    The net gives raw scores: a sigmoid layer before it would be applied twice. Computed in the
    form that does not overflow. Metrics: accuracy (z > 0 means 1), loss.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
    """

    kind = "bce"
