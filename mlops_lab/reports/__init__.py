"""Reports: one self-contained HTML file of what a project and a notebook have."""

from mlops_lab.reports.report import Report, render_report, report

__all__ = ["Report", "render_report", "report"]
