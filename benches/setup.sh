#!/bin/sh
# Makes benches/.peers: a Python environment with PyTorch, NumPy, pyarrow,
# scikit-learn and openTSNE, and ConvNetJS from npm. Safe to run again. `benches/setup.sh DIR` makes it in DIR.
set -eu

benches=$(cd "$(dirname "$0")" && pwd)
peers=${1:-$benches/.peers}

for tool in python3 node npm; do
    command -v "$tool" >/dev/null || {
        echo "setup.sh: $tool is missing: install Python 3.10 or later and Node.js with npm, then run this again" >&2
        exit 1
    }
done

mkdir -p "$peers"
[ -x "$peers/venv/bin/python" ] || python3 -m venv "$peers/venv"
"$peers/venv/bin/python" -m pip install --requirement "$benches/requirements.txt"
npm install --prefix "$peers" --no-audit --no-fund convnetjs@0.3.0
"$peers/venv/bin/python" -c 'import torch; print("ready: PyTorch", torch.__version__)'
