#!/bin/sh
# Write requirements/lock.txt anew from pyproject.toml, for Python 3.10 to 3.13 at once (needs uv).
# torch is pinned in train.txt alone, and what only its CUDA builds need is left to those builds, which pin it themselves.
set -eu
cd "$(dirname "$0")/.."
drop="--no-emit-package torch --no-emit-package triton"
for name in $(uv pip compile -q --universal --python-version 3.10 --no-header --no-annotate -c requirements/train.txt \
        --group dev --extra train pyproject.toml | sed -n 's/^\(nvidia-[a-z0-9-]*\|cuda-[a-z-]*\)==.*/\1/p' | sort -u); do
    drop="$drop --no-emit-package $name"
done
# shellcheck disable=SC2086
uv pip compile -q --universal --python-version 3.10 --no-annotate --custom-compile-command "requirements/lock.sh" \
    -c requirements/train.txt --group dev --extra train $drop pyproject.toml -o requirements/lock.txt
sed -i -e '/^# The following packages were excluded/,$d' requirements/lock.txt

# What Google's services and the tests of the portable path need beside the lock.
uv pip compile -q --universal --python-version 3.10 --no-annotate --custom-compile-command "requirements/lock.sh" \
    -c requirements/lock.txt --extra dataflow --group portable pyproject.toml -o requirements/dataflow.txt
grep -v '^#' requirements/lock.txt | grep -vxF -f - requirements/dataflow.txt >requirements/dataflow.tmp
mv requirements/dataflow.tmp requirements/dataflow.txt
