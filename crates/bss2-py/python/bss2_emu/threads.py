"""How many threads calls compute with."""

from __future__ import annotations

from . import _core
from .errors import ConfigError


def set_threads(n: int | None) -> None:
    """Threads that calls compute with from now on; None: one for each core. Results do not depend on it.

    Raises :class:`ConfigError` for a number that is not in 1..=512.
    """
    if n is not None and not 1 <= n <= 512:
        raise ConfigError(f"n: {n} is not allowed; expected a number of threads in 1..=512, or None")
    _core.set_threads(0 if n is None else n)


def threads() -> int:
    """Threads that calls compute with."""
    return _core.threads()
