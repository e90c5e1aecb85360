#!/usr/bin/env bash
# Everything that must hold: formatting, lints, tests, documentation. Prints
# what each part took. Needs cargo and, for the tests in which pyarrow and
# DuckDB read the log, python3 with venv; for those in the real window, Xvfb,
# xdotool and ImageMagick; for those of a page in a browser, Chromium and
# ChromeDriver (they are skipped without, but not where CI=true).
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
summary=""

part() {
    local name=$1 begin=$SECONDS
    shift
    echo "== $name"
    "$@"
    local took=$((SECONDS - begin))
    summary+="$(printf '%-15s %3d min %02d s' "$name" $((took / 60)) $((took % 60)))"$'\n'
}

# Sets REVACNN_PYTHON to a python with pyarrow and DuckDB.
python() {
    local folder="${CARGO_TARGET_DIR:-target}/python"
    if ! "$folder/bin/python" -c 'import duckdb, pyarrow' 2>/dev/null; then
        if ! { python3 -m venv --clear "$folder" && "$folder/bin/pip" install --quiet -r tests/requirements.txt; }; then
            echo "no python3 with venv and pip, or no packages: the tests in which it reads the log are skipped"
            [ "${CI:-}" != true ]
            return
        fi
    fi
    REVACNN_PYTHON="$(cd "$folder/bin" && pwd)/python"
    export REVACNN_PYTHON
    # Plans of notebooks are run by it; without, that test is skipped.
    if ! "$folder/bin/python" -c 'import snakemake' 2>/dev/null && ! "$folder/bin/pip" install --quiet 'snakemake>=9'; then
        echo "Snakemake cannot be installed: the test in which it runs a plan is skipped"
    fi
}

part formatting cargo fmt --all --check
part python python
part lints cargo clippy --workspace --all-targets --locked -- --deny warnings
part "lints, lean" cargo clippy --workspace --all-targets --no-default-features --locked -- --deny warnings
part build cargo test --workspace --locked --no-run
# Snapshots of the window are compared pixel by pixel: one renderer for all.
part tests env ICED_TEST_BACKEND=tiny-skia cargo test --workspace --locked
part documentation env RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --locked
echo "== all passed in $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
printf '%s' "$summary"
