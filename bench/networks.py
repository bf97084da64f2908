"""Basin's runner, and two networks that it has trained for the benchmarks to compare."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
KEY = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR"


def build():
    """The path of the runner, which is built first."""
    subprocess.run(["cargo", "build", "--release", "--bin", "runner"], cwd=HERE.parent, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")).absolute() / "release/runner"


def two(runner, folder, size, pre_crop):
    """Trains two instances of fixup_resnet18 for an epoch on the images in a folder; returns its settings as arguments, and the
    last checkpoints."""
    settings = [f"data.configs.data_dir={folder}", f"data.configs.image_size={size}", "model.arch=fixup_resnet18",
                f"data.configs.pre_crop_size={pre_crop}", "train.epochs=1", "train.data_workers=2"]
    sets = [part for setting in settings for part in ("--set", setting)]
    checkpoints = []
    for replicate in (1, 2):
        subprocess.run([runner, "-k", KEY, "-b", folder / "runs", "--replicate", str(replicate), *sets],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        checkpoints.append(folder / f"runs-rep{replicate}" / KEY / "checkpoints/ckpt-E001.safetensors")
    return sets, checkpoints
