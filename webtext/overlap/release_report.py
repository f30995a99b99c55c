"""Overlap reports against a release of filters made elsewhere: without a corpus, so no documents are named."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from webtext.core.config import OverlapSection
from webtext.core.files import explain_os_errors
from webtext.core.task import StageContext, run_task
from webtext.ngrams.filters import Filters
from webtext.overlap.phases import measure_benchmark, write_report


def report_on_release(release: Path, section: OverlapSection, out: Path, on_progress: Callable[[str], None] = lambda name: None) -> None:
    """Write what the overlap stage writes (docs/formats.md) to `out`, where files of the same names are replaced.

    `on_progress` is called with the name of each test set before it is measured. Raises WebtextError for a release or a test set that
    cannot be read.
    """
    Filters.open(release)  # raises before any file is written
    with explain_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".report-") as scratch:
        context = StageContext(Path(scratch), "overlap", "")
        (context.build / "ngrams").symlink_to(release.resolve(), target_is_directory=True)
        for index, benchmark in enumerate(section.benchmarks):
            on_progress(benchmark.name)
            run_task(context, f"measure-{index:05d}", measure_benchmark, index, benchmark, section)
        run_task(context, "report", write_report, 0, section)
        # The rejected examples (too short) stay behind: they are marked in examples/ too.
        for path in sorted(context.path.iterdir()):
            if path.is_dir():
                shutil.rmtree(out / path.name, ignore_errors=True)
            path.replace(out / path.name)
