"""What can go wrong. All exceptions of this package derive from :class:`Bss2Error`, and from the standard one they are a kind of."""


class Bss2Error(Exception):
    """Anything that went wrong in this package."""


class ConfigError(Bss2Error, ValueError):
    """A key, value or description that is not allowed; the message names all of them, and what is."""


class ArrayError(Bss2Error, ValueError):
    """An array of the wrong shape, layout or content."""


class ArrayTypeError(ArrayError, TypeError):
    """An array of the wrong data type."""


class FileError(Bss2Error, OSError):
    """A file that cannot be read or written, or is not what it should be."""


class ChipError(Bss2Error, RuntimeError):
    """A chip that refuses, or a network that does not fit on it."""


class ClosedError(ChipError):
    """A chip that is closed, or was lost in a call that failed in the middle."""


class CalibrationError(Bss2Error, RuntimeError):
    """A calibration that found nothing to measure."""


class InternalError(Bss2Error, RuntimeError):
    """An error of the package itself. Please report it."""


__all__ = [
    "ArrayError",
    "ArrayTypeError",
    "Bss2Error",
    "CalibrationError",
    "ChipError",
    "ClosedError",
    "ConfigError",
    "FileError",
    "InternalError",
]
