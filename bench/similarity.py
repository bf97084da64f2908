"""CKA of all modules of two fixup_resnet18 over 512 images of 64 pixels: Basin beside PyTorch.

Run: python bench/similarity.py DATA_DIR   (torch, torchvision, safetensors, Pillow; builds Basin's runner with cargo)

DATA_DIR holds DomainNet/real/<class>/<image>.jpg, from which 512 PNGs of 64 pixels are made, so that both sides decode the same
pixels. Two networks are trained for an epoch. The peers are the method of libraries built around forward hooks, and the fastest
that PyTorch allows, each in its faster memory layout. The sides take turns; the best of each counts. Of PyTorch both the whole
process and its work without start and imports are shown; of Basin always the whole process. All CKAs must agree within 1e-4.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

import networks

HERE = Path(__file__).parent
SIZE, BATCH, THREADS = 64, 64, os.cpu_count()
LAYOUTS = ["nchw", "channels_last"]


def lay_out(source, folder, count):
    """Small copies of the domain's images, repeated with a shift until there are `count`."""
    paths = sorted((source / "DomainNet/real").glob("*/*.jpg"))
    classes = sorted({path.parent.name for path in paths})
    lines = []
    for number in range(count):
        path = paths[number % len(paths)]
        image = Image.open(path).convert("RGB")
        # A repeated image shows another part.
        edge = 8 * (number // len(paths))
        image = image.crop((edge, edge, *image.size)).resize((SIZE, SIZE))
        name = f"real/{path.parent.name}/{number}.png"
        (folder / "DomainNet" / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(folder / "DomainNet" / name)
        lines.append(f"{name} {classes.index(path.parent.name)}\n")
    for split in ["train", "test"]:
        (folder / f"DomainNet/real_{split}.txt").write_text("".join(lines))


def whole(command):
    """Seconds of a whole program, and the JSON that it prints."""
    start = time.perf_counter()
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start, json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    runner = networks.build()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lay_out(args.data_dir, folder, args.images)
        sets, ends = networks.two(runner, folder, SIZE, SIZE)
        # Moved out of their runs, their results lie in a folder that is new each round.
        ends = [end.rename(folder / f"network{number}.safetensors") for number, end in enumerate(ends)]
        ours = {"exact": ["--estimator", "exact"], "minibatch": ["--estimator", "minibatch", "--batch", str(BATCH)]}
        peers = {"exact": ["exact"], "minibatch": ["minibatch", "hooks"]}
        results = {}
        for number in range(args.rounds):
            for estimator, options in ours.items():
                base = folder / f"results{number}"
                command = [runner, "similarity", *ends, "-k", networks.KEY, *sets, *options, "-b", base, "--json"]
                results.setdefault(("Basin", estimator), []).append(whole(command))
                for method in peers[estimator]:
                    for layout in LAYOUTS:
                        command = [sys.executable, HERE / "similarity_peer.py", folder, *ends, method, BATCH, layout, THREADS]
                        results.setdefault((method, layout), []).append(whole(command))
    print(f"{args.images} images, {THREADS} threads; load {os.getloadavg()[0]:.1f}")
    print(f"{'':34} {'process, s':>10} {'work, s':>8} {'ratios to Basin':>16}")
    for estimator in ours:
        seconds, ours_result = min(results["Basin", estimator], key=lambda round: round[0])
        print(f"{'Basin, ' + estimator:34} {seconds:10.2f}")
        matrix = next(pair["modules"] for pair in ours_result["pairs"] if pair["networks"] == [0, 1])
        for method in peers[estimator]:
            rounds = [round for layout in LAYOUTS for round in results[method, layout]]
            process, work = min(round[0] for round in rounds), min(round[1]["seconds"] for round in rounds)
            name = "PyTorch with hooks" if method == "hooks" else f"fastest PyTorch, {method}"
            print(f"{name:34} {process:10.2f} {work:8.2f} {process / seconds:10.2f} {work / seconds:5.2f}")
            differences = [abs(a - b) for round in rounds for rows in zip(matrix, round[1]["cka"], strict=True)
                           for a, b in zip(*rows, strict=True)]
            print(f"    largest difference: {max(differences):.1g}")
            if not max(differences) <= 1e-4:
                sys.exit(f"the two sides do not agree in {method}")


if __name__ == "__main__":
    main()
