"""What recording every step costs: CPU time and bytes a step, and bytes by table.

The network is `paper` with one probe image. Runs with and without the log take
turns; their difference is the cost. See README.md.
"""

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import images, options, program, report, store
from harness.errors import Missing, exit_with_message

PARAMETERS = 22_466
"""Weights and biases of `paper`."""
MAP_VALUES = 22_794
"""Values of every block's output for one image."""
RAW_BYTES = {
    "weights": 4 * PARAMETERS,
    "gradients": 4 * PARAMETERS,
    "activations": 4 * MAP_VALUES,
    "activation_gradients": 4 * MAP_VALUES,
}
"""Bytes a step of the tensors as plain 32-bit numbers, by table."""


@dataclass(frozen=True)
class Cost:
    """What one run took a step."""

    cpu_milliseconds: float
    wall_milliseconds: float


def main() -> None:
    arguments = parse()
    dataset = images.cifar10_or_shapes(arguments.data)
    steps = steps_to_train(dataset, arguments.batch_size, arguments.steps)
    revacnn = program.Program(arguments.revacnn, dataset)
    machine = report.machine()
    version = revacnn.version()
    print(
        f"{report.describe_machine(machine)}\n{version}\n"
        f"network paper on {dataset.name}, batch {arguments.batch_size}, {arguments.threads} thread(s), "
        f"{steps:,} steps; {arguments.rounds} rounds"
    )
    unrecorded: list[Cost] = []
    recorded: list[Cost] = []
    for number in range(1, arguments.rounds + 1):
        with tempfile.TemporaryDirectory(prefix="revacnn-log-", dir=arguments.scratch) as folder:
            path = Path(folder) / "store"
            without = train(revacnn, path, arguments, steps, no_record=True)
            with_log = train(revacnn, path, arguments, steps, no_record=False)
            check(revacnn, path, without, with_log)
            sizes = store.table_bytes(path)
        unrecorded.append(cost(without))
        recorded.append(cost(with_log))
        print(f"round {number} of {arguments.rounds} done", flush=True)
    print()
    print(cost_table(unrecorded, recorded))
    print()
    print(size_table(sizes, steps))
    print("\nchecked: the runs with and without the log have one digest, and `revacnn show` finds it at the last step")
    if arguments.json:
        content = {
            "machine": machine,
            "version": version,
            "dataset": dataset.name,
            "batch_size": arguments.batch_size,
            "threads": arguments.threads,
            "steps": steps,
            "raw_bytes_a_step": RAW_BYTES,
            "bytes_by_table": sizes,
            "summary": {"unrecorded": without.summary, "recorded": with_log.summary},
            "unrecorded": [vars(value) for value in unrecorded],
            "recorded": [vars(value) for value in recorded],
        }
        report.write_json(arguments.json, content)


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--rounds", type=options.positive, default=5, help="[default: %(default)s]")
    parser.add_argument("--batch-size", type=options.positive, default=4, help="[default: %(default)s]")
    parser.add_argument(
        "--threads",
        type=options.positive,
        default=1,
        help="threads of the training; the log has its own [default: %(default)s]",
    )
    parser.add_argument(
        "--steps", type=options.positive, help="steps of a run, within the first epoch [default: as many as fit]"
    )
    parser.add_argument(
        "--scratch", type=Path, help="folder for the stores, on the disk to be measured [default: the system's]"
    )
    return parser.parse_args()


def steps_to_train(dataset: images.Dataset, batch_size: int, asked: int | None) -> int:
    """Steps before the one that ends the first epoch, after which the recorded
    run alone would validate."""
    training, _ = dataset.images.split()
    most = (len(training) - 1) // batch_size
    if most < 1:
        raise Missing(f"--batch-size {batch_size} leaves no step within the first epoch of {len(training):,} images")
    if asked is not None and asked > most:
        raise Missing(f"--steps {asked}: expected at most {most}, to stay within the first epoch")
    return asked or most


def train(
    revacnn: program.Program, path: Path, arguments: argparse.Namespace, steps: int, no_record: bool
) -> program.Run:
    return revacnn.train(
        path,
        network="paper",
        batch_size=arguments.batch_size,
        steps=steps,
        threads=arguments.threads,
        no_record=no_record,
        **program.SGD,
    )


def cost(run: program.Run) -> Cost:
    """Until the log is complete on disk, with the closing evaluation that both
    kinds of runs make."""
    steps = run.summary["steps"]
    return Cost(run.summary["cpu_seconds"] / steps * 1e3, run.summary["total_seconds"] / steps * 1e3)


def check(revacnn: program.Program, path: Path, without: program.Run, with_log: program.Run) -> None:
    """Recorded or not, a run has the same bits, and the log has them too."""
    last, digest = with_log.summary["step"], with_log.summary["digest"]
    if without.summary["digest"] != digest:
        raise Missing(f"digests differ at step {last}: {without.summary['digest']} without the log, {digest} with it")
    shown = revacnn.show(path, f"main@{last}")
    if (shown["step"], shown["digest"]) != (last, digest):
        raise Missing(f"`revacnn show main@{last}` says step {shown['step']}, digest {shown['digest']}, not {digest}")
    filters = [one for layer in shown["layers"] for one in layer["filters"] if "weights" in one]
    found = sum(len(one["weights"]) + 1 for one in filters)
    if found != PARAMETERS:
        raise Missing(f"`revacnn show main@{last}` has {found} parameters, not {PARAMETERS}")


def cost_table(unrecorded: list[Cost], recorded: list[Cost]) -> str:
    """Medians over the rounds; the cost is the median of the rounds' differences."""
    rows = []
    for title, field in (("CPU ms a step", "cpu_milliseconds"), ("wall ms a step", "wall_milliseconds")):
        without = [getattr(value, field) for value in unrecorded]
        with_log = [getattr(value, field) for value in recorded]
        differences = [ours - base for ours, base in zip(with_log, without)]
        medians = [f"{statistics.median(values):.3f}" for values in (without, with_log, differences)]
        rows.append([title, *medians, f"{min(differences):.3f}–{max(differences):.3f}"])
    return report.table(("", "--no-record", "recorded", "cost of the log", "lowest–highest"), rows)


def size_table(sizes: dict[str, int], steps: int) -> str:
    """Bytes a step on disk, beside the tensors' own."""
    rows = []
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        raw = RAW_BYTES.get(name)
        share = "–" if raw is None else f"{size / (raw * steps):.3f}"
        rows.append([name, f"{size:,}", f"{size / steps:,.0f}", "–" if raw is None else f"{raw:,}", share])
    total, raw = sum(sizes.values()), sum(RAW_BYTES.values())
    rows.append(["all", f"{total:,}", f"{total / steps:,.0f}", f"{raw:,}", f"{total / (raw * steps):.3f}"])
    return report.table(("table", "bytes", "bytes a step", "raw bytes a step", "size ÷ raw"), rows)


if __name__ == "__main__":
    exit_with_message(main)
