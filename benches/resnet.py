"""A residual network, `resnet8`, on CIFAR-10: loss, accuracy and images a second of
revacnn and PyTorch after as many updates with the same hyper-parameters. See README.md.
"""

import argparse
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness import images, options, program, pytorch, report
from harness.errors import exit_with_message

SGD = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4}
"""Of He et al. (2016), section 4.2."""
EVALUATED = 500
"""Images of a batch of PyTorch's evaluation."""


@dataclass(frozen=True)
class Result:
    """What came of one program with one seed."""

    program: str
    seed: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float
    images_per_second: float


class Block(nn.Module):
    """Two normalised 3×3 convolutions and a shortcut; a projection where the shape changes."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, filters, 3, stride, 1), nn.BatchNorm2d(filters))
        self.second = nn.Sequential(nn.Conv2d(filters, filters, 3, 1, 1), nn.BatchNorm2d(filters))
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, stride), nn.BatchNorm2d(filters))

    def forward(self, value: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(value))) + self.shortcut(value))


def resnet8() -> nn.Sequential:
    """As the preset is; weights N(0, 1/fan-in), biases zero."""
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU(),
        Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, images.CLASSES),
    )  # fmt: skip
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
            nn.init.zeros_(layer.bias)
    return network


def groups(network: nn.Module) -> list[dict]:
    """Weights decay; biases and scales of normalisations do not."""
    decayed = [layer.weight for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    known = {id(parameter) for parameter in decayed}
    others = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return [{"params": decayed, "weight_decay": SGD["weight_decay"]}, {"params": others, "weight_decay": 0.0}]


def main() -> None:
    arguments = parse()
    dataset = images.cifar10(arguments.data)
    revacnn = program.Program(arguments.revacnn, dataset)
    machine = report.machine()
    print(report.describe_machine(machine))
    print(f"{revacnn.version()}, {pytorch.version()}; {arguments.threads} threads, batch {arguments.batch_size}")
    training, validation = dataset.images.split()
    data = pytorch.Augmented(training), pytorch.Augmented(validation)
    results: list[Result] = []
    # By turns, so that what the machine does meanwhile meets both.
    for seed in range(arguments.seeds):
        results.append(of_revacnn(revacnn, arguments, seed, arguments.batch_size * arguments.updates))
        results.append(of_pytorch(*data, arguments, seed))
        print(f"seed {seed} done", flush=True)
    heading = ("program", "training loss", "validation loss", "accuracy %", "images/s")
    rows = []
    for name in dict.fromkeys(result.program for result in results):
        own = [result for result in results if result.program == name]
        rows.append([
            name,
            report.mean_and_deviation([result.training_loss for result in own], ".4f"),
            report.mean_and_deviation([result.validation_loss for result in own], ".4f"),
            report.mean_and_deviation([100 * result.validation_accuracy for result in own], ".2f"),
            report.mean_and_deviation([result.images_per_second for result in own], ",.0f"),
        ])
    print(f"\nresnet8 on {len(training):,} images after {arguments.updates:,} updates, SGD {SGD}\n")
    print(report.table(heading, rows))
    if arguments.json:
        report.write_json(arguments.json, {"machine": machine, "results": [asdict(result) for result in results]})


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--updates", type=options.positive, default=400, help="updates [default: %(default)s]")
    parser.add_argument("--batch-size", type=options.positive, default=64, help="[default: %(default)s]")
    parser.add_argument("--seeds", type=options.positive, default=1, help="runs of each [default: %(default)s]")
    parser.add_argument("--threads", type=options.positive, default=2, help="[default: %(default)s]")
    return parser.parse_args()


def of_revacnn(revacnn: program.Program, arguments: argparse.Namespace, seed: int, images_in_all: int) -> Result:
    """Trains without recording tensors, and evaluates as the program does at its end."""
    with tempfile.TemporaryDirectory(prefix="revacnn-resnet-") as folder:
        store = Path(folder) / "store"
        run = revacnn.train(
            store, network="resnet8", optimizer="sgd", batch_size=arguments.batch_size, steps=arguments.updates,
            seed=seed, threads=arguments.threads, fidelity="keyframes", validate_every=arguments.updates, **SGD,
        )  # fmt: skip
        address = f"main@{arguments.updates}"
        evaluation = revacnn.evaluate(store, address, "validation")
        # The mean loss of the last tenth, as beside it.
        first = arguments.updates - arguments.updates // 10 + 1
        losses = [revacnn.show(store, f"main@{step}")["loss"] for step in range(first, arguments.updates + 1, 4)]
        speed = images_in_all / run.summary["training_seconds"]
        return Result(
            "revacnn", seed, sum(losses) / len(losses), evaluation["loss"], evaluation["accuracy"], speed
        )  # fmt: skip


def of_pytorch(
    training: pytorch.Augmented, validation: pytorch.Augmented, arguments: argparse.Namespace, seed: int
) -> Result:
    """As many updates in eager mode."""
    torch.manual_seed(seed)
    torch.set_num_threads(arguments.threads)
    network = resnet8()
    optimizer = torch.optim.SGD(groups(network), lr=SGD["learning_rate"], momentum=SGD["momentum"])
    losses, done, batches = [], 0, iter(())
    started = time.perf_counter()
    while len(losses) < arguments.updates:
        batch = next(batches, None)
        if batch is None:
            batches = training.epoch(arguments.batch_size)
            continue
        pixels, labels = batch
        loss = F.cross_entropy(network(pixels), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        done += len(labels)
    speed = done / (time.perf_counter() - started)
    network.eval()
    with torch.no_grad():
        chunks = zip(validation.plain().split(EVALUATED), validation.labels.split(EVALUATED))
        outputs = [(F.cross_entropy(logits := network(pixels), labels, reduction="sum"), (logits.argmax(1) == labels).sum())
                   for pixels, labels in chunks]  # fmt: skip
    loss, right = (sum(value.item() for value in values) / len(validation) for values in zip(*outputs))
    last = losses[-(arguments.updates // 10) :]
    return Result("PyTorch", seed, sum(last) / len(last), loss, right, speed)


if __name__ == "__main__":
    exit_with_message(main)
