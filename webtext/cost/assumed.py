"""What is assumed where nothing was measured: rates of an earlier sample that come with the program, and of the live web."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import orjson

from webtext.core.errors import UsageError
from webtext.cost.lines import Line
from webtext.cost.model import Rates, StageRates

# A crawl of the live web. Processor time: benchmarks/fetch.py, 362 pages a second with two workers. Size: the pages of WCXB, 44 kB
# compressed and 0.5 kB of ledger. Pages: of links of 2005 to 2017, asked today, about that share answers with text.
CRAWL = StageRates(phases={"fetch": Line(1.0, 0.02, 0.0055)}, made=0.6, kept=27_000, spilled=27_000, peak=300 * 2**20, source="assumed")
WIRE_BYTES = 30_000.0  # of a link asked for, over all links, compressed as servers send it
ANSWER_SECONDS = 2.0  # of a link asked for: connection, answer, and the time-outs of dead hosts among them
LARGEST_HOST = 0.01  # share of the links on one host; of WebText's published domains the first has 3.4 %, on many hosts
POSTS_OF_LISTING = 1_000.0  # of a subreddit asked from Reddit's API


def load_rates(path: Path | None = None) -> Rates:
    """Rates that `webtext cost --save-rates` wrote, or those that come with the program. Raises UsageError that names the file."""
    name = str(path) if path else "rates.json"
    try:
        data = path.read_bytes() if path else (resources.files("webtext.cost") / "data" / "rates.json").read_bytes()
        return Rates.from_json(orjson.loads(data))
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror}); give a file that `webtext cost --save-rates` wrote") from None
    except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise UsageError(f"{name}: not rates ({error}); give a file that `webtext cost --save-rates` wrote") from None
