"""Accuracy of int8 training beside float32, seed by seed; `bench/int8_accuracy.py` is the command."""
