"""Random models, trained by a compiled step and by PyTorch in float32 and float64.

A seed gives a program: a module's source text, its inputs, a loss, an optimizer, a scheme, options. Operators are drawn
from the frontend's table of converters, by their schemas in PyTorch, so that a new converter takes part without a
line here; operators whose operands have to fit together have a template. Each model runs in a process of its own.
"""
