"""What generated op classes import: the helpers of torch-mlir's MLIR bindings."""

from torch_mlir.dialects._ods_common import *  # noqa: F403
from torch_mlir.dialects._ods_common import _cext as _cext
