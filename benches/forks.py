"""What a fork, a verification, frozen layers and the two fidelities cost, from a long log.

The network is `paper` on `shapes` with one probe image. Forks are made at the log's
beginning, middle and end; their own time should not depend on where. See README.md.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness import images, options, program, report, store
from harness.errors import exit_with_message
from harness.program import Event

EDIT = "add-filter conv3"
FREEZE = ["freeze conv1", "freeze conv2"]
"""All convolutions of `paper` but the last."""
BATCH_SIZES = (4, 32, 128)
FIDELITIES = ("every", "keyframes")
RAW_BYTES = 4 * 2 * (22_466 + 22_794)
"""Bytes a step of weights, activations and their gradients as plain numbers."""
PARTS = ("editing", "creating", "committing", "validating")


def main() -> None:
    arguments = parse()
    dataset = images.cifar10_or_shapes(None)
    revacnn = program.Program(arguments.revacnn, dataset)
    machine = report.machine()
    version = revacnn.version()
    steps = arguments.steps
    print(
        f"{report.describe_machine(machine)}\n{version}\n"
        f"network paper on {dataset.name}, batch 4, {steps:,} steps, {arguments.threads} threads; "
        f"{arguments.rounds} forks a step, `{EDIT}`"
    )
    with tempfile.TemporaryDirectory(prefix="revacnn-forks-", dir=arguments.scratch) as folder:
        path = Path(folder) / "store"
        run = revacnn.train(path, network="paper", batch_size=4, steps=steps, threads=arguments.threads)
        print(f"trained in {run.summary['total_seconds']:.0f} s", flush=True)
        forks = fork_everywhere(revacnn, path, arguments)
        print("forked", flush=True)
        span = {"from": max(0, steps - arguments.verify), "to": steps}
        verified = revacnn.verify(path, "main", threads=arguments.threads, **span)
        print("verified", flush=True)
        freezing = [
            (freeze(revacnn, path, arguments, []), freeze(revacnn, path, arguments, FREEZE))
            for _ in range(arguments.rounds)
        ]
        fidelities = [
            fidelity(revacnn, Path(folder), arguments, kind, batch_size)
            for batch_size in BATCH_SIZES
            for kind in FIDELITIES
        ]
    print()
    print(fork_table(forks))
    print()
    print(verify_line(verified))
    print(freezing_line(freezing))
    print()
    print(fidelity_table(fidelities))
    if arguments.json:
        content = {
            "machine": machine,
            "version": version,
            "steps": steps,
            "threads": arguments.threads,
            "edit": EDIT,
            "training": run.summary,
            "forks": forks,
            "verify": verified,
            "freezing": [{"trained": trained, "frozen": frozen} for trained, frozen in freezing],
            "raw_bytes_a_step": RAW_BYTES,
            "fidelities": fidelities,
        }
        report.write_json(arguments.json, content)


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--steps", type=options.positive, help="steps of the long log [default: 20000]")
    parser.add_argument("--verify", type=options.positive, help="steps to verify, the last ones [default: 5400]")
    parser.add_argument("--sized", type=options.positive, help="steps of the logs that are sized [default: 600]")
    parser.add_argument("--rounds", type=options.positive, help="forks at every step [default: 5]")
    parser.add_argument("--reads", type=options.positive, help="steps to read of a log [default: 15]")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that everything runs")
    parser.add_argument("--threads", type=options.positive, default=2, help="[default: %(default)s]")
    parser.add_argument("--scratch", type=Path, help="folder for the stores, on the disk to be measured")
    arguments = parser.parse_args()
    for name, whole, quick in [
        ("steps", 20_000, 600),
        ("verify", 5_400, 300),
        ("sized", 600, 120),
        ("rounds", 5, 2),
        ("reads", 15, 3),
    ]:
        if getattr(arguments, name) is None:
            setattr(arguments, name, quick if arguments.quick else whole)
    return arguments


def fork_everywhere(revacnn: program.Program, path: Path, arguments: argparse.Namespace) -> list[Event]:
    """Round by round a fork at every step, so that a busy moment hits all."""
    steps = arguments.steps
    return [
        revacnn.fork_only(path, f"main@{step}", [EDIT], name=f"at-{step}-{number}", threads=arguments.threads)
        for number in range(arguments.rounds)
        for step in (min(10, steps), steps // 2, steps - 1)
    ]


def freeze(revacnn: program.Program, path: Path, arguments: argparse.Namespace, edits: list[str]) -> float:
    """Processor time a step, in ms, of a fork with these edits that trains on."""
    steps = arguments.sized
    run = revacnn.fork(path, f"main@{arguments.steps}", edits, steps=f"+{steps}", fidelity="keyframes", threads=1)
    return run.summary["cpu_seconds"] / steps * 1e3


def fidelity(
    revacnn: program.Program, folder: Path, arguments: argparse.Namespace, kind: str, batch_size: int
) -> dict[str, str | int | float]:
    """Size of a log, and the time of `show` for random steps of it."""
    path = folder / f"{kind}-{batch_size}"
    steps = arguments.sized
    revacnn.train(
        path, network="paper", batch_size=batch_size, steps=steps, threads=arguments.threads, fidelity=kind
    )
    draws = random.Random(0)
    seconds = []
    for _ in range(arguments.reads):
        step = draws.randint(1, steps)
        started = time.perf_counter()
        revacnn.show(path, f"main@{step}")
        seconds.append(time.perf_counter() - started)
    bytes_a_step = sum(store.table_bytes(path).values()) / steps
    return {"fidelity": kind, "batch_size": batch_size, "bytes_a_step": bytes_a_step, "show_seconds": seconds}


def milliseconds(values: Sequence[float]) -> str:
    """Median, with the lowest and the highest."""
    middle, lowest, highest = (value * 1e3 for value in (statistics.median(values), min(values), max(values)))
    return f"{middle:.0f} ({lowest:.0f}–{highest:.0f})"


def fork_table(forks: list[Event]) -> str:
    rows = []
    for step in sorted({fork["step"] for fork in forks}):
        here = [fork for fork in forks if fork["step"] == step]
        rows.append(
            [
                f"{step:,}",
                milliseconds([fork["forking_seconds"] for fork in here]),
                *(milliseconds([fork["parts_seconds"][part] for fork in here]) for part in PARTS),
                milliseconds([fork["whole_seconds"] for fork in here]),
                milliseconds([fork["bringing_forward_seconds"] for fork in here]),
                str(here[0]["recomputed"]),
                f"{here[0]['bytes']:,}",
            ]
        )
    heading = (
        "fork at step",
        "own, ms",
        *PARTS,
        "all of it, ms",
        "brought forward, ms",
        "steps recomputed",
        "bytes written",
    )
    return report.table(heading, rows)


def verify_line(verified: Event) -> str:
    steps = verified["to"] - verified["from"] + 1
    seconds, trained = verified["seconds"], verified["training_seconds"]
    return (
        f"verify of {steps:,} steps: {seconds:.1f} s; their updates took {trained:.1f} s while they were recorded "
        f"({seconds / trained:.2f}×)"
    )


def freezing_line(freezing: list[tuple[float, float]]) -> str:
    """The share is the median of the rounds' own shares."""
    trained, frozen = (statistics.median(values) for values in zip(*freezing))
    share = statistics.median(frozen / trained for trained, frozen in freezing)
    return (
        f"processor time a step: {trained:.2f} ms, and {frozen:.2f} ms with conv1 and conv2 frozen "
        f"({share:.2f}×; probe pass, log and closing evaluation included)"
    )


def fidelity_table(fidelities: list[dict]) -> str:
    rows = [
        [
            str(found["batch_size"]),
            found["fidelity"],
            f"{found['bytes_a_step']:,.0f}",
            f"{found['bytes_a_step'] / RAW_BYTES:.3f}",
            milliseconds(found["show_seconds"]),
        ]
        for found in fidelities
    ]
    return report.table(("batch", "fidelity", "bytes a step", "÷ raw", "`show` of a random step, ms"), rows)


if __name__ == "__main__":
    exit_with_message(main)
