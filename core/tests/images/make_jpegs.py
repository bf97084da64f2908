"""Draws JPEGs of every kind that Pillow reads into jpegs.safetensors: `N.file`, its bytes, and `N.pixels`, what Pillow's
`convert("RGB")` makes of it, [height, width, 3].

Run: python make_jpegs.py [COUNT [FILE]]   (200 and jpegs.safetensors unless given; pillow, numpy, safetensors; Debian's
libjpeg-turbo-progs for cjpeg and jpegtran)

Drawn are size from 1 x 1, quality, sampling of each component, colour space, coding (Huffman, optimised, arithmetic), sequential
or progressive, the order of the scans, and the restart interval. A test of golden_images.rs reads another FILE where BASIN_JPEGS names
it.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

HERE = Path(__file__).parent
# Components in each scan of a sequential file, and of a progressive one, with the bits of the coefficients.
SEQUENTIAL = ["0;1;2;", "2;1;0;", "0 1;2;", "0;1 2;", "0 1 2;"]
PROGRESSIVE = ["0 1 2: 0 0 0 0;" + "".join(f"{c}: 1 63 0 0;" for c in order) for order in ["012", "210", "120"]]
PROGRESSIVE += ["0: 0 0 0 1;1 2: 0 0 0 1;0: 1 5 0 2;2: 1 63 0 1;1: 1 63 0 1;0: 6 63 0 2;0: 1 63 2 1;"
                "0 1 2: 0 0 1 0;2: 1 63 1 0;1: 1 63 1 0;0: 1 63 1 0;"]


def draw(random, folder):
    """A file's bytes."""
    width, height = (int(random.choice([1, 2, 7, 8, 9, 15, 16, 17, 31, 33, random.randint(1, 48)])) for _ in range(2))
    coarse = random.randint(0, 256, (random.randint(1, 6), random.randint(1, 6), 4)).astype(np.uint8)
    image = Image.fromarray(coarse, "CMYK").resize((width, height), Image.Resampling.BICUBIC)
    quality = int(random.choice([1, 30, 75, 92, 100]))
    if random.rand() < 0.1:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, progressive=bool(random.randint(2)))
        return file.getvalue()
    image = Image.merge("RGB", image.split()[:3])
    image.save(folder / "image.ppm")
    command = ["cjpeg", "-quality", str(quality)]
    kind = random.choice(["colour", "grey", "rgb"], p=[0.8, 0.1, 0.1])
    if kind == "grey":
        command += ["-grayscale", "-sample", random.choice(["1x1", "2x2", "2x1"])]
    else:
        factors = ["1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4"]
        command += ["-rgb"] if kind == "rgb" else []
        first = random.choice(factors)
        # Of the colour planes, some keep a part of the sampling too.
        rest = ["1x1"] if random.rand() < 0.7 else ["1x1", *[f for f in ["2x1", "1x2", "2x2"] if fits(f, first)]]
        command += ["-sample", ",".join([first, str(random.choice(rest)), str(random.choice(rest))])]
        if random.rand() < 0.6:
            progressive = random.rand() < 0.5
            (folder / "scans.txt").write_text(random.choice(PROGRESSIVE if progressive else SEQUENTIAL).replace(";", ";\n"))
            command += ["-scans", str(folder / "scans.txt")]
    if random.rand() < 0.4:
        command += ["-restart", random.choice(["1", "2", "1B", "3B", "5B"])]
    command += [["-optimize"], ["-progressive"] if "-scans" not in command else [], []][random.randint(3)]
    command += ["-dct", random.choice(["int", "fast", "float"])]
    file = subprocess.run([*command, str(folder / "image.ppm")], capture_output=True)
    if file.returncode != 0:
        return None
    if random.rand() < 0.3:
        again = ["jpegtran", "-arithmetic", *(["-progressive"] if random.rand() < 0.5 else [])]
        coded = subprocess.run(again, input=file.stdout, capture_output=True)
        return coded.stdout if coded.returncode == 0 else None
    return file.stdout


def fits(factor, whole):
    return all(int(b) % int(a) == 0 and int(a) <= int(b) for a, b in zip(factor.split("x"), whole.split("x")))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    path = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "jpegs.safetensors"
    random = np.random.RandomState(0)
    tensors = {}
    with tempfile.TemporaryDirectory() as folder:
        while len(tensors) < 2 * count:
            file = draw(random, Path(folder))
            if file is None:
                continue
            try:
                pixels = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
            except OSError:
                continue
            number = len(tensors) // 2
            tensors[f"{number}.file"] = np.frombuffer(file, np.uint8)
            tensors[f"{number}.pixels"] = np.ascontiguousarray(pixels)
    save_file(tensors, path)


if __name__ == "__main__":
    main()
