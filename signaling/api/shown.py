"""What a service's view looks like on the wire: the ``TypedDict`` of a view becomes the model of an answer.

So that the shape of an answer is written once, where it is made. Instants are written as the contract says; keys that are not
in the view are refused, as in every answer.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import BaseModel, create_model

from signaling.api.shapes import Instant, Out


@cache
def shown(view: Any) -> type[BaseModel]:
    """The model of an answer with the keys of the ``TypedDict`` ``view``, and of those nested in it; used as ``response_model``."""
    if not is_typeddict(view):
        raise TypeError(f"{view!r} is not a TypedDict")
    wanted = view.__required_keys__
    fields: dict[str, Any] = {
        name: (_wire(kind), ... if name in wanted else None) for name, kind in get_type_hints(view).items()
    }
    return create_model(view.__name__, __base__=Out, __doc__=view.__doc__, __module__=view.__module__, **fields)


def _wire(kind: Any) -> Any:
    """A type of a view as it is on the wire."""
    if kind is datetime:
        return Instant
    if is_typeddict(kind):
        return shown(kind)
    inner = tuple(_wire(one) for one in get_args(kind))
    if not inner or inner == get_args(kind):
        return kind
    origin = get_origin(kind)
    return Union[inner] if origin in (Union, UnionType) else origin[inner]  # noqa: UP007
