"""Printed reports: the contract of a step, memory as text and pictures, profiles."""

from ..support.sizes import format_bytes
from .report import ParameterReport, Report

__all__ = ["ParameterReport", "Report", "format_bytes"]
