"""How well and how fast thousands of points are embedded, beside openTSNE.

Embeds scikit-learn's digits, 1,797 images of 64 pixels, at a perplexity of 30. The programs
take turns, and one function computes everybody's divergence. See README.md.
"""

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import openTSNE
from openTSNE.affinity import PerplexityBasedNN
from sklearn.datasets import load_digits

from harness import options, report, runner
from harness.errors import exit_with_message

OURS = "revacnn"
PEER = "openTSNE"
PERPLEXITY = 30


@dataclass(frozen=True)
class Result:
    """One embedding."""

    name: str
    divergence: float
    seconds: float
    cpu_seconds: float


def main() -> None:
    arguments = parse()
    runner.check(arguments.runner, "samples")
    machine = report.machine()
    vectors = load_digits().data
    print(
        f"{report.describe_machine(machine)}\n{PEER} {openTSNE.__version__}\n"
        f"digits, {len(vectors)} points; perplexity {PERPLEXITY}; {arguments.rounds} rounds, {arguments.threads} threads"
    )
    joint = PerplexityBasedNN(vectors, perplexity=PERPLEXITY, method="exact", n_jobs=1).P.tocoo()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="revacnn-samples-") as folder:
        file = Path(folder) / "vectors.npy"
        np.save(file, vectors.astype(np.float32))
        for seed in range(arguments.rounds):
            results.append(ours(arguments, file, joint))
            results.append(peer(arguments, vectors, joint, seed))
    machine["load_average_after"] = os.getloadavg()[0]
    rows = []
    for name in [OURS, PEER]:
        found = [result for result in results if result.name == name]
        median = {key: statistics.median(getattr(each, key) for each in found) for key in asdict(found[0]) if key != "name"}
        rows.append([name, f"{median['divergence']:.4f}", f"{median['seconds']:.2f}", f"{median['cpu_seconds']:.2f}"])
    print()
    print(report.table(["program", "KL, median", "s, median", "CPU s"], rows))
    print(f"load average {machine['load_average_before']:.1f} before, {machine['load_average_after']:.1f} after")
    if arguments.json:
        content = {"machine": machine, "versions": {PEER: openTSNE.__version__}}
        report.write_json(arguments.json, content | {"results": [asdict(result) for result in results]})


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    runner.add_option(parser, "samples")
    parser.add_argument("--rounds", type=options.positive, default=5, help="[default: %(default)s]")
    parser.add_argument("--threads", type=options.positive, default=2, help="[default: %(default)s]")
    return parser.parse_args()


def ours(arguments: argparse.Namespace, file: Path, joint) -> Result:
    """One embedding by the runner; its processor time is that of the whole process."""
    [found], cpu = runner.run([arguments.runner, file, str(PERPLEXITY), str(arguments.threads), "1"])
    return Result(OURS, divergence(joint, np.array(found["positions"])), found["seconds"], cpu)


def peer(arguments: argparse.Namespace, vectors: np.ndarray, joint, seed: int) -> Result:
    """One embedding by openTSNE at its defaults, with exact neighbours."""
    model = openTSNE.TSNE(
        perplexity=PERPLEXITY, neighbors="exact", n_jobs=arguments.threads, random_state=seed
    )
    begin, cpu_begin = time.perf_counter(), time.process_time()
    found = model.fit(vectors)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu_begin
    return Result(PEER, divergence(joint, np.asarray(found)), seconds, cpu)


def divergence(joint, positions: np.ndarray) -> float:
    """Kullback-Leibler divergence of an embedding in nats, over all pairs."""
    kernel = lambda differences: 1 / (1 + (differences**2).sum(axis=-1))
    total = sum(kernel(positions - place).sum() for place in positions) - len(positions)
    some = joint.data > 0
    probability = joint.data[some]
    fitted = kernel(positions[joint.row[some]] - positions[joint.col[some]]) / total
    return float(np.sum(probability * np.log(probability / fitted)))


if __name__ == "__main__":
    exit_with_message(main)
