"""The one kind of failure that a measurement reports without a traceback."""

import sys
from collections.abc import Callable
from typing import NoReturn


class Missing(Exception):
    """Something that the measurement needs is not there or does not work."""


def exit_with_message(main: Callable[[], None]) -> NoReturn:
    """Runs `main`; a `Missing` becomes one line on stderr and exit code 1."""
    try:
        main()
    except Missing as error:
        sys.exit(f"{sys.argv[0]}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
