"""Runs the examples of the crate `analysis`, whose work is measured beside the peers'."""

import argparse
import json
import resource
import subprocess
from pathlib import Path

from harness import program
from harness.errors import Missing


def add_option(parser: argparse.ArgumentParser, name: str) -> None:
    """Adds `--runner`, by default the example of this name as it is built."""
    built = program.default_path().parent / "examples" / name
    parser.add_argument("--runner", type=Path, default=built, help=f"analysis's example {name} [default: %(default)s]")


def check(path: Path, name: str) -> None:
    """Refuses a path where no program is, and says how it is built."""
    if not path.is_file():
        raise Missing(
            f"no program at {path}: run `cargo build --release -p revacnn-analysis --example {name}`, "
            "or give --runner PATH"
        )


def run(command: list) -> tuple[list[program.Event], float]:
    """What a runner printed, an object a line, and the processor time in seconds of its whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise Missing(f"`{Path(command[0]).name}` failed with exit code {done.returncode}: {done.stderr.strip()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [json.loads(line) for line in done.stdout.splitlines()], cpu
