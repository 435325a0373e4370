"""The door for data from outside: TOML and JSON become our frozen dataclasses, or one error."""

import json
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from contracts.errors import SettingsError
from contracts.misfit import misfits
from contracts.tables import Table

T = TypeVar("T")
Json = dict[str, Any]
Check = Callable[[Table], Iterable[str]]

_WIRE = ConfigDict(extra="ignore", ser_json_bytes="base64", val_json_bytes="base64")
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  # any dataclass
    if kind not in _ADAPTERS:
        if is_dataclass(kind) and not hasattr(kind, "__pydantic_config__"):
            setattr(kind, "__pydantic_config__", _WIRE)  # noqa: B010  # pydantic's own hook
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _unchecked(_document: Table) -> Iterable[str]:
    return ()


def from_toml(text: str, kind: type[T], file: str, check: Check = _unchecked) -> T:
    """Return the settings in a TOML text as a `kind`.

    `check` yields what the types do not show, each with its key. It is also asked of a document
    that is not all it must be.

    Raises:
        SettingsError: with every malformed, missing or unknown key at once, and what `check` found.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = f"TOML 写法不对 / not TOML: {error}"
        raise SettingsError(file=file, problems=(problem,)) from error
    return from_table(document, kind, file, check)


def from_table(table: Table, kind: type[T], file: str, check: Check = _unchecked) -> T:
    """Return a table of a TOML text as a `kind`; `file` says where it stands, `check` as above.

    Raises:
        SettingsError: with every malformed, missing or unknown key at once, and what `check` found.
    """
    adapter = _adapter(kind)
    try:
        value = adapter.validate_python(table)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        problems = (*misfits(faults, table, kind), *check(table))
        raise SettingsError(file=file, problems=problems) from error
    if problems := tuple(check(adapter.dump_python(value))):
        raise SettingsError(file=file, problems=problems)
    return cast("T", value)


def from_json(raw: bytes | str, kind: type[T]) -> T:
    """Return a JSON text as a `kind`; fields of a newer version are ignored.

    Raises:
        ValueError: when the text does not fit.
    """
    return cast("T", _adapter(kind).validate_json(raw))


def from_object(document: object, kind: type[T]) -> T:
    """Return an already parsed JSON document as a `kind`.

    Raises:
        ValueError: when the document does not fit.
    """
    # JSON has no bytes or moments: only the JSON mode of validation turns strings into them.
    return cast("T", _adapter(kind).validate_json(_dump(document)))


def to_object(value: object) -> Json:
    """Return a dataclass as a JSON document: moments RFC 3339, bytes base64 (URL-safe alphabet)."""
    return cast("Json", _adapter(type(value)).dump_python(value, mode="json"))


def to_json(value: object) -> bytes:
    """Return a dataclass as a JSON text."""
    return _adapter(type(value)).dump_json(value)


def _dump(document: object) -> bytes:
    return json.dumps(document).encode()
