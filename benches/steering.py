"""The ReVACNN paper's steering experiment, with the two controls that it lacks.

`20-20-20` learns CIFAR-10; at an epoch's end a fork gets another filter in conv3 and
trains on. Beside it: the unedited twin, and `20-20-21` from scratch. See README.md.
"""

import argparse
import math
import statistics
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import images, options, program, report
from harness.errors import Missing, exit_with_message

EDITED, TWIN, SCRATCH = "20-20-20, then edited", "20-20-20, unedited twin", "20-20-21 from scratch"
RUNS = [EDITED, TWIN, SCRATCH]


@dataclass(frozen=True)
class Result:
    """Where a run stood at an epoch's end, on the validation images."""

    run: str
    seed: int
    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Tested:
    """What a run's step of the lowest validation loss does on the test images."""

    run: str
    seed: int
    step: int
    accuracy: float


def main() -> None:
    arguments = parse()
    if not arguments.fork_epoch < arguments.epochs:
        raise Missing(f"--fork-epoch {arguments.fork_epoch}: expected less than --epochs {arguments.epochs}")
    dataset = images.cifar10_or_shapes(arguments.data)
    training, validation = dataset.images.split()
    revacnn = program.Program(arguments.revacnn, dataset)
    machine = report.machine()
    version = revacnn.version()
    print(
        f"{report.describe_machine(machine)}\n{version}\n"
        f"{dataset.name} ({len(training):,} training and {len(validation):,} validation images), adadelta, "
        f"batch {arguments.batch_size}, {arguments.epochs} epochs, {arguments.seeds} seeds; "
        f"`{arguments.edit}` at the end of epoch {arguments.fork_epoch}"
    )
    results: list[Result] = []
    tested: list[Tested] = []
    for seed in range(arguments.seeds):
        with tempfile.TemporaryDirectory(prefix="revacnn-steering-", dir=arguments.scratch) as folder:
            one_seed(revacnn, Path(folder), arguments, seed, results, tested)
        print(f"seed {seed} done", flush=True)
    print()
    print(results_table(results, tested, arguments))
    if arguments.json:
        content = {
            "machine": machine,
            "version": version,
            "dataset": dataset.name,
            "training_images": len(training),
            "validation_images": len(validation),
            "edit": arguments.edit,
            "fork_epoch": arguments.fork_epoch,
            "results": [asdict(result) for result in results],
            "tested": [asdict(result) for result in tested],
        }
        report.write_json(arguments.json, content)


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--seeds", type=options.positive, default=3, help="[default: %(default)s]")
    parser.add_argument("--epochs", type=options.positive, default=20, help="epochs of a run [default: %(default)s]")
    parser.add_argument(
        "--fork-epoch", type=options.positive, default=15, help="epoch at whose end it forks [default: %(default)s]"
    )
    parser.add_argument("--edit", default="add-filter conv3", help="what the fork changes [default: %(default)s]")
    parser.add_argument("--batch-size", type=options.positive, default=4, help="[default: %(default)s]")
    parser.add_argument("--threads", type=options.positive, default=2, help="[default: %(default)s]")
    parser.add_argument("--scratch", type=Path, help="folder for the stores [default: the system's]")
    return parser.parse_args()


def one_seed(
    revacnn: program.Program,
    folder: Path,
    arguments: argparse.Namespace,
    seed: int,
    results: list[Result],
    tested: list[Tested],
) -> None:
    """All runs of a seed. The twin is the parent itself, trained on: a fork
    without an edit is its parent to the bit, which the tests show."""
    settings = {
        "optimizer": "adadelta",
        "batch_size": arguments.batch_size,
        "epochs": arguments.epochs,
        "seed": seed,
        "threads": arguments.threads,
        "fidelity": "keyframes",
    }
    steered, scratch = folder / "steered", folder / "scratch"
    twin = revacnn.train(steered, network="20-20-20", **settings)
    edited = revacnn.fork(
        steered,
        f"main@epoch:{arguments.fork_epoch}",
        [arguments.edit],
        name="edited",
        epochs=arguments.epochs,
        threads=arguments.threads,
    )
    alone = revacnn.train(scratch, network="20-20-21", **settings)
    for run, found, store, branch in [
        (TWIN, twin, steered, "main"),
        (EDITED, edited, steered, "edited"),
        (SCRATCH, alone, scratch, "main"),
    ]:
        for event in found.epochs:
            loss, accuracy = event["validation_loss"], event["validation_accuracy"]
            results.append(Result(run, seed, event["epoch"], loss, accuracy))
        best = revacnn.evaluate(store, f"{branch}@best", "test")
        tested.append(Tested(run, seed, best["step"], best["accuracy"]))


def results_table(results: list[Result], tested: list[Tested], arguments: argparse.Namespace) -> str:
    """Mean ± standard deviation over the seeds; differences edited − twin are
    of pairs of one seed, ± their standard error."""
    first, last = arguments.fork_epoch, arguments.epochs
    rows = []
    for epoch in [first, *sorted({first + 1, (first + last + 1) // 2, last})]:
        here = {run: [result for result in results if (result.run, result.epoch) == (run, epoch)] for run in RUNS}
        for run, found in here.items():
            if found:
                loss = report.mean_and_deviation([result.loss for result in found], ".4f")
                accuracy = report.mean_and_deviation([result.accuracy for result in found], ".2%")
                rows.append([str(epoch), run, loss, accuracy])
        if here[EDITED]:
            loss = paired([r.loss for r in here[EDITED]], [r.loss for r in here[TWIN]], ".4f")
            accuracy = paired([r.accuracy for r in here[EDITED]], [r.accuracy for r in here[TWIN]], ".2%")
            rows.append([str(epoch), "edited − twin", loss, accuracy])
    accuracies = {run: [result.accuracy for result in tested if result.run == run] for run in RUNS}
    for run, found in accuracies.items():
        rows.append(["best, test", run, "", report.mean_and_deviation(found, ".2%")])
    rows.append(["best, test", "edited − twin", "", paired(accuracies[EDITED], accuracies[TWIN], ".2%")])
    return report.table(["epoch", "run", "loss", "accuracy"], rows, left=2)


def paired(ours: list[float], theirs: list[float], form: str) -> str:
    """The mean of the differences of pairs, with its standard error."""
    differences = [left - right for left, right in zip(ours, theirs, strict=True)]
    mean = format(statistics.fmean(differences), "+" + form)
    if len(differences) == 1:
        return mean
    return f"{mean} ± {format(statistics.stdev(differences) / math.sqrt(len(differences)), form)}"


if __name__ == "__main__":
    exit_with_message(main)
