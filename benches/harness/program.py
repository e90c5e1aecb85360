"""Runs of the `revacnn` program, from its own JSON events."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import Missing
from .images import Dataset

Event = dict[str, Any]

SGD = {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.9, "weight_decay": 1e-4}
"""Options of the measurements in which only speed and size matter."""


def default_path() -> Path:
    """Where `cargo build --release` leaves the program."""
    root = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("CARGO_TARGET_DIR") or root / "target") / "release" / "revacnn"


@dataclass(frozen=True)
class Run:
    """What a run said of itself."""

    epochs: list[Event]
    summary: Event

    @property
    def closing_seconds(self) -> float:
        """Time after the last step: sealing the log, then one evaluation."""
        return self.summary["total_seconds"] - self.summary["training_seconds"]


class Program:
    """The `revacnn` program with the data set that it trains on."""

    def __init__(self, path: Path, dataset: Dataset) -> None:
        if not path.is_file():
            raise Missing(f"no program at {path}: run `cargo build --release`, or give --revacnn PATH")
        self.path = path
        self.dataset = dataset

    def version(self) -> str:
        """What `revacnn --version` prints."""
        return self._run("--version").strip()

    def train(self, store: Path, **options: str | int | float | bool) -> Run:
        """Trains branch `main` of `store`. `batch_size=4` becomes `--batch-size 4`,
        `no_record=True` becomes `--no-record`."""
        return self._events("train", "--branch", "main", "--dataset", self.dataset.name, store=store, **options)

    def fork(self, store: Path, address: str, edits: list[str], **options: str | int | float | bool) -> Run:
        """Forks at an address with edits, and trains on; options as of `train`."""
        words = [word for edit in edits for word in ("--edit", edit)]
        return self._events("fork", address, *words, store=store, **options)

    def fork_only(self, store: Path, address: str, edits: list[str], name: str, threads: int) -> Event:
        """Forks without training on; what the fork says of itself."""
        words = [word for edit in edits for word in ("--edit", edit)]
        words += ["--name", name, "--threads", str(threads), "--store", str(store), "--json", *self._folder()]
        return json.loads(self._run("fork", address, *words).splitlines()[0])

    def verify(self, store: Path, branch: str, threads: int, **span: int) -> Event:
        """Executes steps again; `from` and `to` say which."""
        words = [word for name, step in span.items() for word in (f"--{name}", str(step))]
        words += ["--threads", str(threads), "--store", str(store), "--json", *self._folder()]
        return json.loads(self._run("verify", branch, *words))

    def evaluate(self, store: Path, address: str, split: str) -> Event:
        """Loss and accuracy of a step's weights on a split."""
        words = ["evaluate", address, "--store", str(store), "--split", split, "--json", *self._folder()]
        return json.loads(self._run(*words))

    def show(self, store: Path, address: str) -> Event:
        """What was recorded of a step."""
        return json.loads(self._run("show", address, "--store", str(store), "--json"))

    def embed(self, store: Path, addresses: list[str], layer: str) -> Event:
        """The joint embedding of a layer's weights at some addresses, with seed 0."""
        words = ["embed", *addresses, "--layer", layer, "--store", str(store), "--json", *self._folder()]
        return json.loads(self._run(*words))

    def _folder(self) -> list[str]:
        return [] if self.dataset.folder is None else ["--data", str(self.dataset.folder)]

    def _events(self, *words: str, store: Path, **options: str | int | float | bool) -> Run:
        arguments = [*words, "--store", str(store), "--json", *self._folder()]
        for name, value in options.items():
            if value is False:
                continue
            arguments.append("--" + name.replace("_", "-"))
            if value is not True:
                arguments.append(str(value))
        events = [json.loads(line) for line in self._run(*arguments).splitlines()]
        if not events or events[-1].get("event") != "summary":
            raise Missing(f"`{self.path.name} {' '.join(arguments)}` closed without an event \"summary\"")
        return Run([event for event in events if event["event"] == "epoch"], events[-1])

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([self.path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            command = " ".join([self.path.name, *arguments])
            raise Missing(f"`{command}` failed with exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout
