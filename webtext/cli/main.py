"""`webtext`: rebuild WebText. Runs a command line; the commands themselves are in webtext.cli.commands."""

from __future__ import annotations

import os
import sys
from typing import Any

from webtext.core.errors import UsageError, WebtextError
from webtext.core.log import LOG, configure_log
from webtext.core.packages import check_packages


def main(arguments: list[str] | None = None) -> Any:
    """Run a command line. Exit status: 0 done, 1 failed, 2 wrong use."""
    try:
        configure_log(os.environ.get(LOG, ""))
        check_packages()
        # Imported here because the commands import the packages that were just checked.
        from webtext.cli.commands import app

        app(arguments)
    except WebtextError as error:
        print(f"webtext: {error}", file=sys.stderr)  # noqa: T201 - the command line's own output
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except KeyboardInterrupt:
        print("webtext: interrupted; run the same command again to go on", file=sys.stderr)  # noqa: T201
        sys.exit(130)


if __name__ == "__main__":
    main()
