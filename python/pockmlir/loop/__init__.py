"""Training loops over data: batches, epochs, comparison with PyTorch."""
