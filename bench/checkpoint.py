"""Checkpoints beside PyTorch on this machine: whether torch.load reads what Basin writes, and how long both take to read.

Run: python bench/checkpoint.py   (from a venv with torch and safetensors; builds Basin's side with cargo)

The files are those of a fixup_resnet50 with 1000 classes, about 100 MB each, in the page cache. Both sides take turns in
one run; the best of each counts, since other work on the machine only ever slows a load.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from peer import FixupResNet

HERE = Path(__file__).parent
ROUNDS = 12


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def load_safetensors(path):
    """Values in memory, as the others give them: load_file alone only maps the file."""
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def same(ours, theirs):
    """Equal names, types, shapes and bits."""
    assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
    for name, tensor in theirs.items():
        other = ours[name]
        assert (other.dtype, other.shape) == (tensor.dtype, tensor.shape), name
        assert torch.equal(other.contiguous().flatten().view(torch.uint8), tensor.contiguous().flatten().view(torch.uint8)), name


def check_formats(runner, folder):
    """Through both of PyTorch's formats and back, with batch norm's integer counters and values that are not finite."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Linear(8, 2))
    state = network.state_dict()
    state["1.num_batches_tracked"].fill_(7)
    state["2.bias"][0] = float("nan")
    about = {"epoch": 3, "arch": "small", "best_acc1": 12.5}
    torch.save(about | {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, folder / "theirs.pth.tar")
    for source, target in [("theirs.pth.tar", "a.safetensors"), ("a.safetensors", "b.pth.tar"), ("b.pth.tar", "c.pth")]:
        subprocess.run([runner, "checkpoint", "convert", source, target], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    same(load_file(folder / "a.safetensors"), state)
    for weights_only in [True, False]:
        ours = torch.load(folder / "b.pth.tar", weights_only=weights_only)
        same({name.removeprefix("module."): tensor for name, tensor in ours.pop("state_dict").items()}, state)
        assert ours == about, ours
        same(torch.load(folder / "c.pth", weights_only=weights_only), state)
    same(torch.load(folder / "c.pth", mmap=True), state)
    print("torch.load and safetensors read the same values from all formats")


def main():
    for what in (["--workspace", "--example", "load"], ["--bin", "runner"]):
        subprocess.run(["cargo", "build", "--release", *what], cwd=HERE.parent, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    runner = target / "release/runner"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        check_formats(runner, folder)
        network = torch.nn.DataParallel(FixupResNet("fixup_resnet50", 1000))
        saved = {"epoch": 3, "arch": "fixup_resnet50", "state_dict": network.state_dict()}
        torch.save(saved, folder / "zip.pth.tar")
        torch.save(saved, folder / "legacy.pth.tar", _use_new_zipfile_serialization=False)
        convert = [runner, "checkpoint", "convert", folder / "zip.pth.tar", folder / "large.safetensors"]
        subprocess.run(convert, check=True, stdout=subprocess.DEVNULL)
        names = [runner, "checkpoint", "inspect", "--names", folder / "large.safetensors"]
        listing = min(seconds(lambda: subprocess.run(names, check=True, stdout=subprocess.DEVNULL)) for _ in range(ROUNDS))
        print(f"list large.safetensors, from start to end of the program: {1000 * listing:.1f} ms")
        loader = subprocess.Popen([target / "release/examples/load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        print(f"{'load':17} {'Basin ms':>9} {'Python ms':>10} {'ratio':>6}")
        for name, load in [("zip.pth.tar", torch.load), ("legacy.pth.tar", torch.load), ("large.safetensors", load_safetensors)]:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                print(folder / name, file=loader.stdin, flush=True)
                ours.append(float(loader.stdout.readline()))
                theirs.append(seconds(lambda: load(folder / name)))
            our, their = 1000 * min(ours), 1000 * min(theirs)
            print(f"{name:17} {our:9.1f} {their:10.1f} {their / our:6.2f}", flush=True)
        loader.stdin.close()
        loader.wait()


if __name__ == "__main__":
    main()
