#!/usr/bin/env bash
# Builds target/cuda/release/runner for NVIDIA's GPUs, also where the LLVM that cubecl-cuda downloads cannot be had: kernels
# become CUDA C++, which CUDA's own NVRTC compiles where the program runs. What is left of LLVM is linked to functions that nobody
# calls. The machine that builds needs no GPU and no CUDA. CUDARC_CUDA_VERSION says which CUDA the other machine has.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOCS_RS=1 CUDARC_CUDA_VERSION="${CUDARC_CUDA_VERSION:-13000}"
export RUSTFLAGS="-C link-arg=-Wl,--unresolved-symbols=ignore-all"
program=target/cuda/release/runner stand_in=$PWD/target/cuda/llvm.o
# These flags rebuild everything, so its target folder is its own. A GPU waits for the crate that passes it Burn's calls.
build() {
    cargo rustc --config 'profile.release.package.burn-dispatch.opt-level = 3' --release --package runner --bin runner \
        --features cuda-cpp --target-dir target/cuda -- "$@"
}
build
# A program does not start while a function that it names is nowhere.
nm --dynamic --undefined-only "$program" |
    awk '$2 ~ /^(LLVM|cubecl_)/ { print "void " $2 "(void) { __builtin_trap(); }" }' |
    cc -x c -c -o "$stand_in" -
build -C "link-arg=$stand_in"
strip "$program"
"$program" --version
