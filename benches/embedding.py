"""How well and how fast the 20 filters of a layer are embedded, beside scikit-learn and openTSNE.

Trains `20-20-20`, reads filters back from the log, and embeds them at one perplexity
with ten seeds: those of one step, and those of an edited and an unedited branch together.
One function computes everybody's divergence. See README.md.
"""

import argparse
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import openTSNE
import sklearn
from sklearn.manifold import TSNE

from harness import images, options, program, report, runner
from harness.errors import Missing, exit_with_message

OURS = "revacnn"
LAYERS = ["conv1", "conv2", "conv3"]
EDIT = "add-filter conv3"
JOINT = ["conv2", "conv3"]


@dataclass(frozen=True)
class Result:
    """One embedding of a layer's filters."""

    layer: str
    name: str
    seed: int
    divergence: float
    reported: float
    seconds: float
    cpu_seconds: float


def main() -> None:
    arguments = parse()
    runner.check(arguments.runner, "tsne")
    warnings.filterwarnings("ignore", category=FutureWarning)
    dataset = images.cifar10_or_shapes(arguments.data)
    revacnn = program.Program(arguments.revacnn, dataset)
    machine = report.machine()
    versions = {OURS: revacnn.version(), "scikit-learn": sklearn.__version__, "openTSNE": openTSNE.__version__}
    print(
        f"{report.describe_machine(machine)}\n"
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}\n"
        f"20-20-20 on {dataset.name}, step {arguments.steps}; {arguments.seeds} seeds, one thread; "
        f"joint: with its fork at step {arguments.steps // 2}, `{EDIT}`"
    )
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="revacnn-embedding-") as folder:
        store = Path(folder) / "store"
        revacnn.train(store, network="20-20-20", steps=arguments.steps, fidelity="keyframes")
        shown = revacnn.show(store, f"main@{arguments.steps}")
        for layer in (layer for layer in shown["layers"] if layer["layer"] in LAYERS):
            for of in ["weights", "gradients"]:
                vectors = np.array([each[of] for each in layer["filters"]], dtype=np.float32)
                # Filters that are dead have equal gradients, zeros: no two peers rank such ties alike.
                vectors = vectors[np.any(vectors != 0, axis=1)]
                embed_with_all(f"{layer['layer']} {of}", vectors, arguments, Path(folder), results)
                print(f"{layer['layer']} {of} done", flush=True)
        fork_at = f"main@{arguments.steps // 2}"
        revacnn.fork(store, fork_at, [EDIT], name="edited", steps=arguments.steps)
        addresses = [f"main@{arguments.steps}", f"edited@{arguments.steps}"]
        both = [shown, revacnn.show(store, addresses[1])]
        for name in JOINT:
            vectors = aligned(both, name)
            ours = embed_with_all(f"{name} weights, joint", vectors, arguments, Path(folder), results)
            check_joint(revacnn.embed(store, addresses, name), ours)
            print(f"{name} weights of both branches done: {len(vectors)} points", flush=True)
    machine["load_average_after"] = os.getloadavg()[0]
    print()
    print(results_table(results))
    print(f"load average {machine['load_average_before']:.1f} before, {machine['load_average_after']:.1f} after")
    print("\nKL: divergence in nats, by one function for all. Off: largest difference from what a program reports.")
    if arguments.json:
        content = {"machine": machine, "versions": versions, "dataset": dataset.name}
        report.write_json(arguments.json, content | {"results": [asdict(result) for result in results]})


def parse() -> argparse.Namespace:
    parser = options.parser(__doc__)
    runner.add_option(parser, "tsne")
    parser.add_argument("--steps", type=options.positive, default=3000, help="steps trained [default: %(default)s]")
    parser.add_argument("--seeds", type=options.positive, default=10, help="[default: %(default)s]")
    return parser.parse_args()


def aligned(addresses: list[program.Event], name: str) -> np.ndarray:
    """The weights of a layer's filters at all addresses. Their coefficients are matched by
    the identity of the filter that they read; what an address lacks is zero."""
    places: dict[tuple[str | None, int], int] = {}
    found = []
    for shown in addresses:
        names = [layer["layer"] for layer in shown["layers"]]
        layer, before = (shown["layers"][names.index(name) - back] for back in (0, 1))
        inputs = [(each["born"], each["filter"]) for each in before["filters"]]
        for each in inputs:
            places.setdefault(each, len(places))
        found.append((inputs, np.array([each["weights"] for each in layer["filters"]], dtype=np.float32)))
    vectors = []
    for inputs, weights in found:
        kernels = weights.reshape(len(weights), len(inputs), -1)
        placed = np.zeros((len(weights), len(places), kernels.shape[2]), dtype=np.float32)
        placed[:, [places[each] for each in inputs]] = kernels
        vectors.append(placed.reshape(len(weights), -1))
    return np.concatenate(vectors)


def check_joint(figure: program.Event, ours: list[np.ndarray]) -> None:
    """What `revacnn embed` draws must be what was measured, to the bit."""
    drawn = np.array([point["position"] for point in figure["points"]])
    if not np.array_equal(drawn, ours[0]):
        raise Missing(f"`revacnn embed` placed the points of {figure['title']!r} elsewhere than its runner")


def embed_with_all(
    layer: str, vectors: np.ndarray, arguments: argparse.Namespace, folder: Path, results: list[Result]
) -> list[np.ndarray]:
    """All programs in turn, at a third of the others as perplexity; our positions, a seed each."""
    perplexity = (len(vectors) - 1) / 3
    joint = affinities(vectors.astype(np.float64), perplexity)
    file = folder / "vectors.npy"
    np.save(file, vectors)
    embeddings, cpu = runner.run([arguments.runner, file, repr(perplexity), str(arguments.seeds)])
    # The runner embeds once more, before it looks at the clock.
    cpu /= arguments.seeds + 1
    ours = []
    for found in embeddings:
        ours.append(np.array(found["positions"]))
        own = divergence(joint, ours[-1])
        results.append(Result(layer, OURS, found["seed"], own, found["kl_divergence"], found["seconds"], cpu))
    for name, embed in peers(vectors.astype(np.float64), perplexity).items():
        for seed in range(arguments.seeds):
            begin, cpu_begin = time.perf_counter(), time.process_time()
            positions, reported = embed(seed)
            seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu_begin
            results.append(Result(layer, name, seed, divergence(joint, positions), reported, seconds, cpu))
    return ours


def peers(vectors: np.ndarray, perplexity: float) -> dict[str, Callable[[int], tuple[np.ndarray, float]]]:
    """The peers at their defaults, but exact, from both of their starts."""

    def scikit_learn(init: str, seed: int) -> tuple[np.ndarray, float]:
        model = TSNE(perplexity=perplexity, method="exact", init=init, random_state=seed)
        return model.fit_transform(vectors), float(model.kl_divergence_)

    def open_tsne(init: str, seed: int) -> tuple[np.ndarray, float]:
        # No approximation: all neighbours, and no cell of the tree taken as one point.
        model = openTSNE.TSNE(
            perplexity=perplexity,
            initialization=init,
            neighbors="exact",
            negative_gradient_method="bh",
            theta=0,
            n_jobs=1,
            random_state=seed,
        )
        found = model.fit(vectors)
        return np.asarray(found), float(found.kl_divergence)

    return {
        "scikit-learn, pca": lambda seed: scikit_learn("pca", seed),
        "scikit-learn, random": lambda seed: scikit_learn("random", seed),
        "openTSNE, pca": lambda seed: open_tsne("pca", seed),
        "openTSNE, random": lambda seed: open_tsne("random", seed),
    }


def affinities(vectors: np.ndarray, perplexity: float) -> np.ndarray:
    """Joint probabilities at a perplexity, by bisection."""
    points = len(vectors)
    distances = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
    conditional = np.zeros((points, points))
    for point in range(points):
        others = np.arange(points) != point
        away = distances[point, others] - distances[point, others].min()
        low, high = 0.0, 1e6 / away.max()
        for _ in range(200):
            precision = (low + high) / 2
            row = np.exp(-precision * away)
            row /= row.sum()
            entropy = -np.sum(row[row > 0] * np.log(row[row > 0]))
            low, high = (precision, high) if entropy > np.log(perplexity) else (low, precision)
        conditional[point, others] = row
    return (conditional + conditional.T) / (2 * points)


def divergence(joint: np.ndarray, positions: np.ndarray) -> float:
    """Kullback-Leibler divergence of an embedding in nats."""
    positions = positions.astype(np.float64)
    kernel = 1 / (1 + ((positions[:, None] - positions[None]) ** 2).sum(axis=2))
    np.fill_diagonal(kernel, 0)
    fitted = kernel / kernel.sum()
    some = joint > 0
    return float(np.sum(joint[some] * np.log(joint[some] / fitted[some])))


def results_table(results: list[Result]) -> str:
    """A row a layer and program."""
    rows = []
    for layer, name in dict.fromkeys((result.layer, result.name) for result in results):
        found = [result for result in results if (result.layer, result.name) == (layer, name)]
        divergences = [result.divergence for result in found]
        rows.append([
            layer,
            name,
            f"{min(divergences):.4f}",
            f"{statistics.median(divergences):.4f}",
            f"{1000 * statistics.median(result.seconds for result in found):.1f}",
            f"{1000 * statistics.median(result.cpu_seconds for result in found):.1f}",
            f"{max(abs(result.divergence - result.reported) for result in found):.0e}",
        ])
    return report.table(["filters", "program", "KL, best", "KL, median", "ms, median", "CPU ms", "off"], rows, left=2)


if __name__ == "__main__":
    exit_with_message(main)
