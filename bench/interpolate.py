"""20 networks on the line between two fixup_resnet18, on 1,000 JPEGs at 64 pixels: Basin beside the reference's method.

Run: python bench/interpolate.py DATA_DIR   (torch, torchvision, safetensors; builds Basin's runner with cargo)

DATA_DIR holds DomainNet/real/<class>/<image>.jpg, whose images are repeated under new names until there are 1,000. Basin
decodes them once; the reference, in PyTorch, decodes them again for every point with two worker processes. Whole processes
are timed, from start to end, the two taking turns; the best of each counts, PyTorch's in its faster memory layout. Both must
find the same losses.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import networks

HERE = Path(__file__).parent
SIZE, PRE_CROP = 64, 72


def lay_out(source, folder, count):
    """The domain's images, repeated until there are `count`, as its test and its training split."""
    images = sorted((source / "DomainNet/real").glob("*/*.jpg"))
    classes = sorted({path.parent.name for path in images})
    lines = []
    for number in range(count):
        path = images[number % len(images)]
        name = f"real/{path.parent.name}/{number}.jpg"
        target = folder / "DomainNet" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        lines.append(f"{name} {classes.index(path.parent.name)}\n")
    for split in ["train", "test"]:
        (folder / f"DomainNet/real_{split}.txt").write_text("".join(lines))


def whole(command):
    """Seconds and peak memory (MiB, of its largest process) of a whole program, and the last line that it prints."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"failed: {command}")
    points = json.loads(output.splitlines()[-1])["points"]
    return time.perf_counter() - start, usage.ru_maxrss / 1024, points


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    runner = networks.build()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lay_out(args.data_dir, folder, args.images)
        _, ends = networks.two(runner, folder, SIZE, PRE_CROP)
        peer = [sys.executable, HERE / "interpolate_peer.py", folder, *ends, args.points, SIZE, PRE_CROP]
        results = {"Basin": [], "PyTorch nchw": [], "PyTorch channels_last": []}
        for number in range(args.rounds):
            ours = [runner, "interpolate", *ends, "--coefficients", f"0:1:{args.points}", "--json",
                    "-o", folder / f"line{number}"]
            results["Basin"].append(whole(ours))
            for layout in ["nchw", "channels_last"]:
                results[f"PyTorch {layout}"].append(whole([*peer, layout]))
        print(f"{args.points} points, {args.images} images; load {os.getloadavg()[0]:.1f}")
        print(f"{'side':22} {'seconds':>8} {'peak MiB':>9}")
        best = {name: min(rounds, key=lambda round: round[0]) for name, rounds in results.items()}
        for name, (seconds, peak, _) in best.items():
            print(f"{name:22} {seconds:8.2f} {peak:9.0f}")
        fastest = min(seconds for name, (seconds, _, _) in best.items() if name != "Basin")
        print(f"Basin is {fastest / best['Basin'][0]:.2f} times as fast")
        difference = {}
        for metric in ["accuracy", "loss"]:
            difference[metric] = max(abs(ours[metric] - theirs[metric]) for name in results if name != "Basin"
                                     for ours, theirs in zip(best["Basin"][2], best[name][2], strict=True))
            print(f"largest difference in {metric}: {difference[metric]:.2g}")
        # Halfway between networks of one epoch the largest logits of an image may be alike to the last bits, so losses decide.
        if difference["loss"] > 1e-3:
            sys.exit("the two sides do not agree")


if __name__ == "__main__":
    main()
