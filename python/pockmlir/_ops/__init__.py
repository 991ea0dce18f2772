"""Op classes of the pock dialect, generated from its ODS definition, and the IR that they build.

``_pock_ops_gen`` is what ``mlir-tblgen -gen-python-op-bindings`` writes. Its classes make operations of `ir`, which
are Python objects; a front end hands a module as text to ``pockmlir._core``, which verifies it.
"""
