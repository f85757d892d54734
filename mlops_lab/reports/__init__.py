"""Reports: one self-contained HTML file from anything of a project, and from what a notebook has."""

from mlops_lab.reports.report import Report, render_report, report

__all__ = ["Report", "render_report", "report"]
