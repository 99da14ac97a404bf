"""Configurations as dictionaries: keys may be nested or dotted."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import ConfigError

#: Keys of a configuration, nested (`{"training": {"epochs": 3}}`) or dotted (`{"training.epochs": 3}`).
Settings = Mapping[str, Any]


def nested(settings: Settings | None) -> dict[str, Any]:
    """The same keys, nested."""
    out: dict[str, Any] = {}
    for key, value in (settings or {}).items():
        if not isinstance(key, str):
            raise ConfigError(f"{key!r}: keys are texts")
        *sections, last = key.split(".")
        table = out
        for section in sections:
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{key}: {section} is given as a value, too")
        if isinstance(value, Mapping):
            value = nested(value)
            if isinstance(table.get(last), dict):
                value = {**table[last], **value}
        table[last] = value
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is no value of a configuration")


def encode(settings: Any) -> str:
    """As JSON."""
    try:
        return json.dumps(settings, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error)) from None


def text(settings: Settings | None) -> str:
    """A configuration as JSON."""
    return encode(nested(settings))
