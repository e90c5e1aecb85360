"""Images a second of revacnn, PyTorch and ConvNetJS on the network `paper`.

Every program is measured once in each round, one after the other, so that what
the machine does meanwhile meets all of them. See README.md.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import images, options, program, pytorch, report
from harness.convnetjs import ConvNetJs
from harness.errors import exit_with_message

BATCH_SIZES = (4, 32, 128)
THREADS = (1, 2)

UNRECORDED = "revacnn --no-record"
RECORDED = "revacnn, every step recorded"
PYTORCH = "PyTorch eager"
PYTORCH_CHANNELS_LAST = "PyTorch eager, channels_last"
CONVNETJS = "ConvNetJS"
DENSE_LIMIT = "dense limit"
"""Images a second if all arithmetic of an image ran as fast as a large convolution."""


@dataclass(frozen=True)
class Measurement:
    """One program, once."""

    round: int
    threads: int
    batch_size: int
    program: str
    images_per_second: float


def main() -> None:
    arguments = parse()
    dataset = images.cifar10_or_shapes(arguments.data)
    with ExitStack() as stack:
        measuring = Measuring(arguments, dataset, stack)
        print(measuring.heading())
        measurements = list(measuring.rounds())
    rows = summarise(measurements)
    print()
    print(report.table(HEADING, [row.cells() for row in rows if row.program != DENSE_LIMIT], left=3))
    print()
    print(dense_limit_lines(rows))
    if measuring.augmentation_microseconds:
        shares = ", ".join(f"{us:.1f} (batch {batch})" for batch, us in measuring.augmentation_microseconds.items())
        print(f"of PyTorch's time, augmentation takes {shares} µs an image with 1 thread")
    if arguments.json:
        content = {
            "machine": measuring.machine,
            "versions": measuring.versions,
            "dataset": dataset.name,
            "dense_flops_an_image": pytorch.dense_flops_an_image(),
            "augmentation_microseconds_an_image": measuring.augmentation_microseconds,
            "table": [asdict(row) for row in rows],
            "measurements": [asdict(measurement) for measurement in measurements],
        }
        report.write_json(arguments.json, content)


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--rounds", type=options.positive, help="rounds [default: 5, or 2 if --quick]")
    parser.add_argument("--quick", action="store_true", help="short rounds, to see that everything runs")
    parser.add_argument(
        "--skip", action="append", default=[], choices=["revacnn", "pytorch", "convnetjs"], help="leave a program out"
    )
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(__file__).with_name(".peers"),
        help="the folder that setup.sh made [default: %(default)s]",
    )
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 5)
    return arguments


class Measuring:
    """The programs, ready to be measured."""

    def __init__(self, arguments: argparse.Namespace, dataset: images.Dataset, stack: ExitStack) -> None:
        self.arguments = arguments
        self.dataset = dataset
        self.seconds = 0.2 if arguments.quick else 1.0
        self.machine = report.machine()
        self.versions: dict[str, str] = {}
        self.augmentation_microseconds: dict[int, float] = {}
        self.revacnn_images = _whole_batches(dataset, arguments.quick)
        training, _ = dataset.images.split()
        self.revacnn = self.convnetjs = None
        self.pytorch: dict[tuple[int, bool], pytorch.Training] = {}
        if "revacnn" not in arguments.skip:
            self.revacnn = program.Program(arguments.revacnn, dataset)
            self.versions["revacnn"] = self.revacnn.version()
        if "convnetjs" not in arguments.skip:
            peer = ConvNetJs(arguments.peers, training)
            self.versions["convnetjs"] = peer.version()
            self.convnetjs = stack.enter_context(peer)
        if "pytorch" not in arguments.skip:
            augmented = pytorch.Augmented(training)
            self.versions["pytorch"] = pytorch.version()
            for batch_size in BATCH_SIZES:
                per_image = pytorch.augmentation_seconds_an_image(augmented, batch_size)
                self.augmentation_microseconds[batch_size] = per_image * 1e6
                for channels_last in (False, True):
                    self.pytorch[batch_size, channels_last] = pytorch.Training(augmented, batch_size, channels_last)

    def heading(self) -> str:
        """What is measured, where, and against whom."""
        versions = ", ".join(self.versions.values())
        return (
            f"{report.describe_machine(self.machine)}\n{versions}\n"
            f"network paper on {self.dataset.name} (peers: {self.dataset.peers_images}), SGD with momentum and decay, "
            f"augmentation included; {self.arguments.rounds} rounds"
        )

    def rounds(self) -> Iterator[Measurement]:
        """Every program in every setting, round by round."""
        for number in range(1, self.arguments.rounds + 1):
            for threads in THREADS:
                limit = pytorch.large_convolution_flops(threads, self.seconds) / pytorch.dense_flops_an_image()
                for batch_size in BATCH_SIZES:
                    yield Measurement(number, threads, batch_size, DENSE_LIMIT, limit)
                    for name, measure in self.programs(threads, batch_size):
                        yield Measurement(number, threads, batch_size, name, measure())
            print(f"round {number} of {self.arguments.rounds} done", flush=True)

    def programs(self, threads: int, batch_size: int) -> Iterator[tuple[str, Callable[[], float]]]:
        """The programs that can run in this setting, in the order of measuring."""
        if self.revacnn:
            closing: list[float] = []
            yield UNRECORDED, lambda: self.measure_unrecorded(threads, batch_size, closing)
            yield RECORDED, lambda: self.measure_recorded(threads, batch_size, closing[0])
        for channels_last, name in ((False, PYTORCH), (True, PYTORCH_CHANNELS_LAST)):
            if training := self.pytorch.get((batch_size, channels_last)):
                yield name, lambda training=training: training.images_per_second(threads, self.seconds)
        if self.convnetjs and threads == 1:
            yield CONVNETJS, lambda: self.convnetjs.images_per_second(batch_size, self.seconds)

    def measure_unrecorded(self, threads: int, batch_size: int, closing: list[float]) -> float:
        """Training alone; leaves the time of the closing evaluation in `closing`."""
        run = self.train(threads, batch_size, no_record=True)
        closing.append(run.closing_seconds)
        return run.summary["images"] / run.summary["training_seconds"]

    def measure_recorded(self, threads: int, batch_size: int, evaluation_seconds: float) -> float:
        """Training until the log is complete on disk: both runs close with the
        same evaluation, and what a recorded one takes longer is its log."""
        run = self.train(threads, batch_size, no_record=False)
        sealing = max(0.0, run.closing_seconds - evaluation_seconds)
        return run.summary["images"] / (run.summary["training_seconds"] + sealing)

    def train(self, threads: int, batch_size: int, no_record: bool) -> program.Run:
        with tempfile.TemporaryDirectory(prefix="revacnn-throughput-") as folder:
            return self.revacnn.train(
                Path(folder) / "store",
                network="paper",
                batch_size=batch_size,
                steps=self.revacnn_images // batch_size,
                threads=threads,
                no_record=no_record,
                **program.SGD,
            )


def _whole_batches(dataset: images.Dataset, quick: bool) -> int:
    """Images that are whole batches of every size and less than an epoch, because
    a recorded run validates at an epoch's end."""
    training, _ = dataset.images.split()
    most = len(training) // 8 if quick else len(training) - 1
    return most // max(BATCH_SIZES) * max(BATCH_SIZES)


@dataclass(frozen=True)
class Row:
    """One program in one setting, over all rounds."""

    threads: int
    batch_size: int
    program: str
    median: float
    lowest: float
    highest: float
    times_pytorch: float | None
    times_pytorch_channels_last: float | None
    revacnn_times_this: float | None
    times_dense_limit: float

    def cells(self) -> list[str]:
        def times(value: float | None) -> str:
            if value is None:
                return "–"
            digits = 3 if value < 0.1 else 2 if value < 99.5 else 0
            return f"{value:.{digits}f}×"

        return [
            str(self.threads),
            str(self.batch_size),
            self.program,
            f"{self.median:,.0f}",
            f"{self.lowest:,.0f}–{self.highest:,.0f}",
            times(self.times_pytorch),
            times(self.times_pytorch_channels_last),
            times(self.revacnn_times_this),
            times(self.times_dense_limit),
        ]


HEADING = (
    "threads",
    "batch",
    "program",
    "images/s",
    "lowest–highest",
    "× PyTorch",
    "× channels_last",
    "revacnn ÷ this",
    "× dense limit",
)


def summarise(measurements: list[Measurement]) -> list[Row]:
    """Medians over the rounds; a ratio is the median of the rounds' own ratios."""
    settings: dict[tuple[int, int], dict[str, list[float]]] = {}
    for measured in measurements:
        programs = settings.setdefault((measured.threads, measured.batch_size), {})
        programs.setdefault(measured.program, []).append(measured.images_per_second)
    rows = []
    for (threads, batch_size), programs in settings.items():

        def ratio(values: list[float] | None, others: list[float] | None) -> float | None:
            if values is None or others is None:
                return None
            return statistics.median(value / other for value, other in zip(values, others))

        for name, values in programs.items():
            rows.append(
                Row(
                    threads=threads,
                    batch_size=batch_size,
                    program=name,
                    median=statistics.median(values),
                    lowest=min(values),
                    highest=max(values),
                    times_pytorch=ratio(values, programs.get(PYTORCH)),
                    times_pytorch_channels_last=ratio(values, programs.get(PYTORCH_CHANNELS_LAST)),
                    revacnn_times_this=ratio(programs.get(UNRECORDED), values),
                    times_dense_limit=ratio(values, programs[DENSE_LIMIT]),
                )
            )
    return rows


def dense_limit_lines(rows: list[Row]) -> str:
    """What "× dense limit" compares with, whatever the batch."""
    flops = pytorch.dense_flops_an_image()
    lines = []
    for threads in THREADS:
        row = next(row for row in rows if row.program == DENSE_LIMIT and row.threads == threads)
        speed, lowest, highest = (f"{value * flops / 1e9:.0f}" for value in (row.median, row.lowest, row.highest))
        lines.append(
            f"dense limit, {threads} thread{'s' * (threads > 1)}: {row.median:,.0f} images/s, "
            f"from a large convolution at {speed} GFLOP/s ({lowest}–{highest}) "
            f"and {flops / 1e6:.2f} MFLOP of dense work an image"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    exit_with_message(main)
