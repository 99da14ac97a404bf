"""The command line `bss2`, as the package installs it."""

from __future__ import annotations

import signal
import sys

from . import _core


def main() -> None:
    """Runs `bss2` with the arguments of this process."""
    # The program handles Ctrl-C itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_core.main(["bss2", *sys.argv[1:]]))
