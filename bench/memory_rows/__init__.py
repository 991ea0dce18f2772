"""What `bench/memory.py` measures: our steps and PyTorch's, each in a process of its own."""
