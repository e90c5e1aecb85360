"""Trains the networks of cases.json in PyTorch, in double precision.

    python make_reference.py

Needs torch and numpy; made with torch 2.15 and numpy 2.4. Reads cases.json
and order.txt (the images of every batch, one batch a line, as the engine
orders them; tests/pytorch.rs says when it is out of date). Writes data.npz
schedules.json, the factors of learning-rate schedules, update after update,
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
from torch.optim import lr_scheduler as schedulers

HERE = pathlib.Path(__file__).parent
CHANNELS, HEIGHT, WIDTH, CLASSES, IMAGES = 3, 10, 12, 5, 40
PROBES = [0, 9]
CLASS_LAYERS = ("softmax", "svm", "regression")
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


class Maxout(nn.Module):
    """The largest of so many channels that follow one another."""

    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces

    def forward(self, maps):
        return maps.unflatten(1, (-1, self.pieces)).amax(2)


class Layer:
    """A layer of a description: its modules, and what the log knows of it."""

    def __init__(self, description, name, reads, shapes):
        options = {key: value for key, value in description.items() if key not in ("kind", "reads")}
        self.decay_factor = options.get("weight_decay_factor", 1)
        self.l1_factor = options.get("l1_decay_factor", 1)
        self.kind, self.name, self.reads = description["kind"], name, reads
        self.opens = self.kind in ("conv", "fully-connected", "add", "concat", "maxout") or self.kind in CLASS_LAYERS
        self.smoothing = options.get("label_smoothing", 0)
        self.target = options.get("target", "class")
        self.weighted, shape = None, shapes[0]
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
        elif self.kind in ("add", "concat"):
            modules = []
        elif self.kind == "maxout":
            modules = [Maxout(options.get("pieces", 2))]
        elif self.opens:
            values = CHANNELS * HEIGHT * WIDTH if self.target == "image" else CLASSES
            self.weighted = nn.Linear(int(np.prod(shape)), options.get("units", values))
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
            values = [torch.zeros(1, *shape, dtype=torch.double) for shape in shapes]
            self.shape = self.module.eval()(self.gather(values)).shape[1:]

    def gather(self, values):
        """What the module gets of the layers that this one reads."""
        return torch.cat(values, dim=1) if self.kind == "concat" else sum(values[1:], values[0])

    def run(self, values, training):
        """The layer's output, of a dictionary with those of the layers before it."""
        value = self.gather([values[name] for name in self.reads])
        values[self.name] = self.module.train(training)(value)
        return values[self.name]

    @property
    def decays(self):
        return self.kind not in ("batchnorm", "layernorm")


def build(descriptions):
    layers, shapes, numbers, before = [], {"input": (CHANNELS, HEIGHT, WIDTH)}, {}, "input"
    for description in descriptions:
        stem = STEMS.get(description["kind"], description["kind"])
        numbers[stem] = numbers.get(stem, 0) + 1
        name = stem if stem in CLASS_LAYERS else f"{stem}{numbers[stem]}"
        reads = description.get("reads", [before])
        layers.append(Layer(description, name, reads, [shapes[read] for read in reads]))
        shapes[name], before = layers[-1].shape, name
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


class Windowgrad(torch.optim.Optimizer):
    """ConvNetJS's windowgrad (convnetjs_trainers.js), which PyTorch lacks."""

    def __init__(self, groups, lr, rho, eps):
        super().__init__(groups, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": 0})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad + group["weight_decay"] * parameter
                state = self.state[parameter]
                square = state.get("square", torch.zeros_like(parameter))
                square = group["rho"] * square + (1 - group["rho"]) * gradient * gradient
                state["square"] = square
                parameter -= group["lr"] / torch.sqrt(square + group["eps"]) * gradient


def make_optimizer(description, layers):
    ours = ("kind", "weight_decay", "l1_decay", "clip_norm")
    options = {key: value for key, value in description.items() if key not in ours}
    decay = description.get("weight_decay", 0)
    weighted = [layer for layer in layers if layer.weighted is not None]
    groups = [
        *(
            {"params": [layer.weighted.weight], "weight_decay": decay * layer.decay_factor}
            for layer in weighted
            if layer.decays
        ),
        {"params": [layer.weighted.weight for layer in weighted if not layer.decays], "weight_decay": 0},
        {"params": [layer.weighted.bias for layer in weighted], "weight_decay": 0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = options.pop("learning_rate", None)
    if description["kind"] == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=options["momentum"])
    if description["kind"] == "adadelta":
        return torch.optim.Adadelta(groups, lr=1.0, rho=0.95, eps=options["epsilon"])
    if description["kind"] == "nesterov":
        return torch.optim.SGD(groups, lr=rate, momentum=options["momentum"], nesterov=True)
    if description["kind"] == "adagrad":
        return torch.optim.Adagrad(groups, lr=rate, lr_decay=options["rate_decay"], eps=options["epsilon"])
    if description["kind"] == "rmsprop":
        return torch.optim.RMSprop(
            groups, lr=rate, alpha=options["alpha"], momentum=options["momentum"], eps=options["epsilon"]
        )
    if description["kind"] == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=(0.9, options["beta2"]), eps=options["epsilon"])
    if description["kind"] == "windowgrad":
        return Windowgrad(groups, rate, options["rho"], options["epsilon"])
    return torch.optim.Adam(groups, lr=rate, betas=(0.9, options["beta2"]), eps=options["epsilon"])


def loss_of(layer, value, images, labels):
    """The loss over the outputs of the last layer: a mean over images, a sum over outputs."""
    if layer.target == "image":
        return value[0].numel() / 2 * F.mse_loss(value, images.flatten(1))
    if layer.kind == "svm":
        return CLASSES * F.multi_margin_loss(value, labels)
    if layer.kind == "regression":
        return CLASSES / 2 * F.mse_loss(value, F.one_hot(labels, CLASSES).double())
    return F.cross_entropy(value, labels, label_smoothing=layer.smoothing)


def probe(layers, image, label):
    """Every block's output and its gradient, in evaluation mode."""
    values, blocks, ends = {"input": image[None]}, {}, {}
    for layer in layers:
        value = layer.run(values, False)
        block = layer.name if layer.opens else ends.get(layer.reads[0])
        if block is not None and layer.kind not in ENDS:
            # The block ends here now, and no more where it did.
            ends = {end: other for end, other in ends.items() if other != block}
            blocks[block], ends[layer.name] = value, block
    loss = loss_of(layers[-1], value, image[None], label[None])
    slopes = torch.autograd.grad(loss, list(blocks.values()))
    if layers[-1].kind == "softmax":
        blocks[layers[-1].name] = F.softmax(value, dim=1)
    return [(name, block.detach()[0], slope[0]) for (name, block), slope in zip(blocks.items(), slopes)]


def train(descriptions, optimizer_description, images, labels, batches):
    torch.manual_seed(3)
    layers = build(descriptions)
    weighted = [layer for layer in layers if layer.weighted is not None]
    optimizer = make_optimizer(optimizer_description, layers)
    arrays, losses, decay_losses = {}, [], []

    def forward(batch, training):
        values = {"input": images[batch]}
        for layer in layers:
            value = layer.run(values, training)
        return loss_of(layers[-1], value, images[batch], labels[batch])

    def save(prefix, of):
        for layer in weighted:
            arrays[f"{prefix}.{layer.name}.weights"] = of(layer.weighted.weight)
            arrays[f"{prefix}.{layer.name}.biases"] = of(layer.weighted.bias)

    save("initial", lambda parameter: parameter.detach().clone())
    for step, batch in enumerate(batches, start=1):
        # AdamW's decay is not the gradient of a loss.
        decay = 0 if optimizer_description["kind"] == "adamw" else optimizer_description.get("weight_decay", 0)
        l1_decay = optimizer_description.get("l1_decay", 0)
        decaying = [(layer, layer.weighted.weight.detach()) for layer in weighted if layer.decays]
        squares = sum(layer.decay_factor * (weight**2).sum().item() for layer, weight in decaying)
        magnitudes = sum(layer.l1_factor * weight.abs().sum().item() for layer, weight in decaying)
        decay_losses.append(0.5 * decay * squares + l1_decay * magnitudes)
        optimizer.zero_grad()
        loss = forward(batch, training=True)
        loss.backward()
        losses.append(loss.item())
        if step in (1, len(batches)):
            save(f"{step}.gradient", lambda parameter: parameter.grad.clone())
        if "clip_norm" in optimizer_description:
            parameters = [parameter for layer in weighted for parameter in layer.weighted.parameters()]
            norm = torch.nn.utils.clip_grad_norm_(parameters, optimizer_description["clip_norm"])
            assert step > 1 or norm > optimizer_description["clip_norm"]
        for layer, weight in decaying:
            layer.weighted.weight.grad += l1_decay * layer.l1_factor * torch.sign(weight)
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


# Schedules by how they are written here; PyTorch's of a learning rate of 1.
SCHEDULES = {
    "step,every=3,factor=0.5": (10, lambda of: schedulers.StepLR(of, step_size=3, gamma=0.5)),
    "linear,over=8,floor=0.1": (12, lambda of: schedulers.LinearLR(of, 1.0, 0.1, total_iters=8)),
    "cosine,over=9,floor=0.05": (10, lambda of: schedulers.CosineAnnealingLR(of, T_max=9, eta_min=0.05)),
    "exponential,factor=0.9": (12, lambda of: schedulers.ExponentialLR(of, gamma=0.9)),
    "one-cycle,over=20": (20, lambda of: schedulers.OneCycleLR(of, 1.0, total_steps=20, cycle_momentum=False)),
    "one-cycle,over=13,peak=0.25,start=0.1,floor=0.001": (
        13,
        lambda of: schedulers.OneCycleLR(
            of, 1.0, total_steps=13, pct_start=0.25, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
    ),
    "warmup=4,start=0.1,cosine,over=6,floor=0.2": (
        11,
        lambda of: warmed(of, 4, 0.1, schedulers.CosineAnnealingLR(of, 6, 0.2)),
    ),
    "warmup=5,exponential,factor=0.8": (12, lambda of: warmed(of, 5, 0.01, schedulers.ExponentialLR(of, 0.8))),
    "warmup=3,start=0.25": (8, lambda of: schedulers.LinearLR(of, 0.25, 1.0, total_iters=3)),
}


def warmed(optimizer, steps, start, then):
    rise = schedulers.LinearLR(optimizer, start, 1.0, total_iters=steps)
    return schedulers.SequentialLR(optimizer, [rise, then], milestones=[steps])


def factors(steps, make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def write_schedules():
    found = {text: factors(*of) for text, of in SCHEDULES.items()}
    lines = [f"  {json.dumps(text)}: {json.dumps(values)}" for text, values in found.items()]
    (HERE / "schedules.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    write_schedules()
    cases = json.loads((HERE / "cases.json").read_text())
    batches = [[int(image) for image in line.split()] for line in (HERE / "order.txt").read_text().splitlines()]
    assert len(batches) == 5
    images, labels = make_data()
    np.savez(HERE / "data.npz", images=images.ravel(), labels=labels)
    inputs = torch.from_numpy(images.astype(np.float32) / np.float32(255) - np.float32(0.5)).double()
    targets = torch.from_numpy(labels.astype(np.int64))
    for network, layers in cases["networks"].items():
        # An optimizer goes element by element: one network shows it.
        others = cases["optimizers_on_plain"] if network == "plain" else {}
        for optimizer, description in {**cases["optimizers"], **others}.items():
            np.savez(HERE / f"{network}-{optimizer}.npz", **train(layers, description, inputs, targets, batches))
    for name, case in cases["others"].items():
        np.savez(HERE / f"{name}.npz", **train(case["layers"], case["optimizer"], inputs, targets, batches))


main()
