"""Data movement and indexing: numbers against PyTorch, with indices known at compile time and not."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from operator_cases import Case, Fixed, failures

aten = torch.ops.aten
M, T, I1, I2 = (3, 4), (2, 3, 4), (2, 3, 9), (1, 2, 5, 6)
#: As a buffer these are known at run time only.
ROWS = torch.tensor([2, 0, 2, 1])
SIGNED = torch.tensor([[0, -1, 2], [1, -3, -2]])
GRID = torch.tensor([[0, 2, 1, 0], [1, 1, 2, 0]])

MOVEMENT = [
    Case("flip", lambda x: x.flip(0, 2), (T,)),
    Case("flip_number", lambda x: x.flip(0), ((),)),
    Case("fliplr", lambda x: (torch.fliplr(x), torch.flipud(x)), (M,)),
    Case("rot90", lambda x: (torch.rot90(x), torch.rot90(x, 2), torch.rot90(x, -1)), (M,)),
    Case("roll_flat", lambda x: x.roll(5), (M,)),
    Case("roll_dims", lambda x: x.roll((1, -2), (0, 1)), (M,)),
    Case("tensor_unfold", lambda x: x.unfold(2, 3, 2), (I1,)),
    Case("tensor_unfold_twice", lambda x: x.unfold(2, 2, 1).unfold(3, 3, 2), (I2,)),
    Case("pixel_shuffle", lambda x: F.pixel_shuffle(x.view(1, 12, 2, 1), 2), (T,)),
    Case("pixel_unshuffle", lambda x: F.pixel_unshuffle(x[:, :, :4], 2), (I2,)),
    Case("channel_shuffle", lambda x: F.channel_shuffle(x, 2), ((1, 4, 2, 2),)),
    Case("split_and_stack", lambda x: torch.stack(x.split([1, 2], 1)[1].unbind(0), -1), (T,)),
    Case("tensor_split", lambda x: list(torch.tensor_split(x, (1, 2), 1)), (T,)),
    Case("chunk_uneven", lambda x: list(x.chunk(3, 2)), (T,)),
    Case("hstack", lambda x, y: (torch.hstack([x, y]), torch.vstack([x, y]), torch.dstack([x, y])), (M, M)),
    Case("column_stack", lambda x: torch.column_stack([x[:, 0], x[:, 1:]]), (M,)),
    Case("atleast", lambda x: torch.atleast_3d(x[0]), (M,)),
    Case("block_diag", torch.block_diag, ((2, 3), (1, 2))),
    Case("cartesian", lambda x, y: torch.cartesian_prod(x, y), ((2,), (3,))),
    Case("meshgrid", lambda x, y: list(torch.meshgrid(x, y, indexing="ij")), ((2,), (3,))),
    Case("expand_minus_one", lambda x: x.unsqueeze(0).expand(2, -1, -1), (M,)),
    Case("movedim", lambda x: x.movedim(0, -1).swapaxes(0, 1), (T,)),
    Case("narrow", lambda x: x.narrow(1, 1, 2), (M,)),
    Case("slice_negative", lambda x: x[:, -3:-1], (M,)),
    Case("slice_assign", lambda x, y: _assigned(x, y), (M, (3, 2))),
    Case("slice_step_assign", lambda x: _step_assigned(x), (M,)),
    Case("diagonal", lambda x: (x.diagonal(), x.diagonal(1), x.diagonal(-2)), ((4, 5),)),
    Case("diagonal_dims", lambda x: x.diagonal(1, 0, 2), (T,)),
    Case("tril", lambda x: (x.tril(), x.triu(1), x.tril(-1)), ((2, 3, 4),)),
    Case("diag", lambda x: (torch.diag(x), torch.diag(x, 1)), ((3,),)),
    Case("diag_of_matrix", lambda x: torch.diag(x, -1), ((3, 4),)),
    Case("diag_embed", lambda x: torch.diag_embed(x, 1), (M,)),
    Case("as_complex_by_hand", lambda x: torch.stack((x[..., ::2], x[..., 1::2]), -1).flatten(-2), (M,)),
    Case("rotate_half", lambda x: torch.cat((-x[..., 2:], x[..., :2]), -1) * 0.5, (M,)),
    Case("new_and_like", lambda x: x.new_zeros(4) + torch.zeros_like(x) + torch.full_like(x, 2.0) * x, (M,)),
    Case("eye", lambda x: x @ torch.eye(4, 3, dtype=x.dtype) + torch.linspace(0, 1, 3, dtype=x.dtype), (M,)),
    Case("one_hot", lambda i, x: F.one_hot(i, 4).to(x.dtype) * x, (torch.tensor([0, 3, 1]), M)),
    Case("view_as", lambda x, y: x.view_as(y.T.contiguous()) * 2, (M, Fixed(M))),
    Case("squeeze_all", lambda x: x[:1].squeeze(), (M,)),
    Case("unflatten", lambda x: x.unflatten(1, (2, 2)).flatten(0, 1), (M,)),
    Case("flatten_scalar", lambda x: x.sum().flatten() * x.ravel(), (M,)),
    Case("select_scatter", lambda x, y: torch.select_scatter(x, y, 1, 2), (M, (3,))),
    Case("slice_scatter", lambda x, y: torch.slice_scatter(x, y, 1, 1, 3), (M, (3, 2))),
    Case("diagonal_scatter", lambda x, y: torch.diagonal_scatter(x, y), ((3, 3), (3,))),
    Case("copies", lambda x: aten.unfold_copy(x, 1, 2, 1)[:, 0, 0] + aten.split_copy(x, 2, 1)[1][:, 0]
         + aten.split_with_sizes_copy(x, [1, 3], 1)[1][:, 0] + aten.unsafe_split_with_sizes(x, [1, 3], 1)[0][:, 0], (M,)),
    Case("meshgrid_xy", lambda x, y: list(torch.meshgrid(x, y, indexing="xy")), ((2,), (3,))),
    Case("to_types", lambda x: x.float().to(torch.float64) + x.type_as(x), (M,), 1e-6),
]  # fmt: skip


def _assigned(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    z = x.clone()
    z[:, 1:3] = y
    z[0] = 2.0
    z[1, 1] += 1.0
    return z


def _step_assigned(x: torch.Tensor) -> torch.Tensor:
    z = x.clone()
    z[:, ::2] = z[:, 1::2] * 3.0
    return z


PADDING = [
    Case("reflect_1d", lambda x: F.pad(x, (2, 3), mode="reflect"), (I1,)),
    Case("replicate_1d", lambda x: F.pad(x, (2, 3), mode="replicate"), (I1,)),
    Case("circular_1d", lambda x: F.pad(x, (2, 3), mode="circular"), (I1,)),
    Case("reflect_2d", lambda x: F.pad(x, (2, 1, 0, 3), mode="reflect"), (I2,)),
    Case("replicate_2d", lambda x: F.pad(x, (2, 1, 0, 3), mode="replicate"), (I2,)),
    Case("circular_2d", lambda x: F.pad(x, (2, 1, 0, 3), mode="circular"), (I2,)),
    Case("replicate_crop", lambda x: F.pad(x, (-1, 2), mode="replicate"), (I1,)),
    Case("constant_value", lambda x: F.pad(x, (1, 2, 3, 0), value=0.5), (I2,)),
    Case("constant_crop", lambda x: F.pad(x, (-1, 2, 1, -1)), (I2,)),
    Case("reflect_conv", lambda x, w: F.conv1d(F.pad(x, (1, 1), mode="reflect"), w), (I1, (4, 3, 3))),
    Case("unfold", lambda x: F.unfold(x, (2, 3), 1, 0, (2, 1)), (I2,)),
    Case("unfold_all", lambda x: F.unfold(x, 3, 2, 1, 2), ((2, 3, 7, 8),)),
    Case("fold", lambda x: F.fold(x, (5, 6), (2, 3), 1, 1, 2), ((1, 12, 9),)),
    Case("fold_unbatched", lambda x: F.fold(x, (4, 4), 2, stride=2), ((8, 4),)),
    Case("interpolate_nearest", lambda x: F.interpolate(x, size=(7, 9)), (I2,)),
    Case("interpolate_area", lambda x: F.interpolate(x, size=(3, 4), mode="area"), (I2,)),
    Case("interpolate_bilinear", lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear"), (I2,), 1e-6),
    Case("interpolate_aligned", lambda x: F.interpolate(x, size=(8, 3), mode="bilinear", align_corners=True), (I2,)),
    Case("interpolate_bicubic", lambda x: F.interpolate(x, size=(8, 9), mode="bicubic"), (I2,)),
    Case("interpolate_antialias", lambda x: F.interpolate(x, size=(3, 3), mode="bilinear", antialias=True), (I2,)),
    Case("interpolate_3d", lambda x: F.interpolate(x, size=(3, 5, 2), mode="trilinear"), ((1, 2, 2, 3, 4),)),
    Case(
        "interpolate_3d_nearest",
        lambda x: (
            F.interpolate(x, scale_factor=2),
            F.interpolate(x, size=3, mode="nearest-exact"),
            aten.upsample_nearest3d(x, [3, 3, 5]),
            aten._upsample_nearest_exact3d(x, [3, 3, 5]),
        ),
        ((1, 2, 2, 3, 4),),
    ),
    Case(
        "interpolate_bicubic_antialias", lambda x: F.interpolate(x, size=(3, 3), mode="bicubic", antialias=True), (I2,)
    ),
    Case("pad_core", lambda x: (aten.reflection_pad1d(x, [1, 2]), aten.replication_pad1d(x, [1, 2])), (I1,)),
    Case(
        "pad_core_2d",
        lambda x: (aten.reflection_pad2d(x, [1, 2, 0, 1]), aten.replication_pad2d(x, [1, 2, 0, 1])),
        (I2,),
    ),
    Case(
        "pad_core_3d",
        lambda x: (aten.reflection_pad3d(x, [1] * 6), aten.replication_pad3d(x, [1] * 6)),
        ((1, 2, 2, 3, 4),),
    ),
    Case("grid_sample", lambda x, g: F.grid_sample(x, g.tanh(), align_corners=False), (I2, (1, 3, 4, 2)), 1e-8),
    Case(
        "grid_sample_border",
        lambda x, g: F.grid_sample(x, g, padding_mode="border", align_corners=True),
        (I2, (1, 3, 4, 2)),
        1e-8,
    ),
    Case(
        "spatial_transformer",
        lambda x, t: F.grid_sample(x, F.affine_grid(t, (1, 2, 4, 4), align_corners=False), align_corners=False),
        (I2, [[[0.8, 0.1, 0.05], [-0.2, 0.7, 0.1]]]),
        1e-8,
    ),
    Case("interpolate_linear", lambda x: F.interpolate(x, size=13, mode="linear"), (I1,)),
]

INDEXING = [
    Case("embedding", lambda w, i: F.embedding(i, w), ((5, 3), torch.tensor([[1, 4, 1], [0, 0, 2]]))),
    Case("embedding_padding", lambda w, i: F.embedding(i, w, padding_idx=0), ((5, 3), torch.tensor([[1, 4], [0, 0]]))),
    Case("embedding_scaled", lambda w, i: F.embedding(i, w) * 3.0 + w[0], ((5, 3), torch.tensor([1, 1, 4]))),
    Case("embedding_tied", lambda w, i: F.embedding(i, w) @ w.T, ((5, 3), torch.tensor([1, 1, 4]))),
    Case("embedding_bag_mean", lambda w, i: F.embedding_bag(i, w), ((5, 3), torch.tensor([[1, 4], [0, 0]]))),
    Case("embedding_bag_sum", lambda w, i: F.embedding_bag(i, w, mode="sum"), ((5, 3), torch.tensor([[1, 4], [0, 0]]))),
    Case("index_select", lambda x, i: x.index_select(0, i), (M, ROWS)),
    Case("index_select_inner", lambda x, i: x.index_select(1, i), (T, ROWS)),
    Case("gather", lambda x, i: x.gather(1, i), (M, torch.tensor([[0, 3], [1, 1], [2, 0]]))),
    Case("gather_first", lambda x, i: x.gather(0, i), (M, GRID)),
    Case("gather_smaller", lambda x, i: x.gather(2, i), (T, torch.tensor([[[3], [0]]]))),
    Case("take_along_dim", lambda x, i: torch.take_along_dim(x, i, 0), (M, GRID)),
    Case("take", lambda x, i: torch.take(x, i), (M, torch.tensor([[0, 11], [5, -1]]))),
    Case("index_rows", lambda x, i: x[i], (M, ROWS)),
    Case("index_signed", lambda x, i: x[i], (M, SIGNED)),
    Case("index_second", lambda x, i: x[:, i], (T, SIGNED)),
    Case("index_last", lambda x, i: x[..., i], (T, ROWS)),
    Case("index_pair", lambda x, i, j: x[i, j], (T, torch.tensor([0, 1, 1]), torch.tensor([2, -1, 0]))),
    Case("index_pair_inner", lambda x, i, j: x[:, i, j], (T, torch.tensor([0, 1, 1]), torch.tensor([2, -1, 0]))),
    Case("index_broadcast", lambda x, i, j: x[i[:, None], j], (M, torch.tensor([0, 2]), torch.tensor([3, -1, 0]))),
    Case("index_split", lambda x, i, j: x[i, :, j], (T, torch.tensor([0, 1, 1]), torch.tensor([2, -1, 0]))),
    Case("index_split_middle", lambda x, i, j: x[:, i, :, j], ((2, 3, 4, 5), torch.tensor([0, 2]), torch.tensor([2, -1]))),
    Case("index_i32", lambda x, i: x[i.int()], (M, ROWS)),
    Case("index_list", lambda x: x[:, [1, 3, 1]], (M,)),
    Case("index_constant_pair", lambda x: x[[0, 2], [1, -1]], (M,)),
    Case("index_last_token", lambda x, i: x[torch.arange(2), i], (T, torch.tensor([2, 0]))),
    Case("index_class_token", lambda x: x[:, 0] + x[:, -1], (T,)),
    Case("index_upper_triangle", lambda x: x[torch.triu_indices(3, 3)[0], torch.triu_indices(3, 3)[1]], ((3, 3),)),
    Case("index_put", lambda x, y, i: x.index_put((i,), y), ((4, 3), (2, 3), torch.tensor([1, 3]))),
    Case("index_put_add", lambda x, y, i: x.index_put((i,), y, accumulate=True), (M, (4, 4), ROWS)),
    Case("index_put_pair", lambda x, y, i, j: x.index_put((i, j), y, accumulate=True),
         (M, (3,), torch.tensor([0, 2, 2]), torch.tensor([1, -1, 3]))),
    Case("index_put_number", lambda x, i: _put_number(x, i), (M, torch.tensor([0, 2]))),
    Case("index_put_constant", lambda x, y: _put_constant(x, y), (M, (2, 4))),
    Case("index_put_mask", lambda x: _put_mask(x), (M,)),
    Case("index_add", lambda x, y, i: x.index_add(0, i, y, alpha=2.0), (M, (4, 4), ROWS)),
    Case("index_add_inner", lambda x, y, i: x.index_add(1, i, y), (T, (2, 4, 4), ROWS)),
    Case("put", lambda x, y, i: x.put(i, y) + x.put(i, y, accumulate=True), (M, (3,), torch.tensor([1, -2, 5]))),
    Case("index_fill_tensor", lambda x, i: x.index_fill(1, i, torch.tensor(2.5, dtype=x.dtype)), (M, torch.tensor([1, 3]))),
    Case("index_core", lambda x, i: aten._unsafe_index(x, [i]), (M, torch.tensor([2, 0, 1]))),
    Case("index_copy", lambda x, y, i: x.index_copy(0, i, y), (M, (2, 4), torch.tensor([2, 0]))),
    Case("index_fill", lambda x, i: x.index_fill(1, i, 2.5), (M, torch.tensor([1, 3]))),
    Case("scatter", lambda x, y, i: x.scatter(1, i, y), (M, (3, 2), torch.tensor([[0, 3], [1, 2], [2, 0]]))),
    Case("scatter_number", lambda x, i: x.scatter(1, i, 2.5), (M, torch.tensor([[0, 3], [1, 1], [2, 0]]))),
    Case("scatter_add", lambda x, y, i: x.scatter_add(0, i, y), (M, (2, 4), GRID)),
    Case("scatter_reduce_sum", lambda x, y, i: x.scatter_reduce(0, i, y, "sum"), (M, (2, 4), GRID)),
    Case("scatter_reduce_mean", lambda x, y, i: x.scatter_reduce(0, i, y, "mean"), (M, (2, 4), GRID)),
    Case("scatter_reduce_fresh", lambda x, y, i: x.scatter_reduce(0, i, y, "sum", include_self=False), (M, (2, 4), GRID)),
    Case("scatter_reduce_op", lambda x, y, i: x.detach().scatter(0, i, y, reduce="add") * x, (M, Fixed((2, 4)), GRID)),
    Case("nll_by_gather", lambda x, i: -x.log_softmax(1).gather(1, i[:, None]).mean(), ((4, 3), ROWS)),
    Case("one_hot_scatter", lambda x, i: torch.zeros(4, 3, dtype=x.dtype).scatter(1, i[:, None], 1.0) * x, ((4, 3), ROWS)),
    Case("relative_bias", lambda t: t[_relative().view(-1)].view(4, 4, -1).permute(2, 0, 1), ((9, 2),)),
    Case("rotary", lambda x: _rotary(x), ((1, 2, 5, 4),)),
    Case("bool_mask_to_float", lambda x, i: x * (torch.arange(4)[None] < i[:, None]).to(x.dtype), (M, torch.tensor([1, 4, 2]))),
]  # fmt: skip


def _put_number(x: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    z = x.clone()
    z[i] = 1.5
    return z


def _put_constant(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    z = x.clone()
    z[[0, 2]] = y
    return z


def _put_mask(x: torch.Tensor) -> torch.Tensor:
    z = x.clone()
    z[z > 0] = 0.25
    return z


def _relative() -> torch.Tensor:
    coords = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")).flatten(1)
    relative = (coords[:, :, None] - coords[:, None, :]).permute(1, 2, 0) + 1
    return relative[..., 0] * 3 + relative[..., 1]


def _rotary(x: torch.Tensor) -> torch.Tensor:
    frequency = 1.0 / (100.0 ** (torch.arange(0, 4, 2).double() / 4))
    angles = torch.outer(torch.arange(5).double(), frequency)
    angles = torch.cat((angles, angles), -1)
    return x * angles.cos() + torch.cat((-x[..., 2:], x[..., :2]), -1) * angles.sin()


GROUPS = {"movement": MOVEMENT, "padding": PADDING, "indexing": INDEXING}


@pytest.mark.parametrize("group", GROUPS)
def test_equals_pytorch(group: str) -> None:
    assert failures(GROUPS[group]) == {}
