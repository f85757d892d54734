#!/usr/bin/env bash
# Run every bench after the other, one JSON line each. The peers live in environments of their own.
set -euo pipefail
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1
for peers in peers peers-serving peers-kserve; do
  if [ ! -x "build/$peers/bin/python" ]; then
    python3 -m venv "build/$peers"
    .venv/bin/uv pip install --quiet --system-certs --python "build/$peers/bin/python" -r "tests/bench/$peers.txt"
  fi
done
for bench in tests/bench/*.py; do
  .venv/bin/python "$bench"
done
