"""Op classes of the pock dialect, generated from its ODS definition.

``_pock_ops_gen`` works on the MLIR bindings of torch-mlir, whose context does not know the dialect: set
``context.allow_unregistered_dialects = True`` before building ops, and hand the module as text to
``pockmlir._core``, which verifies it.
"""
