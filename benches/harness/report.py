"""Tables for people, JSON for programs, and the machine that was measured."""

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Aligned columns; the first `left` to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(heading, *rows)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths))
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(heading), "  ".join("─" * width for width in widths), *map(line, rows)])


def mean_and_deviation(values: Sequence[float], form: str) -> str:
    """`mean ± sample standard deviation`; the mean alone of one value."""
    mean = format(statistics.fmean(values), form)
    if len(values) == 1:
        return mean
    return f"{mean} ± {format(statistics.stdev(values), form)}"


def machine() -> dict[str, Any]:
    """What was measured on, and how busy it was with other things."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load_average_before": os.getloadavg()[0],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def describe_machine(found: dict[str, Any]) -> str:
    """One line, and a second one if the machine may be busy."""
    line = f"{found['processor']}, {found['cores']} cores, {found['system']}"
    load = found["load_average_before"]
    if load > 0.5:
        line += f"\nload average {load:.2f} before the start: if other work still runs, the speeds are too low"
    return line


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes what was measured, for programs."""
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(f"\nwritten to {path}")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
