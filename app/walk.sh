#!/usr/bin/env bash
# A walk through the desktop program in a real window: trains two tiny networks, opens them, compares their settings, shuffles
# inputs, interpolates between them on WebGPU, and compares the points with the runner's on the CPU. Screenshots of each step
# stay in the folder.
#
# Run: app/walk.sh FOLDER   (Debian: xvfb xdotool imagemagick mesa-vulkan-drivers; takes minutes on software Vulkan)
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "$1")
mkdir -p "$folder/home"
cargo build --release --workspace
bin=$PWD/target/release
cd "$folder"

key=demo/Shapes_photo/fixup_resnet18/pretrain
for replicate in 1 2; do
    "$bin/runner" -k $key -b experiments --replicate $replicate --device cpu \
        --set data.configs.image_size=16 --set data.configs.pre_crop_size=18 \
        --set data.configs.train_per_class=8 --set data.configs.test_per_class=4 --set train.epochs=1
done
mkdir -p experiments

Xvfb :97 -screen 0 1360x860x24 &
screen=$!
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
export DISPLAY=:97
sleep 2
HOME=$folder/home XDG_RUNTIME_DIR=$folder/home CUBECL_AUTOTUNE_LEVEL=minimal \
    "$bin/app" --device wgpu experiments &
sleep 10
xdotool windowfocus "$(xdotool search --name Basin | head -1)"

click() { # X Y: then waits until it is drawn
    xdotool mousemove "$1" "$2"
    sleep 0.3
    xdotool click 1
    sleep 1.5
}
shot() { import -window root "$folder/$1.png"; }

click 92 183 # the key, with both seeds
shot runs
click 88 12
shot curves
click 244 12 # Inputs
click 508 134 # Shuffle blocks
sleep 2
shot inputs
click 325 12 # Interpolation
click 555 61
click 655 111 # the first network after its epoch
click 540 84
click 655 203 # the second
click 395 212 # Compute line
shot started
result() { find experiments-rep1 -path '*interpolation*' -name result.json; }
until [ -n "$(result)" ] && grep -q '"barrier": *{' "$(result)"; do
    sleep 5
    kill -0 $screen
done
sleep 2
shot interpolation

one=experiments-rep1/$key/checkpoints/ckpt-E001.safetensors
two=experiments-rep2/$key/checkpoints/ckpt-E001.safetensors
"$bin/runner" interpolate $one $two --coefficients 0:1:11 --device cpu --output cpu
python3 - "$(result)" cpu/result.json <<'COMPARE'
import json
import sys

window, runner = (json.load(open(path))["points"] for path in sys.argv[1:])
assert len(window) == len(runner) == 11, (len(window), len(runner))
for name, tolerance in [("loss", 1e-3), ("accuracy", 1e-3)]:
    worst = max(abs(a[name] - b[name]) for a, b in zip(window, runner))
    print(f"{name}: at most {worst:.1e} between WebGPU in the window and the runner's CPU")
    assert worst <= tolerance
COMPARE
