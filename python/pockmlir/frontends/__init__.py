"""Frontends: one package for each source of models."""
