"""Parts of `bench/gpu_run.py`: they need Python, NumPy and PyTorch only."""
