"""Options that every measurement has."""

import argparse
from pathlib import Path

from . import images, program


def parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options that every measurement has."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--revacnn", type=Path, default=program.default_path(), help="the program [default: %(default)s]")
    made.add_argument(
        "--data",
        type=Path,
        default=images.default_folder(),
        help=f"folder that holds {images.FOLDER} [default: the variable REVACNN_DATA]",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured, too")
    return made


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)
