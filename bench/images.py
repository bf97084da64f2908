"""Basin's loader beside torchvision and OpenCV on this machine: images per second, peak memory, and their ratios.

Run: python bench/images.py DATA_DIR   (torch, torchvision, opencv-python-headless; builds Basin's side with cargo)

DATA_DIR holds DomainNet/<domain>/<class>/<image>.jpg. Its images are prepared as they are and enlarged to 500x375: a random
crop to 224 pixels, flip, normalisation, batches of 64, on two threads or worker processes. All sides take turns, in
another order each time; the median of each counts, since other work on the machine slows them all alike. Takes a quarter of an
hour.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
ROUNDS, EPOCHS = 9, 2
PEERS = ["pillow workers", "pillow alone", "tensors workers", "opencv workers", "opencv threads"]


def call(*command):
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def lay_out(source, folder, size):
    """All images below `source` as one domain, as they are or enlarged."""
    (folder / "DomainNet/real/all").mkdir(parents=True)
    names = []
    for number, path in enumerate(sorted(source.rglob("*.jpg"))):
        names.append(f"real/all/{number}.jpg")
        target = folder / "DomainNet" / names[-1]
        if size:
            Image.open(path).convert("RGB").resize(size, Image.Resampling.BICUBIC).save(target, quality=90)
        else:
            shutil.copyfile(path, target)
    (folder / "DomainNet/real_train.txt").write_text("".join(f"{name} 0\n" for name in names))


def main():
    subprocess.run(["cargo", "build", "--release", "--workspace", "--example", "images"], cwd=HERE.parent, check=True)
    basin = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "release/examples/images"
    with tempfile.TemporaryDirectory() as place:
        for title, size in [("as they are", None), ("500x375", (500, 375))]:
            folder = Path(place) / title
            lay_out(Path(sys.argv[1]), folder, size)
            sides = {f"Basin, {shuffle} shuffle": (basin, folder, shuffle, 2, EPOCHS)
                     for shuffle in ["none", "block", "pixel"]}
            sides |= {peer: (sys.executable, HERE / "images_peer.py", folder, *peer.split(), EPOCHS) for peer in PEERS}
            results = {name: [] for name in sides}
            for _ in range(ROUNDS):
                for name, command in random.sample(list(sides.items()), len(sides)):
                    results[name].append(call(*command))
            median = lambda name, what: statistics.median(result[what] for result in results[name])
            ours = median("Basin, none shuffle", "images_per_second")
            print(f"{title}; load {os.getloadavg()[0]:.1f}")
            print(f"{'side':22} {'images/s':>9} {'CPU ms':>7} {'peak MiB':>9} {'Basin is':>9}")
            for name in sides:
                speed, cpu, peak = (median(name, what) for what in ["images_per_second", "cpu_ms", "peak_mib"])
                print(f"{name:22} {speed:9.1f} {cpu:7.3f} {peak:9.0f} {ours / speed:8.2f}x", flush=True)
        resident = call(basin, folder, "none", 2, 10)["resident_mib"]
        print(f"resident after each of ten epochs, MiB: {resident}")


if __name__ == "__main__":
    main()
