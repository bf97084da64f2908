"""Criticality surfaces with what lies before the module computed once, and computed again for each draw.

Run: python bench/criticality.py [SIZE] [IMAGES]   (32 and 300 unless given; builds with cargo)

fixup_resnet18, 11 coefficients x 11 deviations x 3 draws (one without noise), whole analyses from decoding to figures. Both
sides take turns; the best of each counts, since other work on the machine only ever slows it. Their points must be equal.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MODULES = {"early": "layer1.0", "late": "layer4.1"}
MEMORY = {"once": 4096, "again": 0}
ROUNDS = 2


def main():
    size, images = sys.argv[1:3] if len(sys.argv) > 2 else ("32", "300")
    build = ["cargo", "build", "--release", "--workspace", "--example", "criticality"]
    subprocess.run(build, cwd=HERE.parent, check=True)
    program = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "release/examples/criticality"
    print(f"{images} images of {size} pixels, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; seconds")
    print(f"{'module':16} {'once':>8} {'again':>8} {'ratio':>6}  points")
    for place, module in MODULES.items():
        seconds, points = {side: [] for side in MEMORY}, set()
        for _ in range(ROUNDS):
            for side, memory in MEMORY.items():
                done = subprocess.run([program, module, size, images, str(memory)], check=True, capture_output=True, text=True)
                result = json.loads(done.stdout)
                seconds[side].append(result["seconds"])
                points.add(result["points"])
        once, again = min(seconds["once"]), min(seconds["again"])
        equal = "equal" if len(points) == 1 else "DIFFERENT"
        print(f"{module + ', ' + place:16} {once:8.1f} {again:8.1f} {again / once:6.2f}  {equal}", flush=True)


if __name__ == "__main__":
    main()
