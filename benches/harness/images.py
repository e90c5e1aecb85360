"""CIFAR-10's binary files, split as the program splits them."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import Missing

CLASSES = 10
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32
HOLDOUT_EVERY = 10
"""Images with `index % 10 == 9` are held out for validation."""

FOLDER = "cifar-10-batches-bin"
SHAPES_TRAIN_IMAGES = 6_000
"""Training images of the program's embedded data set `shapes`."""


@dataclass(frozen=True)
class Images:
    """Bytes `[image][channel][row][column]` with one label each."""

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def split(self) -> tuple["Images", "Images"]:
        """Training and validation images."""
        held_out = np.arange(len(self)) % HOLDOUT_EVERY == HOLDOUT_EVERY - 1
        return self._where(~held_out), self._where(held_out)

    def records(self) -> bytes:
        """The images in CIFAR-10's binary format."""
        table = np.empty((len(self), RECORD), np.uint8)
        table[:, 0] = self.labels
        table[:, 1:] = self.pixels.reshape(len(self), -1)
        return table.tobytes()

    def _where(self, mask: np.ndarray) -> "Images":
        return Images(self.pixels[mask], self.labels[mask])


@dataclass(frozen=True)
class Dataset:
    """What the program is asked to train on, and the same for the peers."""

    name: str
    folder: Path | None
    images: Images
    """The training part, with the images held out for validation."""

    @property
    def peers_images(self) -> str:
        """What the peers train on, for a heading."""
        return "the same images" if self.folder else "random pixels of the same shape and number"


def default_folder() -> Path | None:
    """The data folder that the environment names."""
    named = os.environ.get("REVACNN_DATA")
    return Path(named) if named else None


def cifar10(folder: Path | None) -> Dataset:
    """CIFAR-10's training batches, as many as are in `folder`."""
    if folder is None:
        raise Missing(f"give --data DIR, or set REVACNN_DATA, to the folder that holds {FOLDER}/")
    paths = [folder / FOLDER / f"data_batch_{number}.bin" for number in range(1, 6)]
    found = [path for path in paths if path.is_file()]
    if not found:
        raise Missing(f"expected at least one of data_batch_1.bin to data_batch_5.bin in {folder / FOLDER}, found none")
    content = np.concatenate([np.fromfile(path, np.uint8) for path in found])
    if len(content) % RECORD:
        raise Missing(f"the files in {folder / FOLDER} are not whole records of {RECORD} bytes")
    table = content.reshape(-1, RECORD)
    return Dataset("cifar10", folder, Images(table[:, 1:].reshape(-1, *SHAPE), table[:, 0]))


def cifar10_or_shapes(folder: Path | None) -> Dataset:
    """CIFAR-10 if a folder is named, or else the program's embedded `shapes`
    with random pixels for the peers."""
    if folder is not None:
        return cifar10(folder)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (SHAPES_TRAIN_IMAGES, *SHAPE), np.uint8)
    labels = random.integers(0, CLASSES, SHAPES_TRAIN_IMAGES, np.uint8)
    return Dataset("shapes", None, Images(pixels, labels))
