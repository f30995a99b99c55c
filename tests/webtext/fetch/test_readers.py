"""The archive as other tools read it: FastWARC and pywb, in the Python that WEBTEXT_WARC_PYTHON names (default: this one).

python -m venv tools && tools/bin/pip install fastwarc pywb
WEBTEXT_WARC_PYTHON=tools/bin/python pytest tests/webtext/fetch/test_readers.py
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.webtext.fetch.conftest import Builder, Fetched
from tests.webtext.fetch.server import Server
from tests.webtext.fetch.test_shard import URLS, some_pages
from tests.webtext.fetch.web_archive import OPTIONS, WebArchive
from webtext.core.config import ArchiveSection
from webtext.fetch.warc import pages_of_shard

PYTHON = os.environ.get("WEBTEXT_WARC_PYTHON", sys.executable)

FASTWARC = """
import hashlib, json, sys
from fastwarc.warc import ArchiveIterator, WarcRecordType

rows = []
for record in ArchiveIterator(open(sys.argv[1], "rb"), parse_http=False):
    whole = record.verify_block_digest()
    offset = record.stream_pos
    if record.record_type != WarcRecordType.response:
        assert whole and record.record_type in (WarcRecordType.request, WarcRecordType.warcinfo)
        continue
    record.parse_http()
    rows.append([record.headers["WARC-Target-URI"], offset, whole, record.http_headers.status_code,
                 dict(record.http_headers).get("Content-Encoding", ""), hashlib.sha256(record.reader.read()).hexdigest()])
print(json.dumps(rows))
"""


def run(module: str, *arguments: str) -> str:
    """What a Python with the tool prints; the test is skipped where it has none."""
    if subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True, check=False).returncode:
        pytest.skip(f"{module} is not installed (set WEBTEXT_WARC_PYTHON to a Python that has it)")
    return subprocess.run([PYTHON, *arguments], capture_output=True, check=True, text=True).stdout


@pytest.fixture
def fetched(builder: Builder, server: Server) -> Fetched:
    """Pages of all sorts: plain, compressed, redirected, and one from an archive."""
    gone = "http://gone.example/page"
    archive = WebArchive(server, {(gone, "20120704000000"): b"<p>As it was.</p>"})
    archive.serve()
    serve = server.default
    server.default = lambda c, path: some_pages(c, path) if path[1:].isdigit() else serve(c, path)
    return builder.fetch([*URLS[:30], gone], archive=ArchiveSection(**OPTIONS))


def warc(fetched: Fetched) -> Path:
    return fetched.build / "pages/shard-00000-000.warc.gz"


def test_fastwarc_reads_and_verifies_the_archive(fetched: Fetched) -> None:
    rows = json.loads(run("fastwarc", "-c", FASTWARC, str(warc(fetched))))
    assert all(whole for _, _, whole, _, _, _ in rows)
    found = {(url, offset): (status, coding, digest) for url, offset, _, status, coding, digest in rows}
    for row, page in pages_of_shard(fetched.build, 0):
        status, coding, digest = found[page.url, row["offset"]]
        assert status == 200
        if not coding:
            assert digest == hashlib.sha256(page.body).hexdigest()
    assert len(rows) == fetched.report.records_out + sum(len(row["redirects"]) for row in fetched.rows.values() if row["error"] is None)


def test_pywb_indexes_the_archive(fetched: Fetched) -> None:
    lines = run("pywb", "-m", "pywb.indexer.cdxindexer", "--cdxj", "--sort", str(warc(fetched))).splitlines()
    index = {}
    for line in lines:
        _, when, text = line.split(" ", 2)
        value = json.loads(text)
        index[value["url"], int(value["offset"])] = (when, value)
    for row, page in pages_of_shard(fetched.build, 0):
        when, value = index[page.url, row["offset"]]
        assert (value["status"], int(value["length"]), value["mime"]) == ("200", row["length"], "text/html")
        assert f"sha1:{value['digest'].removeprefix('sha1:')}" == row["digest"]
        assert when == ("20120704000000" if row["archive"] else "20180101000000")
