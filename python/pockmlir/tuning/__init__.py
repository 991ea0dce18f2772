"""Measures kernels and chooses their tiles and algorithms."""
