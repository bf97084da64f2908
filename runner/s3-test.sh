#!/usr/bin/env bash
# Checks checkpoints by URL against moto, a server that behaves as S3 (pip install 'moto[server]'), in about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --workspace --quiet
runner=$(pwd)/target/release/runner
folder=$(mktemp -d)
cd "$folder"
trap 'kill "$moto" 2>/dev/null || true; rm -rf "$folder"' EXIT
export BASIN_CACHE="$folder/cache" NO_PROXY=127.0.0.1 AWS_REGION=us-east-1 AWS_ALLOW_HTTP=true
export AWS_ENDPOINT_URL="http://127.0.0.1:${PORT:=5556}"

# The command must end with the code and a sentence that holds the part.
refused() {
    local code=$1 part=$2 status=0
    shift 2
    "$runner" "$@" >out.txt 2>&1 || status=$?
    cat out.txt
    if [ "$status" != "$code" ] || ! grep -q "^error: .*$part" out.txt; then
        echo "exit code $status; expected $code and: $part"
        exit 1
    fi
}

small=(--set data.configs.train_per_class=16 --set data.configs.test_per_class=8 --set train.batch_size=16 --set train.epochs=1)
"$runner" -k demo/Shapes_photo/fixup_resnet18/pretrain "${small[@]}"
file=$folder/experiments/demo/Shapes_photo/fixup_resnet18/pretrain/checkpoints/ckpt-E001.safetensors
url=s3://weights/photo/ckpt-E001.safetensors

# The first five requests may do all: they make a user, a bucket and the object. Then moto checks credentials and signatures.
INITIAL_NO_AUTH_ACTION_COUNT=5 moto_server -H 127.0.0.1 -p "$PORT" >moto.log 2>&1 &
moto=$!
until curl -s -o /dev/null "$AWS_ENDPOINT_URL/moto-api/"; do sleep 0.1; done
iam() {
    curl -sf "$AWS_ENDPOINT_URL/" -d Version=2010-05-08 -d UserName=basin --data-urlencode "$@" \
        -H 'Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request'
}
policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
iam Action=CreateUser >user.xml
iam Action=PutUserPolicy -d PolicyName=s3 --data-urlencode "PolicyDocument=$policy" >policy.xml
iam Action=CreateAccessKey >key.xml
curl -sf -X PUT "$AWS_ENDPOINT_URL/weights" >bucket.xml
curl -sf -T "$file" "$AWS_ENDPOINT_URL/weights/photo/ckpt-E001.safetensors"

refused 3 'AWS_SECRET_ACCESS_KEY' checkpoint inspect "$url"
export AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=nothing
refused 3 'may not be read with these credentials' checkpoint inspect "$url"
field() { sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" key.xml; }
AWS_ACCESS_KEY_ID=$(field AccessKeyId) AWS_SECRET_ACCESS_KEY=$(field SecretAccessKey)
refused 3 'there is no s3://weights/photo/ckpt-E009.safetensors' checkpoint inspect s3://weights/photo/ckpt-E009.safetensors
refused 3 'there is no bucket wieghts' checkpoint inspect s3://wieghts/photo/ckpt-E001.safetensors

"$runner" checkpoint diff "$file" "$url"
"$runner" -k demo/Shapes_clipart/fixup_resnet18/finetune "${small[@]}" --set train.finetune_from="$url"
sum=$(sha256sum "$file" | cut -d' ' -f1)
grep "pretrained_sha256: Some(\"$sum\")" experiments/demo/Shapes_clipart/fixup_resnet18/finetune/run.ron
kill "$moto"
"$runner" checkpoint inspect --names "$url" >inspected.txt
head -n 5 inspected.txt
echo 'checkpoints by URL work'
