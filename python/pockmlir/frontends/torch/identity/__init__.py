"""The identity of a PyTorch model: a hash of everything that its import depends on, without running any of its code.

The hash covers the code of all functions that the model can call, what they read, and all attributes. `hasher` walks
the objects, `functions` the code, and `libraries` knows the code that cannot change without another version. Whatever
they do not understand makes them give up: the model then has no identity, and is imported anew.
"""
