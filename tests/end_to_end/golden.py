"""What each stage makes of the small web, as digests. A change of output without a new version of its stage leaves old builds as they are.

`python -m tests.end_to_end.golden BUILD`, of a build by tests.end_to_end.small, writes them anew for stages whose version was raised.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import orjson

from pipelines import stages
from webtext.core.directories import DIRECTORIES
from webtext.core.manifest import manifest_of
from webtext.core.tables import read_table

GOLDEN = Path(__file__).with_name("golden.json")
# Not fetch: its files hold the times of requests. Not the stages without a graph, whose tests are their own.
STAGES = (stages.LINKS, stages.EXTRACT, stages.CLEAN, stages.DEDUP, stages.NGRAMS, stages.OVERLAP, stages.TOKENIZER, stages.TOKENIZE)


def digests(build: Path) -> dict[str, list[object]]:
    """By stage its version and a digest of what it made: rows of tables, as their bytes depend on Arrow's version, and other files."""
    found: dict[str, list[object]] = {}
    for name, version in ((stage.name, stage.version) for stage in STAGES):
        digest = hashlib.sha256()
        manifest = manifest_of(build, name)
        assert manifest is not None
        for path in sorted(file.path for file in manifest.shards):
            digest.update(f"{path}\n".encode())
            if path.endswith(".parquet"):
                for row in read_table(build / path):
                    digest.update(orjson.dumps(row, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
            elif path.startswith(DIRECTORIES[name]) and not path.endswith("metadata.json"):
                digest.update((build / path).read_bytes())
        found[name] = [version, digest.hexdigest()]
    return found


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(digests(Path(sys.argv[1])), indent=2) + "\n")
