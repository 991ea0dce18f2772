"""Finds operators whose operands have different element types that PyTorch refuses to combine.

Export computes with shapes and types alone, and accepts operators that fail on real tensors, such as
a product of float64 inputs with float32 weights.
"""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram

from ...errors import ArgumentError
from .dtypes import spell_dtype
from .source import module_path, source_line

__all__ = ["require_equal_types"]

_OPERATORS = frozenset(
    """addbmm addmm addmv baddbmm batch_norm bilinear bmm conv1d conv2d conv3d conv_transpose1d conv_transpose2d
    conv_transpose3d convolution dot einsum group_norm gru instance_norm layer_norm linear lstm matmul mm mv prelu
    rms_norm rnn_relu rnn_tanh scaled_dot_product_attention""".split()
)


def require_equal_types(exported: ExportedProgram) -> None:
    """Check a program before it is decomposed.

    Raises:
        ArgumentError: an operator combines types that PyTorch does not combine.
    """
    for node in exported.graph.nodes:
        target = node.target
        if isinstance(target, torch._ops.OpOverload) and target._schema.name.removeprefix("aten::") in _OPERATORS:
            types = _types(node)
            if len(types) > 1:
                source = source_line(node)
                place = f" at {source[0]}:{source[1]}" if source else ""
                raise ArgumentError(
                    f"model: {target._schema.name.removeprefix('aten::')} in '{module_path(node)}'{place} has operands "
                    f"of {' and '.join(map(spell_dtype, types))}, which PyTorch does not mix; convert the input "
                    "before, or in the model (x.float())"
                )


def _types(node: fx.Node) -> list[torch.dtype]:
    """The element types of an operator's tensors, in order; masks do not count."""
    values = [operand.meta.get("val") for operand in node.all_input_nodes]
    return list(dict.fromkeys(v.dtype for v in values if isinstance(v, torch.Tensor) and v.dtype != torch.bool))
