"""PyTorch as a peer: the network `paper`, eager mode, on the CPU."""

import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .images import CLASSES, SHAPE, Images

SHIFT = 2
WARM_UP_STEPS = 3
FILTERS = (16, 20, 20)
KERNEL = 5


def version() -> str:
    """Of PyTorch."""
    return f"PyTorch {torch.__version__}"


def paper() -> nn.Sequential:
    """Three 5×5 convolutions, each with ReLU and 2×2 max pooling, then the class
    layer; weights N(0, 1/fan-in), biases zero."""
    layers: list[nn.Module] = []
    channels, side = SHAPE[0], SHAPE[1]
    for filters in FILTERS:
        layers += [nn.Conv2d(channels, filters, KERNEL, padding=KERNEL // 2), nn.ReLU(), nn.MaxPool2d(2)]
        channels, side = filters, side // 2
    layers += [nn.Flatten(), nn.Linear(channels * side * side, CLASSES)]
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
            nn.init.zeros_(layer.bias)
    return network


def dense_flops_an_image() -> int:
    """Floating-point operations of a dense forward and backward pass of `paper`,
    a multiply-add counted as two. The first layer needs no data gradient."""
    multiply_adds = 0
    channels, side = SHAPE[0], SHAPE[1]
    for place, filters in enumerate(FILTERS):
        passes = 2 if place == 0 else 3
        multiply_adds += passes * side * side * filters * channels * KERNEL * KERNEL
        channels, side = filters, side // 2
    multiply_adds += 3 * channels * side * side * CLASSES
    return 2 * multiply_adds


def decayed(network: nn.Module, weight_decay: float) -> list[dict]:
    """Parameter groups that decay weights and leave biases alone."""
    weights = [value for name, value in network.named_parameters() if name.endswith("weight")]
    biases = [value for name, value in network.named_parameters() if name.endswith("bias")]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": biases, "weight_decay": 0.0}]


class Augmented:
    """Images in memory as floats, value/255 − 0.5. Batches are shifted by up to two
    pixels with zeros moved in, and mirrored with probability ½: one gather a batch."""

    def __init__(self, images: Images) -> None:
        flat = torch.from_numpy(images.pixels.copy()).float().div_(255).sub_(0.5).flatten(2)
        # One more pixel, zero, is what lies outside of the image.
        self.pixels = F.pad(flat, (0, 1))
        self.labels = torch.from_numpy(images.labels.astype("int64"))
        self.sources = _source_pixels()

    def __len__(self) -> int:
        return len(self.labels)

    def plain(self) -> Tensor:
        """All images as they are."""
        return self.pixels[:, :, :-1].unflatten(2, SHAPE[1:])

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """These images, each shifted and mirrored at random, and their labels."""
        draws = torch.randint(len(self.sources), (len(indices),))
        sources = self.sources[draws].unsqueeze(1).expand(-1, SHAPE[0], -1)
        return self.pixels[indices].gather(2, sources).unflatten(2, SHAPE[1:]), self.labels[indices]

    def epoch(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, in random order; the last batch may be short."""
        for indices in torch.randperm(len(self)).split(batch_size):
            yield self.batch(indices)


def _source_pixels() -> Tensor:
    """For every shift and mirroring, the pixel that each pixel comes from."""
    _, height, width = SHAPE
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    choices = []
    for down in range(-SHIFT, SHIFT + 1):
        for right in range(-SHIFT, SHIFT + 1):
            for mirrored in (False, True):
                row, column = rows - down, columns - right
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                column = width - 1 - column if mirrored else column
                choices.append(torch.where(inside, row * width + column, height * width).flatten())
    return torch.stack(choices)


class Training:
    """A network that trains on batches of one size, for the clock."""

    def __init__(self, images: Augmented, batch_size: int, channels_last: bool) -> None:
        self.images = images
        self.batch_size = batch_size
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = paper().to(memory_format=self.format)
        self.optimizer = torch.optim.SGD(decayed(self.network, 1e-4), lr=0.01, momentum=0.9)
        self.batches: Iterator[tuple[Tensor, Tensor]] = iter(())

    def images_per_second(self, threads: int, seconds: float) -> float:
        """Whole steps for at least `seconds`, after a few that are not counted."""
        torch.set_num_threads(threads)
        for _ in range(WARM_UP_STEPS):
            self._step()
        done, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            done += self._step()
        return done / elapsed

    def _step(self) -> int:
        pixels, labels = self._next_batch()
        loss = F.cross_entropy(self.network(pixels.contiguous(memory_format=self.format)), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        # The program hands out every step's loss too.
        loss.item()
        return len(labels)

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        batch = next(self.batches, None)
        if batch is None:
            self.batches = self.images.epoch(self.batch_size)
            batch = next(self.batches)
        return batch


def augmentation_seconds_an_image(images: Augmented, batch_size: int, repetitions: int = 200) -> float:
    """Time that `Augmented.batch` takes with one thread, a part of every training step."""
    torch.set_num_threads(1)
    indices = torch.randperm(len(images))[:batch_size]
    images.batch(indices)
    started = time.perf_counter()
    for _ in range(repetitions):
        images.batch(indices)
    return (time.perf_counter() - started) / (repetitions * batch_size)


def large_convolution_flops(threads: int, seconds: float, channels: int = 256, side: int = 32) -> float:
    """Floating-point operations a second of a 3×3 convolution with many channels.

    A proxy for the machine's multiply-add limit: PyTorch compiles it for the widest
    vectors there are, which its matrix product does not do on every processor.
    """
    torch.set_num_threads(threads)
    image = torch.rand(1, channels, side, side).contiguous(memory_format=torch.channels_last)
    weights = torch.rand(channels, channels, 3, 3).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        for _ in range(WARM_UP_STEPS):
            F.conv2d(image, weights, padding=1)
        done, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            F.conv2d(image, weights, padding=1)
            done += 1
    # The rows and columns of padding are counted as if they were worked on.
    return done * 2 * channels * channels * 9 * side * side / elapsed
