"""The log of a process: off unless the environment variable WEBTEXT_LOG or `--verbose` asks for it."""

from __future__ import annotations

import logging
import os

from webtext.core.errors import UsageError

LOG = "WEBTEXT_LOG"
VERBOSE = "webtext=info,pipelines=info,tokenizer=info,model=info"


def configure_log(levels: str) -> None:
    """Log to standard error by levels such as `info` (of everything) or `webtext.fetch=debug,pipelines=info`; workers inherit them.

    Raises UsageError for a level that does not exist.
    """
    # Libraries are silent by default: what concerns the user is raised, and printed as one sentence.
    logging.basicConfig(level=logging.CRITICAL, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for part in filter(None, levels.split(",")):
        name, _, level = part.strip().rpartition("=")
        try:
            logging.getLogger(name).setLevel(level.upper())
        except ValueError:
            raise UsageError(f"{LOG}: {level!r} is no level; write debug, info, warning or error, or MODULE=LEVEL") from None
    os.environ[LOG] = levels
