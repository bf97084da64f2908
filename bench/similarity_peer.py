"""The PyTorch side of bench/similarity.py: linear CKA of all modules of two fixup_resnet18.

Three methods: `hooks` as libraries do it that are built around forward hooks (unbiased HSIC of every pair of modules, batch by
batch, in a double loop), and `exact` and `minibatch` as fast as PyTorch allows (each Gram matrix once, all pairs as one product).
Prints one JSON object: seconds without start and imports, and the matrix of CKA.
"""

import json
import sys
import time
from pathlib import Path

import numpy
import torch
from PIL import Image
from safetensors.torch import load_file

from peer import LAYERS, network

ARCH = "fixup_resnet18"
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def images(folder):
    names = [line.split()[0] for line in (folder / "DomainNet/real_test.txt").read_text().splitlines()]
    pixels = numpy.stack([numpy.asarray(Image.open(folder / "DomainNet" / name)) for name in names])
    return ((torch.from_numpy(pixels) / 255 - MEAN) / DEVIATION).permute(0, 3, 1, 2)


def named_for_peer(state):
    """`layer2.1.conv1.weight` as the peer's network calls it: the blocks are numbered through."""
    renamed = {}
    for name, values in state.items():
        if name.startswith("layer"):
            stage, block, rest = name[5:].split(".", 2)
            name = f"blocks.{sum(LAYERS[ARCH][:int(stage) - 1]) + int(block)}.{rest}"
        renamed[name] = values
    return renamed


class Subject:
    """A network that keeps what its modules put out, `[batch, features]`, by forward hooks."""

    def __init__(self, path, layout):
        state = named_for_peer(load_file(path))
        self.layout = layout
        self.model = network(ARCH, len(state["fc.bias"])).to(memory_format=layout).eval()
        self.model.load_state_dict(state)
        self.features = []
        keep = lambda module, inputs, output: self.features.append(self.flat(output))
        before = lambda module, inputs: self.features.append(self.flat(inputs[0]))
        self.model.conv1.register_forward_hook(keep)
        # What the first block is given is the output of the pooling; the last layer's input is the pooled one.
        self.model.blocks[0].register_forward_pre_hook(before)
        for block in self.model.blocks:
            block.register_forward_hook(keep)
        self.model.fc.register_forward_pre_hook(before)
        self.model.fc.register_forward_hook(keep)

    def flat(self, x):
        # The order of features does not matter; this one needs no copy.
        channels_last = self.layout == torch.channels_last and x.dim() == 4
        return x.permute(0, 2, 3, 1).reshape(len(x), -1) if channels_last else x.flatten(1)

    def __call__(self, x):
        self.features = []
        self.model(x.contiguous(memory_format=self.layout))
        return self.features


def hsic(k, l):
    """Unbiased HSIC of two Gram matrices whose diagonals are zero (Song et al. 2012)."""
    n = len(k)
    product = k @ l
    total = torch.trace(product) + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 * product.sum() / (n - 2)
    return total / (n * (n - 3))


def hollow(x):
    gram = x @ x.T
    return gram.fill_diagonal_(0)


def hooks(subjects, batches):
    sums = None
    for batch in batches:
        ones, twos = (subject(batch) for subject in subjects)
        if sums is None:
            sums = torch.zeros(3, len(ones), len(twos))
        for i, x in enumerate(ones):
            k = hollow(x)
            sums[1, i] += hsic(k, k) / len(batches)
            for j, y in enumerate(twos):
                l = hollow(y)
                sums[0, i, j] += hsic(k, l) / len(batches)
                sums[2, i, j] += hsic(l, l) / len(batches)
    return sums[0] / (sums[1] * sums[2]).sqrt()


def centred(gram, exact):
    n = len(gram)
    if exact:
        rows = gram.mean(0, keepdim=True)
        return (gram - rows - rows.T + rows.mean()).flatten()
    gram.fill_diagonal_(0)
    rows = gram.sum(0, keepdim=True) / (n - 2)
    rows -= rows.sum() / (2 * (n - 1))
    return (gram - rows - rows.T).fill_diagonal_(0).flatten()


def aligned(grams):
    """All pairs at once: `[modules, n * n]` times its transpose, and the norms."""
    ones, twos = grams
    norms = [(grams * grams).sum(1) for grams in (ones, twos)]
    return torch.stack([ones @ twos.T, norms[0][:, None].expand(-1, len(twos)), norms[1].expand(len(ones), -1)])


def exact(subjects, x, batch):
    grams = []
    for subject in subjects:
        held = None
        for first in range(0, len(x), batch):
            features = subject(x[first:first + batch])
            if held is None:
                held = [torch.empty(len(x), f.shape[1]) for f in features]
            for place, f in zip(held, features):
                place[first:first + len(f)] = f
        grams.append(torch.stack([centred(f @ f.T, True) for f in held]))
    sums = aligned(grams)
    return sums[0] / (sums[1] * sums[2]).sqrt()


def minibatch(subjects, batches):
    sums = 0
    for batch in batches:
        n = len(batch)
        grams = [torch.stack([centred(f @ f.T, False) for f in subject(batch)]) for subject in subjects]
        sums = sums + aligned(grams) / (n * (n - 3))
    return sums[0] / (sums[1] * sums[2]).sqrt()


def main():
    folder, one, two, method, batch, layout, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    start = time.perf_counter()
    layout = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    with torch.inference_mode():
        subjects = [Subject(path, layout) for path in (one, two)]
        x, batch = images(Path(folder)), int(batch)
        # Dealt one by one, as Basin does.
        count = -(-len(x) // batch)
        batches = [x[first::count] for first in range(count)]
        cka = {"hooks": lambda: hooks(subjects, batches), "minibatch": lambda: minibatch(subjects, batches),
               "exact": lambda: exact(subjects, x, batch)}[method]()
    print(json.dumps({"seconds": time.perf_counter() - start, "cka": cka.tolist()}))


if __name__ == "__main__":
    main()
