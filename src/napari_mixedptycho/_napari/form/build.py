"""From a field's annotation to its editor."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from napari_mixedptycho._napari.form.entries import (
    Choice,
    Count,
    Editor,
    Flag,
    Groups,
    Number,
    Numbers,
    OptionalChoice,
    Several,
    Text,
)
from napari_mixedptycho.settings import Settings

_SPIN = 1_000_000
"""Whole numbers up to here get arrows; others are typed."""


def leaf(field: FieldInfo) -> Editor:
    """Return the editor of a field that is not itself made of settings.

    Raises
    ------
    TypeError
        When there is no editor for such a field yet: a fault of the program, seen by its tests.
    """
    annotation, optional = without_none(field.annotation)
    bounds = tuple(entry for entry in field.metadata if not isinstance(entry, FieldInfo))
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[(annotation, *bounds)] if bounds else annotation)
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return OptionalChoice(parts) if optional else Choice(parts)
    if annotation is bool and not optional:
        return Flag()
    if annotation in (int, float):
        low, high = _bounds(bounds)
        if annotation is int and not optional and low is not None and high is not None and high <= _SPIN:
            return Count(low, high)
        return Number(adapter, optional, annotation)
    if annotation is str:
        return Text(adapter, optional)
    if origin is tuple:
        return _several(adapter, optional, parts)
    raise TypeError(f"no editor is known for {field.annotation}")


def _several(adapter: TypeAdapter[Any], optional: bool, parts: tuple[Any, ...]) -> Editor:
    """Return the editor of a tuple with these types; raises `TypeError` as `leaf` does."""
    first = get_origin(parts[0])
    if first is Literal and parts[-1] is Ellipsis and not optional:
        return Several(get_args(parts[0]))
    if first is tuple and parts[-1] is Ellipsis:
        return Groups(adapter, optional, get_args(parts[0]))
    if all(part in (int, float) for part in parts):
        return Numbers(adapter, optional, parts)
    raise TypeError(f"no editor is known for a tuple of {parts}")


def without_none(annotation: Any) -> tuple[Any, bool]:
    """Return an annotation without None, and whether it allowed None."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    parts = [part for part in get_args(annotation) if part is not NoneType]
    optional = len(parts) < len(get_args(annotation))
    return (parts[0] if len(parts) == 1 else Union[tuple(parts)]), optional  # noqa: UP007 - made at run time


def alternatives(annotation: Any) -> tuple[type[Settings], ...]:
    """Return the settings classes among which `kind` chooses; none for anything else."""
    if get_origin(annotation) not in (Union, UnionType):
        return ()
    parts = get_args(annotation)
    return parts if all(_is_settings(part) for part in parts) else ()


def entries_of(annotation: Any) -> type[Settings] | None:
    """Return the class of a list of settings; None for anything else."""
    if get_origin(annotation) is not tuple:
        return None
    parts = get_args(annotation)
    return parts[0] if len(parts) == 2 and parts[1] is Ellipsis and _is_settings(parts[0]) else None


def entry_kinds(annotation: Any) -> tuple[type[Settings], ...]:
    """Return the settings classes that `kind` tells apart in a list; none for anything else."""
    if get_origin(annotation) is not tuple or get_args(annotation)[-1] is not Ellipsis:
        return ()
    entry = get_args(annotation)[0]
    return alternatives(get_args(entry)[0] if get_origin(entry) is Annotated else entry)


def least(field: FieldInfo) -> int:
    """Return how many entries a list must have."""
    return max((bound.min_length for bound in field.metadata if isinstance(bound, MinLen)), default=0)


def nested(annotation: Any) -> type[Settings] | None:
    """Return the class of nested settings; None for anything else."""
    return annotation if _is_settings(annotation) else None


def _is_settings(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Settings)


def _bounds(metadata: tuple[Any, ...]) -> tuple[int | None, int | None]:
    low: int | None = None
    high: int | None = None
    for entry in metadata:
        if isinstance(entry, Ge | Gt):
            low = int(entry.ge) if isinstance(entry, Ge) else int(entry.gt) + 1  # type: ignore[call-overload]
        elif isinstance(entry, Le | Lt):
            high = int(entry.le) if isinstance(entry, Le) else int(entry.lt) - 1  # type: ignore[call-overload]
    return low, high
