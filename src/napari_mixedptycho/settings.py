"""What a user may wish for: frozen, validated, written to and read from TOML.

Every setting is declared once, as a field of a ``Settings`` class. Its description is the tooltip in
the dock and the comment in a printed recipe.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from types import NoneType
from typing import Any, Self, get_args

import tomlkit
from pydantic import BaseModel, ConfigDict, ValidationError
from tomlkit.items import Item, Table

from napari_mixedptycho.errors import InputError


class Settings(BaseModel):
    """Base of every group of settings: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str = "settings") -> Self:
        """Validate plain values.

        Parameters
        ----------
        values
            Nested plain values, as read from TOML.
        where
            Name of the document, for the error message.

        Raises
        ------
        InputError
            One sentence that names the first offending key, what was found and what is allowed.
        """
        try:
            # By way of JSON, since a strict model accepts a list for a tuple only from there.
            return cls.model_validate_json(json.dumps(_with_none(cls, values), default=str))
        except ValidationError as error:
            raise InputError(explain(error, where)) from None

    @classmethod
    def from_toml(cls, text: str, where: str = "recipe") -> Self:
        """Read from a TOML document; raises `InputError` as `parse` does, also for broken TOML."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{where}: this is not valid TOML: {error}.") from None
        return cls.parse(values, where)

    @classmethod
    def recalled(cls, text: str, where: str = "recipe") -> tuple[Self, tuple[str, ...]]:
        """Read a TOML document that another version wrote, leaving out what this one cannot take.

        Parameters
        ----------
        text
            The document.
        where
            Its name, for the error message.

        Returns
        -------
        The settings, and the dotted keys that were left out: unknown ones, and values that are not allowed
        (the default stands in for those).

        Raises
        ------
        InputError
            When it is not TOML, or cannot be understood even so.
        """
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{where}: this is not valid TOML: {error}.") from None
        left: list[str] = []
        while True:
            try:
                return cls.model_validate_json(json.dumps(_with_none(cls, values), default=str)), tuple(left)
            except ValidationError as error:
                key = _drop(values, error.errors(include_url=False)[0]["loc"])
                if key is None:
                    raise InputError(explain(error, where)) from None
                left.append(key)

    def to_toml(self, *, comments: bool = False) -> str:
        """Write as a TOML document; with `comments`, each key is explained.

        TOML has no None: it is left out where it is the default, and ``"none"`` elsewhere.
        """
        document = tomlkit.document()
        _fill(document, self, comments)
        return tomlkit.dumps(document)

    def with_set(self, assignment: str) -> Self:
        """Return a copy with one setting changed.

        Parameters
        ----------
        assignment
            ``section.key=value`` as TOML; a stage by its number or name, as in ``stages.1.iterations=30``;
            ``none`` for "not set". Another ``kind`` brings that kind's own defaults.

        Raises
        ------
        InputError
            When there is no such setting or its value is not allowed.
        """
        path, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment}: write it as section.key=value.")
        values = self.model_dump(mode="json")
        *parents, last = path.strip().split(".")
        node: Any = values
        for part in parents:
            node = node[_key(node, part, assignment)]
        key, value = _key(node, last, assignment), _literal(text.strip())
        if key == "kind" and value != node[key]:
            node.clear()  # the other kind has other settings
        node[key] = value
        return type(self).parse(values, f"--set {assignment}")


def _with_none(cls: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with None where "none" stands for it."""
    found = dict(values)
    for name, value in values.items():
        annotation = cls.model_fields[name].annotation if name in cls.model_fields else None
        if value == "none" and NoneType in get_args(annotation):
            found[name] = None
        elif isinstance(value, Mapping) and isinstance(annotation, type) and issubclass(annotation, Settings):
            found[name] = _with_none(annotation, value)
    return found


def _drop(values: dict[str, Any], place: tuple[int | str, ...]) -> str | None:
    """Take the entry at a place out of nested values; its dotted key, None when there is none.

    pydantic puts the names of alternatives into the place; they are no keys.
    """
    node: Any = values
    holder: Any = None
    key: Any = None
    path = []
    for part in place:
        inside = (
            part in node if isinstance(node, dict) else isinstance(node, list) and part in range(len(node))
        )
        if inside:
            holder, key, node = node, part, node[part]
            path.append(str(part))
    if holder is None:
        return None
    del holder[key]
    return ".".join(path)


def explain(error: ValidationError, where: str) -> str:
    """Turn the first finding of a validation error into one sentence."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "(document)"
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key '{place}'; check its spelling against `mixedptycho recipe`.{more}"
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    found = first.get("input")
    shown = "" if isinstance(found, Mapping | list | BaseModel) else f", found {found!r}"
    return f"{where}: '{place}': {message}{shown}.{more}"


def _fill(table: Any, settings: Settings, comments: bool) -> None:
    """Write the plain keys first, then sub-tables, as TOML wants it."""
    fields = type(settings).model_fields
    values = {name: getattr(settings, name) for name in fields}
    for name, value in values.items():
        if value is None and fields[name].default is not None:
            value = "none"
        if _is_nested(value) or value is None:
            if value is None and comments:
                table.add(tomlkit.comment(f"{name} = (not set)  {_tip(fields[name].description)}"))
            continue
        item = tomlkit.item(_inline(value))
        if comments and fields[name].description:
            item.comment(_tip(fields[name].description))
        table.add(name, item)
    for name, value in values.items():
        if _is_nested(value):
            table.add(name, _nested(value, comments))


def _is_nested(value: object) -> bool:
    return isinstance(value, Settings) or (_are_settings(value) and not _have_kinds(value))


def _are_settings(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(v, Settings) for v in value)


def _have_kinds(value: Any) -> bool:
    return all("kind" in type(entry).model_fields for entry in value)


def _inline(value: Any) -> Any:
    """Return what stands after the equals sign; settings with a kind: their name, or a table in a line."""
    if not isinstance(value, tuple):
        return value
    return [_named(entry) if isinstance(entry, Settings) else entry for entry in value]


def _named(entry: Settings) -> Any:
    values = entry.model_dump(mode="json", exclude_none=True)
    if entry == type(entry)():
        return values["kind"]
    table = tomlkit.inline_table()
    table.update({"kind": values.pop("kind"), **values})
    return table


def by_name(value: Any) -> Any:
    """Let a bare name stand for settings of that kind with its defaults; for lists of settings with kinds."""
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict):
        # From here on a strict model sees Python's values, where a list is no tuple.
        return {key: tuple(part) if isinstance(part, list) else part for key, part in value.items()}
    return value


def _nested(value: Settings | tuple[Settings, ...], comments: bool) -> Item:
    if isinstance(value, Settings):
        table: Table = tomlkit.table()
        _fill(table, value, comments)
        return table
    array = tomlkit.aot()
    for entry in value:
        table = tomlkit.table()
        _fill(table, entry, comments)
        array.append(table)
    return array


def _tip(description: str | None) -> str:
    return " ".join((description or "").split())


def _key(node: Any, part: str, assignment: str) -> Any:
    """Return the key of `part` in a table or list of stages, or refuse with the names that exist."""
    names: list[str] = []
    if isinstance(node, list):
        names = [str(e.get("name", e.get("kind", ""))) if isinstance(e, dict) else "" for e in node]
        if part.isdigit() and int(part) < len(node):
            return int(part)
        if names.count(part) == 1:
            return names.index(part)
        names = [name if names.count(name) == 1 and name else str(i) for i, name in enumerate(names)]
    elif isinstance(node, dict):
        if part in node:
            return part
        names = list(node)
    raise InputError(f"--set {assignment}: there is no '{part}'; there are: {', '.join(names) or 'none'}.")


def _literal(text: str) -> Any:
    """Read a TOML value; a bare word is a string."""
    if text in {"none", "None"}:
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
