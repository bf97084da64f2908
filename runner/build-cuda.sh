#!/usr/bin/env bash
# Builds target/cuda/release/runner for NVIDIA's GPUs, also where the LLVM that cubecl-cuda downloads cannot be had: kernels
# become CUDA C++, which CUDA's own NVRTC compiles where the program runs, and what is left of LLVM stays unlinked and unused.
# The machine that builds needs no GPU and no CUDA. CUDARC_CUDA_VERSION says which CUDA the other machine has.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOCS_RS=1 CUDARC_CUDA_VERSION="${CUDARC_CUDA_VERSION:-13000}"
export RUSTFLAGS="-C link-arg=-Wl,--unresolved-symbols=ignore-all"
# These flags rebuild everything, so its target folder is its own.
cargo build --release --package runner --features cuda-cpp --target-dir target/cuda
strip target/cuda/release/runner
