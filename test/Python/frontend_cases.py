"""One small use of every operator that the front end converts, and the ops that it becomes.

Operands of floating-point type are parameters; other operands and `Fixed` ones are buffers. `ops` lists the ops of
`@loss` for the case, in alphabetical order, without loads and constants; `op*2` means two ops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

aten = torch.ops.aten


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable[..., Any]
    operands: tuple[Any, ...]
    ops: str


@dataclass(frozen=True)
class Fixed:
    value: torch.Tensor


class CaseModule(torch.nn.Module):
    """Holds the operands of a case and applies its function."""

    def __init__(self, case: Case, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.function, self.count = case.function, len(case.operands)
        for i, operand in enumerate(case.operands):
            if isinstance(operand, Fixed):
                self.register_buffer(f"x{i}", operand.value.to(dtype))
                continue
            value = operand if isinstance(operand, torch.Tensor) else torch.randn(operand)
            if value.is_floating_point():
                self.register_parameter(f"x{i}", torch.nn.Parameter(value.to(dtype, copy=True)))
            else:
                self.register_buffer(f"x{i}", value)

    def forward(self) -> Any:
        return self.function(*(getattr(self, f"x{i}") for i in range(self.count)))


class Family(torch.nn.Module):
    """Returns the results of all cases."""

    def __init__(self, cases: list[Case], dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.cases = torch.nn.ModuleDict({case.name: CaseModule(case, dtype) for case in cases})

    def forward(self, x: torch.Tensor) -> Any:
        return [case() for case in self.cases.values()]


FAMILIES: dict[str, list[Case]] = {}


def case(family: str, name: str, function: Callable[..., Any], *operands: Any, ops: str = "") -> None:
    FAMILIES.setdefault(family, []).append(Case(name, function, operands, ops))


X1, X2 = (2, 4, 9), (2, 4, 8, 8)
POS = torch.rand(3, 4) + 0.5
B = torch.tensor([[True, False, True, False]])
I = torch.tensor([[1, -2, 3, 0]])  # noqa: E741
LABELS = torch.tensor([1, 0, 3])

# Contractions
for n, f, args, ops in [
    ("conv1d", lambda x, w: F.conv1d(x, w, None, 2, 1), (X1, (6, 4, 3)), "conv"),
    ("conv2d", lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 0), 2, 2), (X2, (6, 2, 3, 3), (6,)), "add conv reshape"),
    ("conv2d_unbatched", lambda x, w: F.conv2d(x, w), ((4, 8, 8), (6, 4, 3, 3)), "conv reshape*2"),
    ("conv1d_same", lambda x, w: F.conv1d(x, w, padding="same"), (X1, (6, 4, 4)), "conv"),
    ("conv2d_same", lambda x, w: F.conv2d(x, w, padding="same", dilation=3), (X2, (6, 4, 2, 3)), "conv"),
    ("conv2d_valid", lambda x, w: F.conv2d(x, w, padding="valid"), (X2, (6, 4, 2, 3)), "conv"),
    ("conv_transpose1d", lambda x, w: F.conv_transpose1d(x, w, None, 2, 1, 1), (X1, (4, 6, 3)), "conv_transpose"),
    ("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 3), 1, (1, 2), 2, 2),
     (X2, (4, 3, 3, 3), (6,)), "add conv_transpose reshape"),
    ("convolution", lambda x, w: aten.convolution(x, w, None, [1], [1], [1], False, [0], 1), (X2, (6, 4, 3, 3)), "conv"),
    ("convolution_transposed", lambda x, w: aten.convolution(x, w, None, [2, 2], [1, 1], [1, 1], True, [1, 0], 1),
     (X2, (4, 6, 3, 3)), "conv_transpose"),
    ("linear", lambda x, w, b: F.linear(x, w, b), ((2, 3, 4), (5, 4), (5,)), "add linear"),
    ("linear_vector", lambda x, w: F.linear(x, w), ((4,), (5, 4)), "linear reshape*2"),
    ("mm", torch.mm, ((3, 4), (4, 5)), "matmul"),
    ("bmm", torch.bmm, ((2, 3, 4), (2, 4, 5)), "matmul"),
    ("mv", torch.mv, ((3, 4), (4,)), "matmul reshape*2"),
    ("dot", torch.dot, ((4,), (4,)), "matmul reshape*3"),
    ("vdot", torch.vdot, ((4,), (4,)), "matmul reshape*3"),
    ("matmul_batched", torch.matmul, ((2, 1, 3, 4), (5, 4, 6)), "expand*2 matmul"),
    ("matmul_rows", torch.matmul, ((2, 3, 4), (4, 5)), "matmul reshape*2"),
    ("matmul_vector", torch.matmul, ((4,), (2, 4, 5)), "expand matmul reshape*2"),
    ("addmm", lambda a, x, y: torch.addmm(a, x, y, beta=2, alpha=0.5), ((5,), (3, 4), (4, 5)), "add matmul mul*2"),
    ("addmv", torch.addmv, ((3,), (3, 4), (4,)), "add matmul reshape*2"),
    ("baddbmm", torch.baddbmm, ((2, 3, 5), (2, 3, 4), (2, 4, 5)), "add matmul"),
    ("einsum", lambda x, y: torch.einsum("bij,bkj->bik", x, y), ((2, 3, 4), (2, 5, 4)), "matmul reshape*6 transpose*5"),
    ("attention", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
     ((2, 2, 5, 4),) * 3, "attention"),
    ("attention_masked", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m, scale=0.3),
     ((2, 5, 4),) * 3 + (torch.ones(5, 5, dtype=torch.bool),), "attention reshape"),
    ("attention_bias", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m),
     ((2, 5, 4),) * 3 + ((5, 5),), "add matmul*2 mul softmax transpose"),
]:  # fmt: skip
    case("contraction", n, f, *args, ops=ops)

# Normalisation
C, V = (4,), Fixed(torch.rand(4) + 0.5)
for n, f, args, ops in [
    ("batch_norm_eval", lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b), (X2, V, V, C, C), "batch_norm"),
    ("batch_norm_train", lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (X2, C, C), "batch_norm_train"),
    ("layer_norm", lambda x, w, b: F.layer_norm(x, (8, 8), w, b), (X2, (8, 8), (8, 8)), "add mul normalize"),
    (
        "native_layer_norm",
        lambda x: aten.native_layer_norm(x, [8], None, None, 1e-3)[0],
        (X2,),
        "normalize",
    ),
    ("rms_norm", lambda x, w: F.rms_norm(x, (8,), w), (X2, (8,)), "mul normalize"),
    ("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), (X2, C, C), "add mul normalize reshape*4"),
    (
        "native_group_norm",
        lambda x: aten.native_group_norm(x, None, None, 2, 4, 64, 2, 1e-5)[0],
        (X2,),
        "normalize reshape*2",
    ),
    ("instance_norm", lambda x: F.instance_norm(x), (X2,), "normalize reshape*2"),
    ("instance_norm_eval", lambda x, m, v: F.instance_norm(x, m, v, use_input_stats=False), (X2, V, V), "batch_norm"),
]:
    case("normalization", n, f, *args, ops=ops)

# Pooling
for n, f, args, ops in [
    ("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), (X1,), "max_pool"),
    ("max_pool2d", lambda x: F.max_pool2d(x, (3, 2), (2, 3), (1, 0), (2, 1)), (X2,), "max_pool"),
    ("max_pool2d_ceil", lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), (X2,), "max_pool"),
    ("max_pool2d_unbatched", lambda x: F.max_pool2d(x, 2), ((4, 8, 8),), "max_pool reshape*2"),
    ("max_pool2d_indices", lambda x: F.max_pool2d(x, 2, return_indices=True)[0], (X2,), "max_pool"),
    ("max_pool1d_indices", lambda x: F.max_pool1d(x, 2, return_indices=True)[0], (X1,), "max_pool"),
    ("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1), (X1,), "avg_pool"),
    ("avg_pool1d_ceil", lambda x: F.avg_pool1d(x, 4, 3, 2, True, False), (X1,), "avg_pool"),
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), (X2,), "avg_pool"),
    ("avg_pool2d_ceil", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), (X2,), "avg_pool"),
    ("avg_pool2d_divisor", lambda x: F.avg_pool2d(x, (2, 3), divisor_override=5), (X2,), "avg_pool"),
    ("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 4), (X1,), "adaptive_avg_pool"),
    ("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (1, 3)), (X2,), "adaptive_avg_pool"),
    ("adaptive_avg_pool2d_core", lambda x: aten._adaptive_avg_pool2d(x, [2, 2]), (X2,), "adaptive_avg_pool"),
    ("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 3), (X1,), "max_pool"),
    ("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (2, 4)), (X2,), "max_pool"),
]:
    case("pooling", n, f, *args, ops=ops)

# Activations
M = (3, 4)
for n, f, ops in [
    ("relu", F.relu, "relu"), ("sigmoid", torch.sigmoid, "sigmoid"), ("tanh", torch.tanh, "tanh"),
    ("silu", F.silu, "silu"), ("hardswish", F.hardswish, "hardswish"), ("hardsigmoid", F.hardsigmoid, "hardsigmoid"),
    ("relu6", F.relu6, "hardtanh"), ("hardtanh", lambda x: F.hardtanh(x, -0.5, 0.7), "hardtanh"),
    ("leaky_relu", lambda x: F.leaky_relu(x, 0.2), "leaky_relu"), ("elu", lambda x: F.elu(x, 0.5), "elu"),
    ("celu", lambda x: F.celu(x, 0.5), "elu"), ("selu", F.selu, "elu"), ("gelu", F.gelu, "gelu"),
    ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), "gelu"),
    ("softplus", lambda x: F.softplus(x, 2.0, 3.0), "softplus"), ("mish", F.mish, "mul softplus tanh"),
    ("log_sigmoid", F.logsigmoid, "abs exp log1p minimum neg sub"),
    ("threshold", lambda x: F.threshold(x, 0.1, 0.5), "cmp select"),
    ("hardshrink", F.hardshrink, "abs cmp select"),
    ("softshrink", F.softshrink, "abs cmp mul*2 select sign sub"), ("glu", F.glu, "mul sigmoid slice*2"),
    ("softmax", lambda x: F.softmax(x, -1), "softmax"), ("softmax_core", lambda x: aten._softmax(x, 0, False), "softmax"),
    ("softmax_safe", lambda x: aten._safe_softmax(x, -1), "softmax"),
    ("log_softmax", lambda x: F.log_softmax(x, 0), "log_softmax"),
    ("log_softmax_core", lambda x: aten._log_softmax(x, 1, False), "log_softmax"),
    ("softmax_scalar", lambda x: F.softmax(x[0, 0], 0), "reshape*4 slice*2 softmax"),
    ("dropout_eval", lambda x: F.dropout(x, 0.5, False), ""), ("dropout_zero", lambda x: F.dropout(x, 0.0), ""),
]:  # fmt: skip
    case("activation", n, f, M, ops=ops)
case("activation", "prelu", F.prelu, X2, (4,), ops="cmp mul reshape select")
case("activation", "prelu_shared", F.prelu, M, (1,), ops="cmp mul select")

# Elementwise
for n, f, ops in [
    ("exp", torch.exp, "exp"), ("expm1", torch.expm1, "expm1"), ("log", torch.log, "log"),
    ("log1p", torch.log1p, "log1p"), ("sqrt", torch.sqrt, "sqrt"), ("rsqrt", torch.rsqrt, "rsqrt"),
    ("erf", torch.erf, "erf"), ("neg", torch.neg, "neg"), ("abs", torch.abs, "abs"), ("sign", torch.sign, "sign"),
    ("sgn", torch.sgn, "sign"), ("square", torch.square, "mul"), ("reciprocal", torch.reciprocal, "div"),
    ("log2", torch.log2, "div log"), ("log10", torch.log10, "div log"), ("exp2", torch.exp2, "pow"),
    ("logit", lambda x: torch.logit(x / 2, 0.3), "and clamp cmp*2 div*3 log mul select sub*2 with_derivatives"),
    ("logit_plain", lambda x: torch.logit(x / 2), "and cmp*2 div*3 log mul select sub*2 with_derivatives"),
    ("add", lambda x: torch.add(x, x, alpha=2), "add mul"), ("add_scalar", lambda x: x + 1, "add"),
    ("sub", lambda x: torch.sub(x, x, alpha=3), "mul sub"), ("sub_scalar", lambda x: x - 1, "sub"),
    ("rsub", lambda x: torch.rsub(x, x.exp()), "exp sub"), ("rsub_scalar", lambda x: 1 - x, "sub"),
    ("mul", lambda x: x * x, "mul"), ("mul_scalar", lambda x: 3 * x, "mul"),
    ("div", lambda x: x.exp() / x, "div exp"), ("div_scalar", lambda x: x / 3, "div"),
    ("div_mode_none", lambda x: torch.div(x, x.exp(), rounding_mode=None), "div exp"),
    ("true_divide", lambda x: torch.true_divide(x, x.exp()), "div exp"),
    ("pow", lambda x: x**3, "pow"), ("pow_tensor", lambda x: x**x, "pow"), ("pow_base", lambda x: 2**x, "pow"),
    ("maximum", lambda x: torch.maximum(x, x.log()), "log maximum"),
    ("minimum", lambda x: torch.minimum(x, x.log()), "log minimum"),
    ("max_other", lambda x: torch.max(x, x.log()), "log maximum"),
    ("min_other", lambda x: torch.min(x, x.log()), "log minimum"),
    ("clamp", lambda x: x.clamp(0.7, 1.2), "clamp"), ("clamp_min", lambda x: x.clamp_min(0.8), "clamp"),
    ("clamp_max", lambda x: x.clamp_max(0.8), "clamp"), ("clamp_crossed", lambda x: x.clamp(2.0, 1.0), ""),
    ("clamp_tensor", lambda x: x.clamp(x[0], x[1]), "and*2 cast*3 cmp*6 maximum minimum or reshape*2 slice*2 with_derivatives"),
    ("clamp_min_tensor", lambda x: x.clamp_min(x[0]), "cast*2 cmp*2 maximum reshape slice with_derivatives"),
    ("clamp_max_tensor", lambda x: x.clamp_max(x[0]), "cast*2 cmp*2 minimum reshape slice with_derivatives"),
    ("addcmul", lambda x: torch.addcmul(x, x, x, value=2), "add mul*2"),
    ("addcdiv", lambda x: torch.addcdiv(x, x.exp(), x), "add div exp"),
    ("lerp", lambda x: torch.lerp(x, x.exp(), 0.3), "add exp mul sub"),
    ("lerp_end", lambda x: torch.lerp(x, x.exp(), 0.8), "exp mul sub*3"),
    ("lerp_tensor", lambda x: torch.lerp(x, x.exp(), x / 3), "abs add cmp div exp mul*2 select sub*6 with_derivatives"),
    ("to_f64", lambda x: x.double() * 2, "cast mul"), ("to_copy", lambda x: x.to(torch.float64).float(), "cast*2"),
    ("type_as", lambda x: (x > 1).type_as(x), "cast cmp"),
    ("convert", lambda x: torch.ops.prims.convert_element_type(x > 1, x.dtype), "cast cmp"),
    ("clone", lambda x: x.clone().contiguous(), ""), ("alias", lambda x: aten.alias(x), ""),
    ("soft_sign", F.softsign, "abs add div"),
]:  # fmt: skip
    case("elementwise", n, f, POS, ops=ops)
for n, f, ops in [
    ("int_neg", torch.neg, "sub"), ("int_abs", torch.abs, "cmp select sub"),
    ("int_maximum", lambda x: torch.maximum(x, x + 1), "add cmp select"),
    ("int_minimum", lambda x: torch.minimum(x, x + 1), "add cmp select"),
    ("int_clamp", lambda x: x.clamp(-1, 2), "cmp*2 select*2"), ("int_square", lambda x: x**2, "mul"),
    ("int_add_float", lambda x: x + 0.5, "add cast"), ("int_div", lambda x: x / 2, "cast div"),
    ("int_exp", torch.exp, "cast exp"), ("int_cmp_float", lambda x: x > 0.5, "cast cmp"),
]:  # fmt: skip
    case("elementwise", n, f, I, ops=ops)
case("elementwise", "detach", lambda x: x.detach(), I, ops="")
case("elementwise", "mixed", lambda x, i, b: x * i + b, (3, 4), I, B, ops="add cast*2 mul")

# Comparisons and logic
for p in ("eq", "ne", "lt", "le", "gt", "ge"):
    case("comparison", p, getattr(torch, p), (3, 4), (4,), ops="cmp")
    case("comparison", f"{p}_scalar", lambda x, p=p: getattr(torch, p)(x, 0.5), (3, 4), ops="cmp")
for n, f, args, ops in [
    ("isnan", torch.isnan, (M,), "cmp"),
    ("logical_and", torch.logical_and, (B, B), "and"), ("logical_or", torch.logical_or, (B, I), "cast or"),
    ("logical_xor", torch.logical_xor, (B, B), "cmp"), ("logical_not", torch.logical_not, (I,), "cast not"),
    ("and_", lambda x, y: x & y, (B, B), "and"), ("or_", lambda x, y: x | y, (B, B), "or"),
    ("xor_", lambda x, y: x ^ y, (B, B), "cmp"), ("not_", lambda x: ~x, (B,), "not"),
    ("bitwise_and", torch.bitwise_and, (B, B), "and"), ("bitwise_or", torch.bitwise_or, (B, B), "or"),
    ("bitwise_xor", torch.bitwise_xor, (B, B), "cmp"),
    ("and_scalar", lambda x: x & True, (B,), "and"), ("or_scalar", lambda x: x | True, (B,), "or"),
    ("xor_scalar", lambda x: x ^ True, (B,), "cmp"),
    ("bitwise_and_scalar", lambda x: torch.bitwise_and(x, True), (B,), "and"),
    ("bitwise_or_scalar", lambda x: torch.bitwise_or(x, True), (B,), "or"),
    ("bitwise_xor_scalar", lambda x: torch.bitwise_xor(x, True), (B,), "cmp"),
    ("bool_add", lambda x: x + x, (B,), "or"), ("bool_mul", lambda x, y: x * y, (B, B), "and"),
    ("where", lambda c, x, y: torch.where(c, x, y), (B, M, M), "select"),
    ("where_other", lambda c, x: torch.where(c, x, 0.0), (B, M), "select"),
    ("where_self", lambda c, x: torch.where(c, 1.0, x), (B, M), "select"),
    ("where_scalars", lambda c: torch.where(c, 1.0, 2.0), (B,), "select"),
    ("masked_fill", lambda c, x: x.masked_fill(c, 2.0), (B, M), "select"),
    ("masked_fill_tensor", lambda c, x, v: x.masked_fill(c, v), (B, M, torch.tensor(3.0)), "select"),
]:  # fmt: skip
    case("comparison", n, f, *args, ops=ops)

# Reductions
for n, f, ops in [
    ("sum", torch.sum, "sum"), ("sum_dims", lambda x: x.sum((0, -1), keepdim=True), "sum"),
    ("mean", torch.mean, "mean"), ("mean_dims", lambda x: x.mean((1, 2)), "mean"),
    ("amax", lambda x: x.amax((1, 2)), "amax"), ("amax_all", lambda x: x.amax(), "amax"),
    ("amin", lambda x: x.amin(1, True), "amax neg*2"), ("max", torch.max, "amax cast cmp*2 div neg or reshape stop_gradient sub sum*2 with_derivatives"), ("min", torch.min, "amax cast cmp*2 div neg*3 or reshape stop_gradient sub sum*2 with_derivatives"),
    ("max_dim", lambda x: list(x.max(1)), "argmax cmp iota reshape select sum"),
    ("max_dim_keep", lambda x: list(x.max(-1, keepdim=True)), "argmax cmp iota reshape*2 select sum"),
    ("min_dim", lambda x: list(x.min(0)), "argmax cmp iota neg reshape select sum"),
    ("argmax", torch.argmax, "argmax reshape"), ("argmax_dim", lambda x: x.argmax(1, keepdim=True), "argmax reshape"),
    ("argmin", lambda x: x.argmin(1), "argmax neg"),
    ("logsumexp", lambda x: x.logsumexp((1, 2)), "add amax clamp exp log reshape stop_gradient sub sum"),
    ("any_", lambda x: (x > 0).any(), "cast cmp*2 sum"), ("any_dim", lambda x: (x > 0).any(1), "cast cmp*2 sum"),
    ("any_dims", lambda x: (x > 0).any((1, 2)), "cast cmp*2 sum"),
    ("all_", lambda x: (x > 0).all(), "cast cmp*2 sum"), ("all_dim", lambda x: (x > 0).all(1), "cast cmp*2 sum"),
    ("all_dims", lambda x: (x > 0).all((1, 2)), "cast cmp*2 sum"),
    ("var", torch.var, "mean mul*2 stop_gradient sub sum"), ("var_dim", lambda x: x.var(1), "mean mul*2 stop_gradient sub sum"),
    ("std", torch.std, "cmp mean mul*2 select*2 sqrt stop_gradient sub sum"),
    ("std_dim", lambda x: x.std(1, False, True), "cmp mean mul*2 select*2 sqrt stop_gradient sub sum"),
    ("var_correction", lambda x: torch.var(x, 1, correction=2), "mean mul*2 stop_gradient sub sum"),
    ("std_correction", lambda x: torch.std(x, 2, correction=0), "cmp mean mul*2 select*2 sqrt stop_gradient sub sum"),
    ("var_mean", lambda x: list(torch.var_mean(x, 1)), "mean*2 mul*2 stop_gradient sub sum"),
    ("var_mean_correction", lambda x: list(torch.var_mean(x, 1, correction=0)), "mean*2 mul*2 stop_gradient sub sum"),
    ("norm", lambda x: torch.linalg.vector_norm(x, 2, 1), "cmp mul select*2 sqrt sum"),
    ("norm1", lambda x: torch.linalg.vector_norm(x, 1, 1), "abs sum"),
    ("norm_inf", lambda x: torch.linalg.vector_norm(x, float("inf"), (1, 2)), "abs amax cast cmp*2 div mul neg reshape select sign stop_gradient*2 sub sum*2 with_derivatives"),
    ("normalize", lambda x: F.normalize(x, dim=1), "clamp cmp div expand mul select*2 sqrt sum"),
    ("cosine", lambda x: F.cosine_similarity(x, x.exp(), dim=1), "cast*4 cmp*6 div*2 exp maximum*2 mul*3 select*4 sqrt*2 sum*3 with_derivatives*2"),
    ("pairwise", lambda x: F.pairwise_distance(x, x.exp()), "add cmp exp mul select*2 sqrt sub sum"),
    ("max_scalar", lambda x: list(x.sum().max(0)), "sum"),
]:  # fmt: skip
    case("reduction", n, f, (3, 4, 2), ops=ops)
case("reduction", "int_sum", torch.sum, I, ops="sum")
case("reduction", "bool_sum", torch.sum, B, ops="cast sum")

# Shapes
T = (2, 3, 4)
for n, f, ops in [
    ("view", lambda x: x.view(6, 4), "reshape"), ("reshape_copy", lambda x: x.transpose(0, 1).reshape(-1), "reshape transpose"),
    ("unsafe_view", lambda x: aten._unsafe_view(x, [6, 4]), "reshape"),
    ("view_copy", lambda x: aten.view_copy(x, [6, 4]), "reshape"),
    ("flatten", lambda x: x.flatten(1).unflatten(1, (2, 6)), "reshape*2"),
    ("squeeze", lambda x: x[:1].squeeze().unsqueeze(1), "reshape*2 slice"),
    ("squeeze_dim", lambda x: x[:1].squeeze(0), "reshape slice"),
    ("squeeze_dims", lambda x: x[:1].squeeze((0, 1)), "reshape slice"),
    ("expand", lambda x: x[None].expand(5, 2, 3, 4), "expand reshape"),
    ("expand_as", lambda x: x[0].expand_as(x), "expand reshape slice"),
    ("broadcast_tensors", lambda x: torch.broadcast_tensors(x, x[0])[1], "expand reshape slice"),
    ("permute", lambda x: x.permute(2, 0, -2), "transpose"), ("transpose", lambda x: x.transpose(-1, 0), "transpose"),
    ("t", lambda x: x[0].t(), "reshape slice transpose"), ("swapaxes", lambda x: x.swapaxes(0, 1), "transpose"),
    ("numpy_T", lambda x: x[0].T, "reshape slice transpose"), ("mT", lambda x: x.mT, "transpose"),
    ("movedim", lambda x: x.movedim((0, 2), (1, 0)), "transpose"), ("movedim_int", lambda x: x.movedim(0, -1), "transpose"),
    ("repeat", lambda x: x.repeat(2, 1, 3, 2), "expand reshape*2"),
    ("tile", lambda x: x.tile(2, 3), "expand reshape*2"),
    ("repeat_interleave", lambda x: x.repeat_interleave(3, 1), "expand reshape*2"),
    ("repeat_interleave_flat", lambda x: x.repeat_interleave(2), "expand reshape*3"),
    ("cat", lambda x: torch.cat([x, x[:1]], 0), "concat slice"), ("stack", lambda x: torch.stack([x, x], -1), "concat reshape*2"),
    ("split", lambda x: x.split(3, -1)[1], "slice*2"), ("split_sizes", lambda x: x.split([1, 2], 1)[0], "slice*2"),
    ("chunk", lambda x: list(x.chunk(2, -1)), "slice*2"), ("unbind", lambda x: list(x.unbind(-2)), "reshape*3 slice*3"),
    ("slice", lambda x: x[:, -2:, ::2], "slice*2"), ("narrow", lambda x: x.narrow(2, 1, 2), "slice"),
    ("select", lambda x: x.select(-1, -2), "reshape slice"),
    ("assign", lambda x: _assign(x), "concat expand reshape*2 slice*3"), ("assign_range", lambda x: _assign_range(x), "concat expand slice*3"),
    ("roll", lambda x: x.roll((1, -1), (0, 2)), "concat*2 slice*4"),
    ("pad", lambda x: F.pad(x, (1, -1, 0, 2), value=2.0), "pad slice"),
    ("pad_core", lambda x: aten.constant_pad_nd(x, [1, 1], 0.5), "pad"), ("crop", lambda x: F.pad(x, (-1, -1)), "slice"),
    ("channel_shuffle", lambda x: F.channel_shuffle(x.repeat(1, 2, 1), 2), "expand reshape*4 transpose"),
    ("pixel_shuffle", lambda x: F.pixel_shuffle(x.view(1, 12, 2, 1), 2), "reshape*3 transpose"),
    ("copy", lambda x: torch.empty_like(x).copy_(x[0] * 2), "expand mul reshape slice"),
    ("zeros_like", lambda x: torch.zeros_like(x) + x, "add"), ("ones_like", lambda x: torch.ones_like(x) * x, "mul"),
    ("full_like", lambda x: torch.full_like(x, 3) * x, "mul"), ("new_zeros", lambda x: x.new_zeros(4) + x, "add"),
    ("new_ones", lambda x: x.new_ones(4) + x, "add"), ("new_full", lambda x: x.new_full((4,), 2.0) + x, "add"),
    ("fill", lambda x: torch.empty_like(x).fill_(2.0) + x, "add"),
    ("fill_tensor", lambda x: x.new_empty(4).fill_(x.sum()) + x, "add expand sum"),
    ("zero", lambda x: (x * 1).zero_() + x, "add mul"),
    ("constants", lambda x: x + torch.arange(4) + torch.linspace(0, 1, 4, dtype=x.dtype) + torch.eye(4, dtype=x.dtype)[1], "add*3 cast"),
    ("scalar_tensor", lambda x: x * torch.tensor(2.5), "mul"),
]:  # fmt: skip
    case("shape", n, f, T, ops=ops)


def _assign(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[:, 0] = 3.0
    return y


def _assign_range(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[:, :, 1:3] = 0.5
    return y


# Losses
L = (3, 4)
for n, f, args, ops in [
    ("cross_entropy", lambda x, t: F.cross_entropy(x, t), (L, LABELS), "and cmp*3 cross_entropy fail_if or sum"),
    ("cross_entropy_all", lambda x, t, w: F.cross_entropy(x, t, w, ignore_index=1, reduction="sum", label_smoothing=0.1),
     (L, LABELS, Fixed(torch.rand(4))), "cmp*2 cross_entropy fail_if or sum"),
    ("cross_entropy_vector", lambda x, t: F.cross_entropy(x, t), ((4,), torch.tensor(2)), "and cmp*3 cross_entropy fail_if or reshape*2 sum"),
    ("cross_entropy_image", lambda x, t: F.cross_entropy(x, t, reduction="none"),
     ((2, 4, 3), torch.ones(2, 3, dtype=torch.int64)), "and cmp*3 cross_entropy fail_if or sum"),
    ("nll_loss", lambda x, t, w: F.nll_loss(x, t, w, ignore_index=0), (L, LABELS, Fixed(torch.rand(4))),
     "cast cmp*4 div fail_if iota mul neg or reshape select*4 sum*5"),
    ("nll_loss_image", lambda x, t: F.nll_loss(x, t, reduction="sum"), ((2, 4, 3), torch.ones(2, 3, dtype=torch.int64)),
     "and cast cmp*5 fail_if iota neg or reshape select*2 sum*3"),
    ("nll_loss_vector", lambda x, t: F.nll_loss(x, t, reduction="none"), ((4,), torch.tensor(2)),
     "and cast cmp*5 fail_if iota neg or reshape*4 select*2 sum*2"),
    ("mse", lambda x, t: F.mse_loss(x, t), (L, L), "mse_loss"), ("l1", lambda x, t: F.l1_loss(x, t), (L, L), "l1_loss"),
    ("bce", lambda x, t, w, p: F.binary_cross_entropy_with_logits(x, t, w, reduction="sum", pos_weight=p),
     (L, torch.rand(3, 4), Fixed(torch.rand(4)), Fixed(torch.rand(4))), "bce_with_logits"),
    ("smooth_l1", lambda x, t: F.smooth_l1_loss(x, t, beta=0.5), (L, L), "abs cmp mean mul*2 select*2 sub*2"),
    ("smooth_l1_zero", lambda x, t: F.smooth_l1_loss(x, t, beta=0.0), (L, L), "l1_loss"),
    ("huber", lambda x, t: F.huber_loss(x, t, delta=0.5, reduction="sum"), (L, L), "abs cmp mul*3 select*2 sub*2 sum"),
    ("kl_div", lambda x, t: F.kl_div(x, t, reduction="sum"), (L, torch.rand(3, 4)), "and*2 cmp*3 div log mul*2 select*2 sub sum with_derivatives"),
    ("kl_div_log", lambda x, t: F.kl_div(x, t, reduction="batchmean", log_target=True), (L, L), "div exp mul sub sum"),
    ("poisson", lambda x, t: F.poisson_nll_loss(x, t), (L, torch.rand(3, 4)), "exp mean mul sub"),
    ("soft_margin", lambda x, t: F.soft_margin_loss(x, t), (L, Fixed(torch.ones(3, 4))), "exp log1p mean mul neg"),
    ("hinge", lambda x, t: F.hinge_embedding_loss(x, t), (L, Fixed(torch.ones(3, 4))), "add clamp cmp*2 mean select*2 sub"),
]:  # fmt: skip
    case("loss", n, f, *args, ops=ops)

# Resizing
for n, f, args, ops in [
    ("nearest1d", lambda x: F.interpolate(x, scale_factor=2), (X1,), "expand reshape*2"),
    ("nearest2d", lambda x: F.interpolate(x, scale_factor=(2, 3)), (X2,), "expand*2 reshape*4"),
    ("nearest2d_fraction", lambda x: F.interpolate(x, scale_factor=1.5), (X2,), "take*2"),
    (
        "nearest_exact",
        lambda x: F.interpolate(x, size=(5, 16), mode="nearest-exact"),
        (X2,),
        "expand reshape*2 take",
    ),
    ("nearest_exact1d", lambda x: F.interpolate(x, size=5, mode="nearest-exact"), (X1,), "take"),
    ("linear", lambda x: F.interpolate(x, scale_factor=2, mode="linear"), (X1,), "linear"),
    ("bilinear", lambda x: F.interpolate(x, size=(5, 20), mode="bilinear"), (X2,), "linear*2 transpose*2"),
    ("bilinear_scale", lambda x: F.interpolate(x, scale_factor=2.3, mode="bilinear"), (X2,), "linear*2 transpose*2"),
    (
        "bilinear_aligned",
        lambda x: F.interpolate(x, size=(16, 16), mode="bilinear", align_corners=True),
        (X2,),
        "linear*2 transpose*2",
    ),
    ("bicubic", lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"), (X2,), "linear*2 transpose*2"),
    ("nearest2d_core", lambda x: aten.upsample_nearest2d(x, [16, 16]), (X2,), "expand*2 reshape*4"),
    ("nearest1d_core", lambda x: aten.upsample_nearest1d(x, [18]), (X1,), "expand reshape*2"),
    ("exact1d_core", lambda x: aten._upsample_nearest_exact1d(x, [5]), (X1,), "take"),
    ("exact2d_core", lambda x: aten._upsample_nearest_exact2d(x, [5, 8]), (X2,), "take"),
]:
    case("resize", n, f, *args, ops=ops)
