"""Trains the networks of cases.json in PyTorch, in double precision.

    python make_reference.py

Needs torch and numpy; made with torch 2.15 and numpy 2.4. Reads cases.json
and order.txt (the images of every batch, one batch a line, as the engine
orders them; tests/pytorch.rs says when it is out of date). Writes data.npz
and one NETWORK-OPTIMIZER.npz a case:

    initial.LAYER.weights|biases          before the first step
    1.gradient.LAYER.weights|biases       of the first batch, before decay
    1.value.LAYER.weights|biases          after 1 step
    5.…                                   of the fifth batch, after 5 steps
    5.running.LAYER.mean|variance         of normalising layers
    losses, decay_losses                  of every step, before its update
    validation_loss                       after 5 steps
    5.activations.BLOCK, 5.slopes.BLOCK   of the probe images, after 5 steps
"""

import json
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
CHANNELS, HEIGHT, WIDTH, CLASSES, IMAGES = 3, 10, 12, 5, 40
PROBES = [0, 9]
STEMS = {"fully-connected": "fc", "global-average-pool": "average", "local-response-norm": "lrn"}
# Layers that end the block before them.
ENDS = ("pool", "global-average-pool")
ACTIVATIONS = {
    "none": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh,
    "leaky-relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "gelu": nn.GELU,
}


def make_data():
    """Images of noise with a patch by their class, so that there is something to learn."""
    random = np.random.default_rng(7)
    images = random.integers(0, 160, (IMAGES, CHANNELS, HEIGHT, WIDTH))
    labels = random.integers(0, CLASSES, IMAGES)
    for image, label in zip(images, labels):
        image[label % CHANNELS, 2 * label : 2 * label + 2, 3:9] += 95
    return images.astype(np.uint8), labels.astype(np.uint8)


class Layer:
    """A layer of a description: its modules, and what the log knows of it."""

    def __init__(self, description, name, shape):
        options = {key: value for key, value in description.items() if key != "kind"}
        self.kind, self.name = description["kind"], name
        self.opens = self.kind in ("conv", "fully-connected", "softmax")
        self.weighted = None
        if self.kind == "conv":
            pad = options.get("pad", 0)
            sides = pad if isinstance(pad, list) and len(pad) == 4 else None
            self.weighted = nn.Conv2d(
                shape[0], options["filters"], options["kernel"], options.get("stride", 1),
                0 if sides else pad, options.get("dilation", 1), options.get("groups", 1),
            )
            modules = [self.weighted]
            if sides:
                top, bottom, left, right = sides
                modules.insert(0, nn.ZeroPad2d((left, right, top, bottom)))
        elif self.opens:
            self.weighted = nn.Linear(int(np.prod(shape)), options.get("units", CLASSES))
            modules = [nn.Flatten(), self.weighted]
        elif self.kind == "pool":
            method = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}[options.get("method", "max")]
            kernel = options["kernel"]
            modules = [method(kernel, options.get("stride", kernel), options.get("pad", 0))]
        elif self.kind == "global-average-pool":
            modules = [nn.AdaptiveAvgPool2d(1)]
        elif self.kind == "batchnorm":
            self.weighted = nn.BatchNorm2d(
                shape[0], eps=options.get("epsilon", 1e-5), momentum=options.get("momentum", 0.1)
            )
            modules = [self.weighted]
        elif self.kind == "layernorm":
            self.weighted = nn.GroupNorm(1, shape[0], eps=options.get("epsilon", 1e-5))
            modules = [self.weighted]
        elif self.kind == "local-response-norm":
            others = {name: value for name, value in options.items() if name != "size"}
            modules = [nn.LocalResponseNorm(options.get("size", 5), **others)]
        elif self.kind == "dropout":
            modules = [nn.Dropout(options["rate"])]
        else:
            modules = [ACTIVATIONS[options["function"]]()]
        modules.append(ACTIVATIONS[options.get("activation", "none")]())
        self.module = nn.Sequential(*modules).double()
        with torch.no_grad():
            self.shape = self.module.eval()(torch.zeros(1, *shape, dtype=torch.double)).shape[1:]

    @property
    def decays(self):
        return self.kind not in ("batchnorm", "layernorm")


def build(descriptions):
    layers, shape, numbers = [], (CHANNELS, HEIGHT, WIDTH), {}
    for description in descriptions:
        stem = STEMS.get(description["kind"], description["kind"])
        numbers[stem] = numbers.get(stem, 0) + 1
        name = stem if stem == "softmax" else f"{stem}{numbers[stem]}"
        layers.append(Layer(description, name, shape))
        shape = layers[-1].shape
    with torch.no_grad():
        for layer in layers:
            if layer.weighted is None:
                continue
            weight, bias = layer.weighted.weight, layer.weighted.bias
            if layer.decays:
                weight.normal_(0, (weight[0].numel()) ** -0.5)
            else:
                weight.normal_(1, 0.2)
            bias.normal_(0, 0.1)
            # What both sides begin with must be the same 32-bit numbers.
            weight.copy_(weight.float().double())
            bias.copy_(bias.float().double())
    return layers


def make_optimizer(description, layers):
    options = {key: value for key, value in description.items() if key not in ("kind", "weight_decay")}
    decay = description.get("weight_decay", 0)
    weighted = [layer for layer in layers if layer.weighted is not None]
    groups = [
        {"params": [layer.weighted.weight for layer in weighted if layer.decays], "weight_decay": decay},
        {"params": [layer.weighted.weight for layer in weighted if not layer.decays], "weight_decay": 0},
        {"params": [layer.weighted.bias for layer in weighted], "weight_decay": 0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = options.pop("learning_rate", None)
    if description["kind"] == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=options["momentum"])
    if description["kind"] == "adadelta":
        return torch.optim.Adadelta(groups, lr=1.0, rho=0.95, eps=options["epsilon"])
    return torch.optim.Adam(groups, lr=rate, betas=(0.9, options["beta2"]), eps=options["epsilon"])


def probe(layers, image, label):
    """Every block's output and its gradient, in evaluation mode."""
    blocks, value, last = [], image[None], None
    for layer in layers:
        value = layer.module.eval()(value)
        if layer.opens:
            blocks.append((layer.name, value))
        elif layer.kind not in ENDS and last not in ENDS:
            blocks[-1] = (blocks[-1][0], value)
        last = layer.kind
    loss = F.cross_entropy(value, label[None])
    slopes = torch.autograd.grad(loss, [block for _, block in blocks])
    blocks[-1] = (blocks[-1][0], F.softmax(value, dim=1))
    return [(name, block.detach()[0], slope[0]) for (name, block), slope in zip(blocks, slopes)]


def train(descriptions, optimizer_description, images, labels, batches):
    torch.manual_seed(3)
    layers = build(descriptions)
    weighted = [layer for layer in layers if layer.weighted is not None]
    optimizer = make_optimizer(optimizer_description, layers)
    arrays, losses, decay_losses = {}, [], []

    def forward(batch, training):
        value = images[batch]
        for layer in layers:
            value = layer.module.train(training)(value)
        return F.cross_entropy(value, labels[batch])

    def save(prefix, of):
        for layer in weighted:
            arrays[f"{prefix}.{layer.name}.weights"] = of(layer.weighted.weight)
            arrays[f"{prefix}.{layer.name}.biases"] = of(layer.weighted.bias)

    save("initial", lambda parameter: parameter.detach().clone())
    for step, batch in enumerate(batches, start=1):
        decay = optimizer_description.get("weight_decay", 0)
        squares = sum((layer.weighted.weight.detach() ** 2).sum().item() for layer in weighted if layer.decays)
        decay_losses.append(0.5 * decay * squares)
        optimizer.zero_grad()
        loss = forward(batch, training=True)
        loss.backward()
        losses.append(loss.item())
        if step in (1, len(batches)):
            save(f"{step}.gradient", lambda parameter: parameter.grad.clone())
        optimizer.step()
        if step in (1, len(batches)):
            save(f"{step}.value", lambda parameter: parameter.detach().clone())
            for layer in weighted:
                if layer.kind == "batchnorm":
                    arrays[f"{step}.running.{layer.name}.mean"] = layer.weighted.running_mean.clone()
                    arrays[f"{step}.running.{layer.name}.variance"] = layer.weighted.running_var.clone()
    arrays["losses"], arrays["decay_losses"] = torch.tensor(losses), torch.tensor(decay_losses)
    with torch.no_grad():
        arrays["validation_loss"] = forward(range(9, IMAGES, 10), training=False)[None]
    probed = [probe(layers, images[image], labels[image]) for image in PROBES]
    for blocks in zip(*probed):
        arrays[f"5.activations.{blocks[0][0]}"] = torch.stack([block for _, block, _ in blocks])
        arrays[f"5.slopes.{blocks[0][0]}"] = torch.stack([slope for _, _, slope in blocks])
    return {key: value.numpy().astype(np.float32).ravel() for key, value in arrays.items()}


def main():
    cases = json.loads((HERE / "cases.json").read_text())
    batches = [[int(image) for image in line.split()] for line in (HERE / "order.txt").read_text().splitlines()]
    assert len(batches) == 5
    images, labels = make_data()
    np.savez(HERE / "data.npz", images=images.ravel(), labels=labels)
    inputs = torch.from_numpy(images.astype(np.float32) / np.float32(255) - np.float32(0.5)).double()
    targets = torch.from_numpy(labels.astype(np.int64))
    for network, layers in cases["networks"].items():
        for optimizer, description in cases["optimizers"].items():
            np.savez(HERE / f"{network}-{optimizer}.npz", **train(layers, description, inputs, targets, batches))


main()
