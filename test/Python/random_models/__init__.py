"""Random models, trained by a compiled step and by PyTorch in float32 and float64.

A seed determines a program: a module's source text, its inputs, a loss, an optimizer, a scheme, options. Operators are
drawn from the front end's table of converters, by their schemas in PyTorch, so that new converters are included
automatically. Operators whose operands must fit together have a template. Each model runs in a process of its own.
"""
