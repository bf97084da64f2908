#!/usr/bin/env bash
# Makes the files that `hostile_inputs.rs` damages, with the program itself: core/tests/hostile/make.sh target/release/runner
set -euo pipefail
runner=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cd "$work"
key=demo/Shapes_photo/fixup_resnet18/pretrain
small=(--set data.configs.train_per_class=4 --set data.configs.test_per_class=4 --set data.configs.image_size=16
    --set data.configs.pre_crop_size=16 --set train.batch_size=8 --set train.epochs=2 --set train.keep_every=1)
"$runner" -k $key "${small[@]}"
"$runner" -k $key "${small[@]}" --replicate 1
one=experiments/$key two=experiments-rep1/$key
last() { echo "$1/checkpoints/ckpt-E002.safetensors"; }
cp $one/metrics.jsonl $one/run.ron $one/predictions/last.safetensors "$here/run/"

"$runner" interpolate "$(last $one)" "$(last $two)" --coefficients 0:1:3 -o interpolation
"$runner" basin "$(last $one)" "$(last $two)" -o basin
"$runner" rewind "$(last $one)" --modules fc,layer1.0 -o rewinding
"$runner" criticality "$(last $one)" --modules fc -o criticality
"$runner" mistakes "$(last $one)" "$(last $two)" -o mistakes
"$runner" similarity "$(last $one)" "$(last $two)" -o similarity
"$runner" curves 'photo' -o curves
"$runner" distance "$(last $one)" "$(last $two)" -o distance
"$runner" spectrum "$(last $one)" --layers fc -o spectrum
"$runner" accuracy "$(last $one)" "$(last $two)" --on Shapes_line -o accuracy
"$runner" probe "$(last $one)" --modules layer4,avgpool --held-out 0.25 --strengths 0.1:10:3 --neighbours 3 -o probe
for name in interpolation basin rewinding criticality mistakes similarity curves distance spectrum accuracy probe; do
    mkdir -p "$here/results/$name"
    cp $name/result.json "$here/results/$name/"
done
cp basin/points.jsonl "$here/results/basin/"
cp -r spectrum/values "$here/results/spectrum/"
rm -r "$work"
