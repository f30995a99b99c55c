"""The report on a whole build: `report/summary.json` for programs, `report.html` for people, `README.md` for other tools."""

from webtext.report.phases import write_report

__all__ = ["write_report"]
