"""What `paper` learns of CIFAR-10 in revacnn and in PyTorch, several seeds each.

Both train with the optimizer and the batch that `revacnn train` has by default, or
with those that are given, on the same split with the same augmentation. Their
random draws differ, so that they agree within what seeds differ. See README.md.
"""

import argparse
import math
import statistics
import tempfile
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import images, options, program, pytorch, report, store
from harness.errors import Missing, exit_with_message
from harness.pytorch import F, torch

LOSS_STEPS = 500
"""The training loss is the mean over this many last steps."""
LIVE_IMAGES = 200
"""Live accuracy is over this many last images, each predicted before its update."""


@dataclass(frozen=True)
class Training:
    """What both programs train with."""

    batch_size: int
    optimizer: dict[str, Any]
    """The kind and its parameters, as a branch records them."""

    def __str__(self) -> str:
        parameters = ", ".join(f"{name} {value}" for name, value in self.optimizer.items() if name != "kind")
        return f"{self.optimizer['kind']} ({parameters}), batch {self.batch_size}"

    def in_pytorch(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """The same optimizer of PyTorch's."""
        values = dict(self.optimizer)
        kind = values.pop("kind")
        groups = pytorch.decayed(network, values.pop("weight_decay"))
        rate = values.pop("learning_rate")
        match kind:
            case "adadelta":
                return torch.optim.Adadelta(groups, lr=rate, rho=values.pop("rho"), eps=values.pop("epsilon"), **values)
            case "adam":
                betas = (values.pop("beta1"), values.pop("beta2"))
                return torch.optim.Adam(groups, lr=rate, betas=betas, eps=values.pop("epsilon"), **values)
            case "sgd":
                return torch.optim.SGD(groups, lr=rate, **values)
        raise Missing(f"expected an optimizer that PyTorch has (adadelta, adam, sgd), found {kind}")


@dataclass(frozen=True)
class Result:
    """Where a run stood at an epoch's end."""

    program: str
    seed: int
    epoch: int
    train_loss: float
    live_accuracy: float
    validation_loss: float
    validation_accuracy: float


def main() -> None:
    arguments = parse()
    dataset = images.cifar10(arguments.data)
    revacnn = program.Program(arguments.revacnn, dataset)
    training, validation = dataset.images.split()
    machine = report.machine()
    versions = {"revacnn": revacnn.version(), "pytorch": pytorch.version()}
    asked = {} if arguments.optimizer is None else {"optimizer": arguments.optimizer}
    asked |= {} if arguments.batch_size is None else {"batch_size": arguments.batch_size}
    chosen = training_of(revacnn, asked)
    print(
        f"{report.describe_machine(machine)}\n{', '.join(versions.values())}\n"
        f"network paper, {len(training):,} training and {len(validation):,} validation images of CIFAR-10; {chosen}; "
        f"{arguments.epochs} epochs, {arguments.seeds} seeds"
    )
    results: list[Result] = []
    for seed in range(arguments.seeds):
        results += train_revacnn(revacnn, asked, seed, arguments.epochs, arguments.threads)
        results += train_pytorch(training, validation, chosen, seed, arguments.epochs, arguments.threads)
        print(f"seed {seed} done", flush=True)
    print()
    print(results_table(results))
    if arguments.json:
        content = {
            "machine": machine,
            "versions": versions,
            "training": asdict(chosen),
            "training_images": len(training),
            "validation_images": len(validation),
            "results": [asdict(result) for result in results],
        }
        report.write_json(arguments.json, content)


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--seeds", type=options.positive, default=3, help="runs of each program [default: %(default)s]")
    parser.add_argument("--epochs", type=options.positive, default=20, help="[default: %(default)s]")
    parser.add_argument("--optimizer", metavar="KIND[,NAME=VALUE]…", help="[default: that of `revacnn train`]")
    parser.add_argument("--batch-size", type=options.positive, help="images a batch [default: that of `revacnn train`]")
    parser.add_argument(
        "--threads", type=options.positive, default=1, help="threads of each program [default: %(default)s]"
    )
    return parser.parse_args()


def training_of(revacnn: program.Program, asked: dict[str, Any]) -> Training:
    """What `revacnn train` trains with, as its branch records it."""
    with tempfile.TemporaryDirectory(prefix="revacnn-accuracy-") as folder:
        path = Path(folder) / "store"
        revacnn.train(path, network="paper", steps=1, **asked)
        definition = store.definition(path)
    return Training(definition["batch_size"], definition["optimizer"])


def train_revacnn(
    revacnn: program.Program, asked: dict[str, Any], seed: int, epochs: int, threads: int
) -> list[Result]:
    """Training losses and live accuracies come from the recorded table `steps`."""
    with tempfile.TemporaryDirectory(prefix="revacnn-accuracy-") as folder:
        path = Path(folder) / "store"
        run = revacnn.train(
            path,
            network="paper",
            epochs=epochs,
            seed=seed,
            threads=threads,
            fidelity="keyframes",
            **asked,
        )
        losses, live_accuracies = store.step_columns(path, "loss", "live_accuracy")
    if len(run.epochs) != epochs:
        raise Missing(f"expected {epochs} events \"epoch\" of `revacnn train --json`, found {len(run.epochs)}")
    return [
        Result(
            program="revacnn",
            seed=seed,
            epoch=event["epoch"],
            # Step 0, the state before any update, has no loss.
            train_loss=statistics.fmean(losses[1 : event["step"] + 1][-LOSS_STEPS:]),
            live_accuracy=live_accuracies[event["step"]],
            validation_loss=event["validation_loss"],
            validation_accuracy=event["validation_accuracy"],
        )
        for event in run.epochs
    ]


def train_pytorch(
    training: images.Images, validation: images.Images, chosen: Training, seed: int, epochs: int, threads: int
) -> list[Result]:
    """The same training, said with PyTorch's modules and optimizer."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    augmented, held_out = pytorch.Augmented(training), pytorch.Augmented(validation)
    network = pytorch.paper()
    optimizer = chosen.in_pytorch(network)
    losses: deque[float] = deque(maxlen=LOSS_STEPS)
    correct: deque[bool] = deque(maxlen=LIVE_IMAGES)
    results = []
    for epoch in range(1, epochs + 1):
        for pixels, labels in augmented.epoch(chosen.batch_size):
            logits = network(pixels)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            correct.extend((logits.argmax(1) == labels).tolist())
        with torch.no_grad():
            logits = network(held_out.plain())
        results.append(
            Result(
                program="PyTorch",
                seed=seed,
                epoch=epoch,
                train_loss=statistics.fmean(losses),
                live_accuracy=statistics.fmean(correct),
                validation_loss=F.cross_entropy(logits, held_out.labels).item(),
                validation_accuracy=(logits.argmax(1) == held_out.labels).float().mean().item(),
            )
        )
    return results


COLUMNS = {
    "train_loss": (f"train loss (last {LOSS_STEPS} steps)", ".4f"),
    "live_accuracy": (f"live accuracy (last {LIVE_IMAGES} images)", ".1%"),
    "validation_loss": ("validation loss", ".4f"),
    "validation_accuracy": ("validation accuracy", ".1%"),
}


def results_table(results: list[Result]) -> str:
    """Mean ± standard deviation over the seeds; differences ± their standard error."""
    rows = []
    for epoch in sorted({result.epoch for result in results}):
        here = [result for result in results if result.epoch == epoch]
        groups = {
            name: {column: [getattr(result, column) for result in here if result.program == name] for column in COLUMNS}
            for name in ("revacnn", "PyTorch")
        }
        for name, group in groups.items():
            cells = [report.mean_and_deviation(group[column], form) for column, (_, form) in COLUMNS.items()]
            rows.append([str(epoch), name, *cells])
        cells = [
            difference(groups["revacnn"][column], groups["PyTorch"][column], form)
            for column, (_, form) in COLUMNS.items()
        ]
        rows.append([str(epoch), "difference", *cells])
    heading = ["epoch", "program", *(title for title, _ in COLUMNS.values())]
    return report.table(heading, rows, left=2)


def difference(ours: list[float], theirs: list[float], form: str) -> str:
    """Difference of the means, with the standard error that the seeds give it."""
    between = format(statistics.fmean(ours) - statistics.fmean(theirs), "+" + form)
    if len(ours) == 1:
        return between
    error = math.sqrt(statistics.variance(ours) / len(ours) + statistics.variance(theirs) / len(theirs))
    return f"{between} ± {format(error, form)}"


if __name__ == "__main__":
    exit_with_message(main)
