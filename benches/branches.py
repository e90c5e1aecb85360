"""What a store of many branches costs to look at: processor time and memory of
whole processes, for chains and fans of forks.

`log` keeps what it saw, so that its first look costs more than the others; `find`,
which only lists the store's folders, is what the system itself takes.

Each size is measured against the smallest of its shape: what is linear costs as
much a branch. See README.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import images, options, program, report
from harness.errors import Missing, exit_with_message

NETWORK = """
[[layer]]
kind = "conv"
filters = 2
kernel = 5
stride = 2
[[layer]]
kind = "softmax"
"""
FORK = 4
"""The step that each branch is forked at."""
SHAPES = ("chain", "fan")
SETTLED_SECONDS = 2.5
"""How long after its last change a branch is taken for settled."""


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    cpu_milliseconds: float
    megabytes: float


def main() -> None:
    arguments = parse()
    revacnn = program.Program(arguments.revacnn, images.cifar10_or_shapes(arguments.data))
    machine = report.machine()
    version = revacnn.version()
    print(f"{report.describe_machine(machine)}\n{version}\n{arguments.rounds} rounds; medians")
    with tempfile.TemporaryDirectory(prefix="revacnn-branches-", dir=arguments.scratch) as folder:
        home = Path(folder)
        base = record(revacnn, home)
        empty = statistics.median(run(revacnn.path, "--version").cpu_milliseconds for _ in range(arguments.rounds))
        measured = []
        for shape in SHAPES:
            for count in sorted(arguments.branches):
                store = home / f"{shape}-{count}"
                last = forks(base, store, shape, count)
                # What was written just now is looked at each time.
                time.sleep(SETTLED_SECONDS)
                place = ("--store", str(store))
                picture = ("--screenshot", str(home / "window.png"))
                looks: list[tuple[str, int, Callable[[], Cost]]] = [
                    ("find", arguments.rounds, lambda: run(Path("find"), str(store))),
                    ("log, first", 1, lambda: run(revacnn.path, "log", *place)),
                    ("log", arguments.rounds, lambda: run(revacnn.path, "log", *place)),
                    ("show", arguments.rounds, lambda: run(revacnn.path, "show", f"{last}@last", *place)),
                    ("view", 1, lambda: run(revacnn.path, "view", *picture, *place)),
                ]
                for name, rounds, look in looks:
                    costs = [look() for _ in range(rounds)]
                    own = 0.0 if name == "find" else empty
                    measured.append(
                        {
                            "shape": shape,
                            "branches": count,
                            "command": name,
                            "cpu_milliseconds": statistics.median(cost.cpu_milliseconds for cost in costs) - own,
                            "megabytes": max(cost.megabytes for cost in costs),
                        }
                    )
    print()
    print(table(measured))
    print(f"\nless {empty:.1f} ms, which the process takes to start; memory is the largest that it had")
    if arguments.json:
        content = {"machine": machine, "version": version, "start_milliseconds": empty, "measured": measured}
        report.write_json(arguments.json, content)


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--rounds", type=options.positive, default=3, help="[default: %(default)s]")
    parser.add_argument(
        "--branches",
        type=options.positive,
        nargs="+",
        default=[1_000, 10_000],
        help="how many branches a store has [default: 1000 10000]",
    )
    parser.add_argument("--scratch", type=Path, help="folder for the stores [default: the system's]")
    arguments = parser.parse_args()
    if min(arguments.branches) < 3:
        parser.error("--branches: expected at least 3, a run and two forks")
    return arguments


def record(revacnn: program.Program, home: Path) -> Path:
    """A store with a run and one fork of it."""
    network, store = home / "network.toml", home / "base"
    network.write_text(NETWORK)
    revacnn.train(store, network=str(network), steps=8)
    revacnn.fork(store, f"main@{FORK}", [], name="twin", steps=FORK + 2)
    return store


def forks(base: Path, store: Path, shape: str, count: int) -> str:
    """A store of so many branches: copies of the fork under other ids, each forked
    from the run or, in a chain, from the copy before it. Returns the last one's name."""
    records = [json.loads(path.read_text()) for path in base.glob("branches/*/branch.json")]
    main = next(one for one in records if one["name"] == "main")
    twin = next(one for one in records if one["name"] == "twin")
    folder = base / "branches" / f"branch={twin['id']}"
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    folders = [path.relative_to(folder) for path in folder.rglob("*") if path.is_dir()]
    store.mkdir()
    (store / "store.json").write_bytes((base / "store.json").read_bytes())
    original = base / "branches" / f"branch={main['id']}"
    for path in original.rglob("*"):
        target = store / "branches" / original.name / path.relative_to(original)
        if path.is_dir():
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    parent = main["id"]
    for number in range(1, count):
        made: dict[str, Any] = dict(twin, id=f"b{number:015x}", name=f"fork-{number}")
        made["parent"] = {"branch": parent, "step": FORK}
        made["created_unix_seconds"] = twin["created_unix_seconds"] + number
        own = store / "branches" / f"branch={made['id']}"
        own.mkdir()
        for path in folders:
            (own / path).mkdir(parents=True)
        for path, content in files.items():
            (own / path).write_bytes(content.replace(twin["id"].encode(), made["id"].encode()))
        (own / "branch.json").write_text(json.dumps(made, indent=2) + "\n")
        if shape == "chain":
            parent = made["id"]
    return f"fork-{count - 1}"


def run(path: Path, *arguments: str) -> Cost:
    """Runs the program to its end."""
    process = subprocess.Popen([path, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Missing(f"`{path.name} {' '.join(arguments)}` failed with exit code {process.returncode}")
    return Cost((usage.ru_utime + usage.ru_stime) * 1e3, usage.ru_maxrss / 1024)


def table(measured: list[dict[str, Any]]) -> str:
    """A row a command, shape and size; the last column is 1 where cost is linear."""
    rows = []
    for one in measured:
        same = [other for other in measured if (other["shape"], other["command"]) == (one["shape"], one["command"])]
        least = min(same, key=lambda other: other["branches"])
        each = one["cpu_milliseconds"] / one["branches"]
        ratio = each / (least["cpu_milliseconds"] / least["branches"]) if least["cpu_milliseconds"] > 0 else 0.0
        rows.append(
            [
                f"{one['command']}, {one['shape']}",
                f"{one['branches']:,}",
                f"{one['cpu_milliseconds']:,.0f}",
                f"{each * 1e3:.0f}",
                f"{one['megabytes']:.0f}",
                f"{ratio:.2f}" if one is not least else "–",
            ]
        )
    return report.table(("", "branches", "CPU ms", "µs a branch", "MB", "a branch, ÷ smallest"), rows)


if __name__ == "__main__":
    exit_with_message(main)
