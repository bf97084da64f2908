"""Basin beside PyTorch on this machine: images per second, peak memory, and their ratios.

Run: python bench/run.py   (from a venv with torch, torchvision and timm; builds Basin's side with cargo)

Both sides take turns, three times each, on the same thread count; the best of each counts, since other work on the machine
only ever slows a step. PyTorch is measured in both memory layouts and the faster one is the peer.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
THREADS = os.cpu_count()
CASES = [("fixup_resnet50", 224, 8), ("fixup_resnet18", 32, 64), ("torchvision/resnet50", 224, 8),
         ("vit_small_patch16_224", 224, 8), ("convnext_tiny", 224, 8), ("densenet121", 224, 8)]
SECONDS, ROUNDS = 8, 3


def call(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main():
    for what in (["--workspace", "--example", "bench"], ["--bin", "runner"]):
        subprocess.run(["cargo", "build", "--release", *what], cwd=HERE.parent, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    starts = [time.perf_counter()]
    for _ in range(20):
        subprocess.run([target / "release/runner", "configs"], check=True, stdout=subprocess.DEVNULL)
        starts.append(time.perf_counter())
    fastest = min(after - before for before, after in zip(starts, starts[1:]))
    print(f"runner configs: {1000 * fastest:.1f} ms")
    print(f"{THREADS} threads; images/s and peak MiB; PyTorch in its faster layout")
    print(f"{'case':42} {'Basin':>8} {'MiB':>6} {'PyTorch':>8} {'MiB':>6} {'layout':>14} {'ratio':>6}")
    for arch, size, batch in CASES:
        for what in ["forward", "train"]:
            ours, peers = [], []
            for _ in range(ROUNDS):
                ours.append(call([target / "release/examples/bench", what, arch, str(size), str(batch), str(SECONDS)]))
                for layout in ["nchw", "channels_last"]:
                    options = {"what": what, "arch": arch, "size": size, "batch": batch, "seconds": SECONDS,
                               "threads": THREADS, "layout": layout}
                    flags = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
                    peers.append(call([sys.executable, HERE / "peer.py", *flags]) | {"layout": layout})
            speed = lambda result: result["images_per_second"]
            our, peer = max(ours, key=speed), max(peers, key=speed)
            case = f"{arch} {size}px batch {batch} {what}"
            print(f"{case:42} {speed(our):8.1f} {our['peak_mib']:6} {speed(peer):8.1f} {peer['peak_mib']:6} "
                  f"{peer['layout']:>14} {speed(our) / speed(peer):6.2f}", flush=True)


if __name__ == "__main__":
    main()
