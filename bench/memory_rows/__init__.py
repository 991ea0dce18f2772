"""The measurements of `bench/memory.py`: our steps and PyTorch's, each in a process of its own."""
