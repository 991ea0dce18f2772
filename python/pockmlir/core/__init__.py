"""The compiler's extension module, its stages and tools, and MLIR text."""
