"""Singular values of every convolution and the linear layer of fixup_resnet50 at 224 pixels, beside NumPy on this machine.

Run: python bench/spectrum.py [--layers REGEX] [--image-size 224]   (from a venv with numpy and safetensors; builds Basin's side)

Three ways to the same values, on as many threads as there are cores: `runner spectrum`, from start to end of the program with all
its files and figures; NumPy as one writes it (Sedghi, Gupta and Long 2019): np.fft.fft2, then np.linalg.svd over all
frequencies, OpenBLAS dividing each; and the fastest NumPy that we could write: half of the frequencies, one BLAS thread for each,
as many at a time as there are cores. NumPy decomposes 1 x 1 convolutions once, as Basin does; over all frequencies it would take hours.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
THREADS = os.cpu_count()
KEY = "pretrain/imagenet/fixup_resnet50/lr0.1"
# Both distort what OpenBLAS chooses by itself.
TUNING = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]
# Bytes of matrices at a time.
CHUNK = 1 << 28


def state(numpy):
    """Random values in the names and shapes of fixup_resnet50 with 1000 classes."""
    draw = numpy.random.default_rng(0)
    shapes = {"bias1": [1], "bias2": [1], "conv1.weight": [64, 3, 7, 7], "fc.weight": [1000, 2048], "fc.bias": [1000]}
    inputs = 64
    for stage, blocks in enumerate([3, 4, 6, 3]):
        width = 64 << stage
        for index in range(blocks):
            name = f"layer{stage + 1}.{index}"
            shapes |= {f"{name}.{scalar}": [1] for scalar in "bias1a bias1b bias2a bias2b bias3a bias3b scale".split()}
            shapes |= {f"{name}.conv1.weight": [width, inputs, 1, 1], f"{name}.conv2.weight": [width, width, 3, 3],
                       f"{name}.conv3.weight": [4 * width, width, 1, 1]}
            if index == 0:
                shapes[f"{name}.downsample.weight"] = [4 * width, inputs, 1, 1]
            inputs = 4 * width
    scale = lambda shape: (2 / (shape[0] * numpy.prod(shape[2:]))) ** 0.5
    return {name: draw.normal(0, scale(shape), shape).astype(numpy.float32) for name, shape in shapes.items()}


def spectrum(numpy, weight, side, half):
    """All singular values of one layer, from the largest to the smallest."""
    kernel = weight.astype(numpy.float64)
    if weight.ndim == 2 or weight.shape[2:] == (1, 1):
        values = numpy.linalg.svd(kernel.reshape(kernel.shape[:2]), compute_uv=False)
        return numpy.sort(numpy.repeat(values, side * side))[::-1]
    transform = numpy.fft.fft2(kernel, (side, side)).reshape(*kernel.shape[:2], -1)
    frequencies = numpy.arange(side * side)
    copies = numpy.ones_like(frequencies)
    if half:
        row, column = numpy.divmod(frequencies, side)
        opposite = -row % side * side + -column % side
        frequencies, copies = frequencies[frequencies <= opposite], 1 + (frequencies < opposite)[frequencies <= opposite]
    size = max(1, min(CHUNK // (16 * transform[:, :, 0].size), -(-len(frequencies) // (4 * THREADS)) if half else len(frequencies)))
    chunks = [frequencies[first:first + size] for first in range(0, len(frequencies), size)]
    decompose = lambda chunk: numpy.linalg.svd(transform[:, :, chunk].transpose(2, 0, 1), compute_uv=False)
    if half:
        with ThreadPoolExecutor(THREADS) as threads:
            values = list(threads.map(decompose, chunks))
    else:
        values = map(decompose, chunks)
    return numpy.sort(numpy.repeat(numpy.concatenate(list(values)), copies, axis=0), axis=None)[::-1]


def peer(checkpoint, layers, half):
    """Prints seconds, and writes all values beside the checkpoint."""
    import numpy
    from safetensors.numpy import load_file, save_file

    start = time.perf_counter()
    weights = load_file(checkpoint)
    values = {name: spectrum(numpy, weights[f"{name}.weight"], side, half) for name, side in layers.items()}
    seconds = time.perf_counter() - start
    # safetensors writes the memory of a view, not its order.
    save_file({name: v.copy() for name, v in values.items()}, Path(checkpoint).with_suffix(".values"))
    print(seconds)


def main():
    import numpy
    from safetensors.numpy import load_file, save_file

    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", default="", help="regular expression that is found in the names of the layers, on both sides")
    parser.add_argument("--image-size", type=int, default=224)
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--bin", "runner"], cwd=HERE.parent, check=True)
    runner = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")).absolute() / "release/runner"
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "random.safetensors"
        save_file(state(numpy), checkpoint, {"arch": "fixup_resnet50"})
        command = [runner, "spectrum", checkpoint, "-k", KEY, "--set", f"data.configs.image_size={options.image_size}",
                   "--layers", options.layers, "-b", folder, "--json"]
        start = time.perf_counter()
        result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ours = time.perf_counter() - start
        layers = {layer["name"]: layer["side"] for layer in result["spectra"][0]["layers"]}
        assert layers.keys() == {name for name in layers if re.search(options.layers, name)}
        count = sum(layer["values"] for layer in result["spectra"][0]["layers"])
        print(f"{len(layers)} layers, {count} singular values, {options.image_size} pixels, {THREADS} threads")
        print(f"{'runner spectrum':40} {ours:8.1f} s")
        for half, what, blas in [(False, "NumPy, all frequencies", THREADS), (True, "NumPy, half of them, in parallel", 1)]:
            environment = {name: value for name, value in os.environ.items() if name not in TUNING}
            environment["OPENBLAS_NUM_THREADS"] = str(blas)
            work = [sys.executable, __file__, "--peer", checkpoint, json.dumps(layers), str(int(half))]
            theirs = float(subprocess.run(work, check=True, capture_output=True, text=True, env=environment).stdout)
            expected, worst = load_file(checkpoint.with_suffix(".values")), 0.0
            for name, values in expected.items():
                file = load_file(Path(result["folders"][0]) / "values" / f"{name}.safetensors")
                found = numpy.repeat(file["values"], int(file["copies"]))
                assert found.shape == values.shape, (name, found.shape, values.shape)
                worst = max(worst, float(numpy.max(numpy.abs(found - values) / values)))
            assert worst < 1e-6, worst
            print(f"{what:40} {theirs:8.1f} s   ratio {theirs / ours:5.2f}   values agree to {worst:.0e}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(sys.argv[2], json.loads(sys.argv[3]), sys.argv[4] == "1")
    else:
        main()
