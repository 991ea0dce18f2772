"""Operators that are refused, and what to do instead."""

from __future__ import annotations

from ..registry import HINTS

_FACTORED = "not planned: factorisations have no op; compute it outside the model"

_REFUSED: dict[str, tuple[str, ...]] = {
    _FACTORED: (
        "linalg_svd", "linalg_svdvals", "svd", "linalg_eigh", "linalg_eig", "linalg_eigvals", "linalg_eigvalsh",
        "linalg_qr", "qr", "linalg_cholesky", "cholesky", "linalg_inv", "inverse", "linalg_inv_ex", "linalg_det",
        "det", "logdet", "slogdet", "linalg_slogdet", "linalg_solve", "linalg_lstsq", "linalg_pinv", "pinverse",
        "linalg_matrix_rank", "linalg_lu", "linalg_matrix_exp", "matrix_exp", "linalg_cond", "nuclear_norm",
        "nuclear_norm.dim", "linalg_solve_triangular",
    ),
    "the result is a Python number that depends on data; keep it a tensor": (
        "item", "_local_scalar_dense", "equal", "is_nonzero",
    ),
    "special function without an op; compute it outside the model": (
        "lgamma", "digamma", "polygamma", "mvlgamma", "igamma", "igammac", "erfinv", "special_i0", "special_i1", "i0",
        "special_zeta", "special_ndtri", "special_gammaln", "special_erfinv", "nextafter",
    ),
    "a quantised tensor, or fake quantisation; use pock.quantize, or a graph of convert_pt2e": (
        "quantize_per_tensor", "quantize_per_channel", "dequantize.self", "fake_quantize_per_tensor_affine",
        "fake_quantize_per_channel_affine", "fake_quantize_per_tensor_affine.tensor_qparams",
    ),
    "not planned: sparse tensors have no op; use dense ones": (
        "_sparse_mm", "to_sparse", "_sparse_softmax.int", "_sparse_log_softmax.int", "_grouped_mm",
    ),
    "the layout of memory (strides) is not part of the graph; use unfold, view, slicing or gather": (
        "as_strided", "as_strided_scatter",
    ),
    "an in-place change through unfold, or through another view of windows; compute the new tensor out of place": (
        "unfold_backward",
    ),
}  # fmt: skip

for _reason, _names in _REFUSED.items():
    for _name in _names:
        HINTS.setdefault(f"aten.{_name}", _reason)
