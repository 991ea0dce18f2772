"""Quantised networks for benchmarks and tests."""
