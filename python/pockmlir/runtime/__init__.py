"""A compiled step at work: calls, state, counters, learning rates, threads."""
