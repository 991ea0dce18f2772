"""Helpers that know nothing of compilers: numbers of bytes, tables, files, JSON, C names."""
