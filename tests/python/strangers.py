"""Reads a log with pyarrow and with DuckDB, and nothing of the project's own,
and compares it bit for bit with what `revacnn show --json` says.

    python strangers.py STORE < ANSWERS

ANSWERS has one answer of `revacnn show ADDRESS --json` a line. Prints one
line of JSON: how much was compared. Ends with an error at the first
difference.
"""

import collections
import glob
import json
import math
import os
import struct
import sys

import duckdb
import pyarrow.compute
import pyarrow.parquet

# The columns of a row's name; what is left of them and of `step` is compared.
KEYS = {
    "weights": ["layer", "filter", "born"],
    "gradients": ["layer", "filter", "born"],
    "activations": ["layer", "filter", "born", "image"],
    "activation_gradients": ["layer", "filter", "born", "image"],
    "normalisation": ["layer", "filter", "born"],
}
VALUES = {
    "weights": ["values", "bias"],
    "gradients": ["values", "bias"],
    "activations": ["values"],
    "activation_gradients": ["values"],
    "normalisation": ["running_mean", "running_variance"],
}
# Columns of `steps` that the answer has under the same name.
STEP_COLUMNS = [
    "step", "epoch", "offset", "images_seen", "batch_images", "loss", "decay_loss", "batch_accuracy",
    "live_accuracy", "learning_rate", "momentum", "weight_decay", "batch_size", "digest", "state_digest",
    "elapsed_nanos",
]


def bits(value):
    """Numbers as their 32 bits, so that -0 is not 0; JSON has null for what is not finite."""
    if isinstance(value, list):
        return [bits(element) for element in value]
    if isinstance(value, float):
        return struct.pack("<f", value) if math.isfinite(value) else None
    return value


def count(value):
    return sum(map(count, value)) if isinstance(value, list) else 1


def shown(answer):
    """The rows that an answer of `revacnn show` holds, by table."""
    rows = {table: {} for table in KEYS}
    for layer in answer["layers"]:
        for item in layer["filters"]:
            key = (layer["layer"], item["filter"], item["born"])
            if "weights" in item:
                rows["weights"][key] = [item["weights"], item["bias"]]
                rows["gradients"][key] = [item["gradients"], item["bias_gradient"]]
            for image in item.get("maps", []):
                rows["activations"][*key, image["image"]] = [image["activation"]]
                rows["activation_gradients"][*key, image["image"]] = [image["activation_gradient"]]
            if "running_mean" in item:
                rows["normalisation"][key] = [item["running_mean"], item["running_variance"]]
    return rows


class Pyarrow:
    def rows(self, files, columns, step):
        found = []
        for file in files:
            # Pages have the checksums that the format defines.
            table = pyarrow.parquet.ParquetFile(file, page_checksum_verification=True).read()
            table = table.filter(pyarrow.compute.field("step") == step)
            found += [[row[name] for name in columns] for row in table.to_pylist()]
        return found


class Duckdb:
    def rows(self, files, columns, step):
        names = ", ".join(f'"{name}"' for name in columns)
        return [list(row) for row in duckdb.execute(
            f"SELECT {names} FROM read_parquet($1) WHERE step = $2", [files, step]).fetchall()]


def files_with(branch, table, step):
    """The file that holds a step: a segment, or a part of the tail; told from its name."""
    def holds(name):
        first, last = name.split("-")
        return int(first) <= step <= int(last)
    segments = [path for path in sorted(glob.glob(f"{branch}/{table}/*.parquet"))
                if holds(os.path.basename(path).removesuffix(".parquet"))]
    parts = [path for path in sorted(glob.glob(f"{branch}/tail/*/{table}.parquet"))
             if holds(os.path.basename(os.path.dirname(path)))]
    return (segments, "segment") if segments else (parts, "tail")


def compare(store, answer, totals):
    branch, step = f"{store}/branches/branch={answer['id']}", answer["step"]
    assert not answer["recomputed"], f"step {step} was recomputed, not read"
    expected = shown(answer)
    for reader in [Pyarrow(), Duckdb()]:
        name = type(reader).__name__.lower()
        files, where = files_with(branch, "steps", step)
        scalars = reader.rows(files, STEP_COLUMNS, step)
        assert len(scalars) == 1, f"{name}: step {step} has {len(scalars)} rows in steps"
        for column, value in zip(STEP_COLUMNS, scalars[0]):
            assert bits(value) == bits(answer[column]), f"{name}: {column} of step {step}: {value}, {answer[column]}"
        for table, keys in KEYS.items():
            found = {}
            for row in reader.rows(files_with(branch, table, step)[0], keys + VALUES[table], step):
                key, values = tuple(row[:len(keys)]), row[len(keys):]
                assert key not in found, f"{name}: {table} {key} of step {step} is there twice"
                found[key] = values
            assert found.keys() == expected[table].keys(), f"{name}: rows of {table}, step {step}"
            for key, values in found.items():
                assert bits(values) == bits(expected[table][key]), f"{name}: {table} {key} of step {step}"
                totals["values"][table] += count(values)
        totals["compared"].append([name, where, step])


def once(store, totals):
    """The glob of the README over all branches: every row once, and every step as many."""
    for table, keys in KEYS.items():
        path = f"{store}/branches/*/{table}/*.parquet"
        names = ", ".join(f'"{name}"' for name in ["branch", "step", *keys])
        twice = duckdb.execute(
            f"SELECT {names} FROM read_parquet($1, hive_partitioning = true) GROUP BY {names} HAVING count(*) > 1",
            [path]).fetchall()
        assert not twice, f"{table}: there twice: {twice[:3]}"
        spans = duckdb.execute(
            """SELECT branch, min(step), max(step), count(DISTINCT step), count(*)
               FROM read_parquet($1, hive_partitioning = true) GROUP BY branch ORDER BY branch""", [path]).fetchall()
        for branch, first, last, steps, rows in spans:
            assert first == 0 and steps == last + 1, f"{table}: steps of {branch} have gaps"
            totals["spans"][branch].add((last, table))
            one = duckdb.execute(
                "SELECT count(*) FROM read_parquet($1, hive_partitioning = true) WHERE step = $2 AND branch = $3",
                [path, last, branch]).fetchone()[0]
            assert rows == one * steps, f"{table}: {rows} rows in {steps} steps with {one} rows each"


def main():
    store = sys.argv[1]
    totals = {"compared": [], "values": collections.Counter(), "spans": collections.defaultdict(set)}
    for line in sys.stdin:
        compare(store, json.loads(line), totals)
    once(store, totals)
    totals["spans"] = {branch: sorted(spans) for branch, spans in totals["spans"].items()}
    print(json.dumps(totals))


main()
