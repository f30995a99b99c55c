#!/bin/sh
# Write the locks anew from pyproject.toml, for Python 3.10 to 3.13 at once (needs uv). Versions that a lock has stay where they fit;
# `requirements/lock.sh --upgrade` takes the newest.
#
#   lock.txt          what a worker needs: the package's own dependencies and nothing else
#   development.txt   beside it: the extras `train` (but torch, which train.txt pins), `evaluate` and `lm-eval`, and the tools of `make test` and `make lint`
#   dataflow.txt      beside it: Google's packages and what `make test-portable` needs
set -eu
cd "$(dirname "$0")/.."

compile() {  # compile OUTPUT ARGUMENTS...
    output=$1
    shift
    uv pip compile -q --universal --python-version 3.10 --no-annotate --custom-compile-command "requirements/lock.sh" "$@" pyproject.toml -o "$output"
    sed -i -e '/^# The following packages were excluded/,$d' "$output"
}

beside() {  # what another lock has beside lock.txt
    grep -v '^#' requirements/lock.txt | grep -vxF -f - "$1" >"$1.tmp"
    mv "$1.tmp" "$1"
}

compile requirements/lock.txt "$@"

# torch is pinned in train.txt alone; what only its CUDA builds need is left to those builds, which pin it themselves.
drop="--no-emit-package torch --no-emit-package triton"
for name in $(uv pip compile -q --universal --python-version 3.10 --no-header --no-annotate -c requirements/lock.txt -c requirements/train.txt \
        --group dev --extra train --extra evaluate --extra lm-eval pyproject.toml | sed -n 's/^\(nvidia-[a-z0-9-]*\|cuda-[a-z-]*\)==.*/\1/p' | sort -u); do
    drop="$drop --no-emit-package $name"
done
# shellcheck disable=SC2086
compile requirements/development.txt -c requirements/lock.txt -c requirements/train.txt --group dev --extra train --extra evaluate --extra lm-eval $drop "$@"
beside requirements/development.txt

compile requirements/dataflow.txt -c requirements/lock.txt -c requirements/development.txt --extra dataflow --group portable "$@"
beside requirements/dataflow.txt
