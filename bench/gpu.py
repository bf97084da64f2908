"""Basin beside PyTorch on a GPU: time of a step, peak memory, their ratios, and where Basin's time goes.

Run: python bench/gpu.py [--device cuda:0]   (torch, torchvision; builds Basin's side with cargo)

fixup_resnet50 at 224 pixels, batches of 32 and 256, single precision (Burn takes TF32 where that is faster, so PyTorch may too)
and bfloat16, forward and a training step. PyTorch keeps channels last, with and without torch.compile; the faster one is the
peer. Both sides launch steps ahead and wait at the end; they take turns, and the best of each counts. `--device cpu` and smaller
numbers try the script itself where there is no GPU.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def call(*command):
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--arch", default="fixup_resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 256])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    what = ["--workspace"] if args.device == "cpu" else ["--package", "basin-core", "--features", "cuda"]
    subprocess.run(["cargo", "build", "--release", *what, "--example", "gpu"], cwd=HERE.parent, check=True)
    ours_program = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")).absolute() / "release/examples/gpu"

    print(f"{args.arch} at {args.size} px on {args.device}; milliseconds and peak MiB")
    print(f"{'case':28} {'Basin':>9} {'MiB':>7} {'PyTorch':>9} {'MiB':>7} {'compiled':>8} {'ratio':>6}")
    for batch in args.batches:
        for precision, peer_precision in [("f32", "tf32"), ("bf16", "bf16")]:
            ours, peers = [], {"forward": [], "train": []}
            for _ in range(args.rounds):
                ours.append(call(ours_program, args.device, args.arch, args.size, batch, precision, args.steps))
                for what, results in peers.items():
                    for compiled in [[], ["--compile"]]:
                        result = call(sys.executable, HERE / "peer.py", "--arch", args.arch, "--size", args.size,
                                      "--batch", batch, "--seconds", args.seconds, "--what", what, "--device",
                                      args.device, "--precision", peer_precision, *compiled)
                        results.append(result | {"ms": 1000 * batch / result["images_per_second"],
                                                 "compiled": "yes" if compiled else "no"})
            for what, results in peers.items():
                our = min(ours, key=lambda result: result[f"{what}_ms"])
                peer = min(results, key=lambda result: result["ms"])
                mib = our["peak_mib"] if our["peak_mib"] is not None else "-"
                print(f"{f'batch {batch} {peer_precision} {what}':28} {our[f'{what}_ms']:9.2f} {mib:>7} {peer['ms']:9.2f} "
                      f"{peer['peak_mib']:7} {peer['compiled']:>8} {peer['ms'] / our[f'{what}_ms']:6.2f}", flush=True)
            best = min(ours, key=lambda result: result["train_ms"])
            for part, ms in best["parts_ms"].items():
                print(f"    {part:32} {ms:9.2f} ms {100 * ms / best['train_ms']:5.1f} %")
            print(f"    convolutions {best['convolution_tflops']:.2f} TFLOP/s, a matrix product "
                  f"{best['matrix_product_tflops']:.2f}", flush=True)


if __name__ == "__main__":
    main()
