"""Helpers without knowledge of the compiler: byte counts, tables, files, JSON, C names."""
