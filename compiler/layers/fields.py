"""The types of arguments that several layers take."""

# no postponed annotations here: pydantic would evaluate them again for every layer

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, InstanceOf, WithJsonSchema

from netc.compiler.sizes import Symbolic


def as_tuple(value: Any) -> Any:
    """A list as a tuple: how pydantic is to take both."""
    return tuple(value) if isinstance(value, list) else value


Positive: TypeAlias = Annotated[int, Field(gt=0)]
Natural: TypeAlias = Annotated[int, Field(ge=0)]
PerAxis: TypeAlias = Positive | tuple[Positive, ...]
"""One number for all spatial axes, or one per axis: `3`, `3x5`, `(3, 5)`."""
Padding: TypeAlias = Natural | tuple[Natural, ...] | Literal["same", "valid"]
Named: TypeAlias = Annotated[
    InstanceOf[Symbolic], WithJsonSchema({"type": "string", "format": "size"})
]
Extent: TypeAlias = Positive | Named
Extents: TypeAlias = Annotated[tuple[Extent, ...], BeforeValidator(as_tuple)]
Probability: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
