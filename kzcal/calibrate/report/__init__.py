"""The calibration report: one self-contained HTML file from two payloads."""

from kzcal.calibrate.report.page import write_report

__all__ = ["write_report"]
