"""Schemes: which parameters train, and which part of each."""

from .api.scheme import ParameterInfo, Rule, Scheme

__all__ = ["ParameterInfo", "Rule", "Scheme"]
