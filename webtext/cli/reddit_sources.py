"""What a build reads from outside this machine's disk: made ready before its first stage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.filesystem import configure, is_url
from webtext.cli.progress import ProgressDisplay
from webtext.core.config import Config
from webtext.core.task import StageContext
from webtext.links.listings import Listing

DIRECTORY = "reddit"  # of the build: the dumps that listings of the live API become


def prepare_sources(config: Config, build: Path, arguments: Sequence[str], display: ProgressDisplay, *, ask: bool) -> Config:
    """The configuration with `links.subreddits` as further dumps, which Reddit is asked for where they are not there and `ask` is set.

    Beam's `arguments` hold what its file systems need to know, as --hdfs_host.
    """
    if any(map(is_url, config.links.dumps)):
        configure(arguments)
    listings = [Listing.parse(text) for text in config.links.subreddits]
    if not listings:
        return config
    paths = [listing.dump(build / DIRECTORY) for listing in listings]
    if ask and not all(path.exists() for path in paths):
        _download(listings, build, config.links.praw_site, display)
    dumps = [*config.links.dumps, *map(str, paths)]
    return config.model_copy(update={"links": config.links.model_copy(update={"dumps": dumps})})


def _download(listings: Sequence[Listing], build: Path, site: str, display: ProgressDisplay) -> None:
    # Imported here because PRAW takes a third of a second.
    from webtext.links.reddit_api import download

    with display.watch(DIRECTORY, StageContext(build, DIRECTORY, ""), {"list": len(listings)}) as progress:

        def on_posts(listing: Listing, posts: int) -> None:
            progress(f"r/{listing.name} ({listings.index(listing) + 1} of {len(listings)}): {posts:,} posts")

        download(listings, build / DIRECTORY, site=site, progress=on_posts)
