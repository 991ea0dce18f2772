"""The memory that a sparse update adds to inference: the model of "On-Device Training Under 256KB Memory".

Source: Lin et al., NeurIPS 2022 (arXiv 2206.15472), and the authors' ``algorithm/core/utils/partial_backward.py``.
It assumes int8 weights and activations, int32 biases, one bit per output for the mask of the clamp, and batch 1.
It describes another system. It selects schemes without compiling, also for other targets. The exact memory of a
step that is compiled here is in `Step.memory`.

>>> stem = Conv("stem", inputs=3, outputs=16, kernel=(3, 3), input_size=(128, 128), output_size=(64, 64))
>>> estimate(Backbone((stem,)), SparseUpdate(biases=1, weights={0: 1.0})).total
57840
"""

from .backbone import Backbone, Conv, Linear
from .describe import describe
from .estimate import Cost, LayerCost, estimate
from .search import Choice, search
from .update import SparseUpdate, to_scheme

__all__ = [
    "Backbone",
    "Choice",
    "Conv",
    "Cost",
    "LayerCost",
    "Linear",
    "SparseUpdate",
    "describe",
    "estimate",
    "search",
    "to_scheme",
]
