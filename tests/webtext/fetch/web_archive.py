"""Web archives on loopback: captures behind the two kinds of CDX servers, played back by one and stored in WARC files by the other."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import NAMESPACE_URL, uuid5

import orjson
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.webtext.fetch.server import Connection, Server

WAYBACK = "wayback.example"  # /cdx answers as the Wayback Machine's index does, /web/TIMESTAMPid_/URL plays back
INDEX = "index.example"  # /crawl-index answers as Common Crawl's does
DATA = "data.example"  # /crawl.warc.gz has its records

OPTIONS = {
    "indexes": [f"http://{WAYBACK}/cdx"],
    "playback": f"http://{WAYBACK}/web/{{timestamp}}id_/{{url}}",
    "warcs": f"http://{DATA}/",
}
CRAWL = {**OPTIONS, "indexes": [f"http://{INDEX}/crawl-index"]}


@dataclass
class WebArchive:
    """What was captured: (URL, timestamp) -> body. `headers` are those of the playback of a body."""

    server: Server
    captures: dict[tuple[str, str], bytes] = field(default_factory=dict)
    headers: dict[bytes, str] = field(default_factory=dict)
    queries: list[dict[str, str]] = field(default_factory=list)

    def serve(self) -> None:
        self.server.default = self._answer
        self.server.handlers[f"{WAYBACK}/robots.txt"] = lambda c, _: c.page(b"User-agent: *\nDisallow: /")

    def _answer(self, c: Connection, path: str) -> None:
        host = next(one.host for one in reversed(self.server.asked) if one.connection == c.number)
        if host == WAYBACK and path.startswith("/cdx?"):
            c.page(orjson.dumps(self._table(path)), headers="Content-Type: application/json\r\n")
        elif host == WAYBACK:
            self._play_back(c, path)
        elif host == INDEX:
            lines = self._lines(path)
            if lines:
                c.page(lines, headers="Content-Type: text/x-ndjson\r\n")
            else:
                c.page(b'{"message": "No Captures found for: x"}', "404 Not Found", "Content-Type: application/json\r\n")
        elif host == DATA:
            self._range(c)
        else:
            c.page(b"gone", "404 Not Found")

    def _found(self, path: str) -> list[tuple[str, str]]:
        """As a CDX server: of that URL, in those bounds, nearest first, so many."""
        query = dict(parse_qsl(urlsplit(path).query))
        self.queries.append(query)
        assert (query["filter"], query["sort"], query["output"]) == ("statuscode:200", "closest", "json")
        keys = [key for key in self.captures if key[0] == query["url"] and query.get("from", "0") <= key[1] <= query.get("to", "9")]
        return sorted(keys, key=lambda key: abs(int(key[1]) - int(query["closest"])))[: int(query["limit"])]

    def _table(self, path: str) -> list[list[str]]:
        rows = [["com,example)/", when, url, "text/html", "200", "DIGEST", "123"] for url, when in self._found(path)]
        return [["urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length"], *rows] if rows else []

    def _play_back(self, c: Connection, path: str) -> None:
        match = re.fullmatch(r"/web/(\d{14})id_/(.*)", unquote(path))
        body = self.captures.get((match[2], match[1])) if match else None
        if body is None:
            c.page(b"not archived", "404 Not Found")
        else:
            c.page(body, headers=self.headers.get(body, "Content-Type: text/html\r\nX-Robots-Tag: noai\r\nX-Archive-Src: here\r\n"))

    def _warc(self) -> tuple[bytes, dict[tuple[str, str], tuple[int, int]]]:
        output, places = io.BytesIO(), {}
        writer = WARCWriter(output, gzip=True)
        for (url, when), body in self.captures.items():
            start = output.tell()
            head = StatusAndHeaders("200 OK", [("Content-Type", "text/html"), ("X-Crawl", "yes")], protocol="HTTP/1.1")
            date = re.sub(r"(....)(..)(..)(..)(..)(..)", r"\1-\2-\3T\4:\5:\6Z", when)
            # NB: a record's id would be random otherwise, and the places of the records with it
            fields = {"WARC-Date": date, "WARC-IP-Address": "192.0.2.1", "WARC-Record-ID": f"<urn:uuid:{uuid5(NAMESPACE_URL, url + when)}>"}
            record = writer.create_warc_record(url, "response", io.BytesIO(body), http_headers=head, warc_headers_dict=fields)
            writer.write_record(record)
            places[url, when] = (start, output.tell() - start)
        return output.getvalue(), places

    def _lines(self, path: str) -> bytes:
        places = self._warc()[1]
        rows = []
        for url, when in self._found(path):
            offset, length = places[url, when]
            place = {"filename": "crawl.warc.gz", "offset": str(offset), "length": str(length)}
            rows.append({"urlkey": "k", "timestamp": when, "url": url, "mime": "text/html", "status": "200", "digest": "D", **place})
        return b"".join(orjson.dumps(row) + b"\n" for row in rows)

    def _range(self, c: Connection) -> None:
        head = next(one.head for one in reversed(self.server.asked) if one.connection == c.number)
        match = re.search(rb"Range: bytes=(\d+)-(\d+)", head)
        data = self._warc()[0]
        if match:
            c.page(data[int(match[1]) : int(match[2]) + 1], "206 Partial Content", "Content-Type: application/gzip\r\n")
        else:
            c.page(data)
