"""The report on a whole build: `report/summary.json` for programs and `report.html` for people."""

from webtext.report.phases import write_report

__all__ = ["write_report"]
