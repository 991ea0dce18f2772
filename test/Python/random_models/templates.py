"""Calls with constraints between operands that a schema does not have: products, windows, norms, losses, layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .draft import Draft, Reject

__all__ = ["LAYERS", "TEMPLATES"]

#: Converter → the function that draws a call of it.
TEMPLATES: dict[str, Callable[[Draft, str], str]] = {}
#: Layers of ``torch.nn`` and functions that are more than one operator, by name.
LAYERS: dict[str, Callable[[Draft], str]] = {}


def draws(*names: str) -> Callable[[Callable[[Draft, str], str]], Callable[[Draft, str], str]]:
    """Register a function that draws calls of converters."""

    def register(function: Callable[[Draft, str], str]) -> Callable[[Draft, str], str]:
        TEMPLATES.update(dict.fromkeys(names, function))
        return function

    return register


def layer(function: Callable[[Draft], str]) -> Callable[[Draft], str]:
    """Register a function that draws calls of a layer."""
    LAYERS[function.__name__] = function
    return function


def call(name: str, *arguments: Any) -> str:
    """Return the call of an operator."""
    text = f"torch.ops.{name}" if name.count(".") > 1 else f"torch.ops.{name}.default"
    return f"{text}({', '.join(map(str, arguments))})"


def maybe(draft: Draft, shape: tuple[int, ...]) -> str:
    """Return a value of a shape, or None."""
    return "None" if draft.random.random() < 0.3 else draft.of_shape(shape)


# Products -----------------------------------------------------------------------------


@draws("aten.linear")
def linear(draft: Draft, name: str) -> str:
    x = draft.tensor(lambda v: v.dim() >= 1)
    features, width = draft.value(x).shape[-1], draft.size()
    return call(name, x, draft.of_shape((width, features)), maybe(draft, (width,)))


@draws("aten.matmul", "aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.vdot")
def product(draft: Draft, name: str) -> str:
    ranks = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1), "vdot": (1, 1)}
    left, right = ranks.get(name.split(".")[1]) or draft.random.choice(
        [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (3, 3), (2, 3), (4, 4), (1, 3), (3, 1)]
    )
    x = draft.tensor(lambda v: v.dim() == left, lambda: draft.shape(left))
    shape = tuple(draft.value(x).shape)
    if right == 1:
        other: tuple[int, ...] = (shape[-1],)
    else:
        batch = shape[:-2] if left == right else tuple(draft.size() for _ in range(right - 2))
        if name == "aten.matmul" and draft.random.random() < 0.3:
            batch = tuple(1 for _ in batch)
        other = (*batch, shape[-1], draft.size())
    return call(name, x, draft.of_shape(other))


@draws("aten.addmm", "aten.baddbmm", "aten.addmv", "aten.addbmm")
def product_and_sum(draft: Draft, name: str) -> str:
    n, k, m = draft.size(), draft.size(), draft.size()
    batch = (draft.size(),) if "b" in name.split("add")[1] else ()
    x = draft.of_shape((*batch, n, k))
    y = draft.of_shape((k,) if name == "aten.addmv" else (*batch, k, m))
    result = {"aten.addmv": (n,), "aten.addbmm": (n, m)}.get(name, (*batch, n, m))
    scales = draft.random.choice(["", ", beta=0.5, alpha=2", ", beta=0", ", alpha=-1"])
    return call(name, draft.of_shape(draft.broadcastable(result)), x, y)[:-1] + scales + ")"


@draws("aten.bilinear")
def bilinear(draft: Draft, name: str) -> str:
    n, i, j, o = (draft.size() for _ in range(4))
    return call(name, draft.of_shape((n, i)), draft.of_shape((n, j)), draft.of_shape((o, i, j)), maybe(draft, (o,)))


@draws("aten.cdist")
def cdist(draft: Draft, name: str) -> str:
    n, m, k = (draft.size() for _ in range(3))
    return call(name, draft.of_shape((n, k)), draft.of_shape((m, k)), draft.random.choice([1.0, 2.0, 3.0]), "None")


@draws("aten.scaled_dot_product_attention")
def attention(draft: Draft, name: str) -> str:
    rank = draft.random.choice([3, 4])
    batch = draft.shape(rank - 2)
    length, keys, width, wide = (draft.size() for _ in range(4))
    if draft.random.random() < 0.5:
        wide = width
    operands = [draft.of_shape((*batch, *s)) for s in ((length, width), (keys, width), (keys, wide))]
    mask = draft.random.choice(["None", "None", "float", "bool"])
    causal = mask == "None" and draft.random.random() < 0.4
    if mask == "float":
        mask = draft.of_shape(draft.random.choice([(length, keys), (*batch, length, keys)]))
    elif mask == "bool":
        mask = draft.condition((length, keys))
    return call(name, *operands, mask, 0.0, causal)


# Windows ------------------------------------------------------------------------------


def image(draft: Draft, rank: int, channels: int | None = None, least: int = 1) -> tuple[str, tuple[int, ...]]:
    """Return a value of shape (batch, channels, *space), and its shape."""

    def fits(value: Any) -> bool:
        return value.dim() == rank + 2 and channels in (None, value.shape[1]) and min(value.shape[2:]) >= least

    def make() -> tuple[int, ...]:
        space = tuple(max(least, draft.size()) for _ in range(rank))
        return (draft.random.choice([1, 1, 2, 3]), channels or draft.random.choice([1, 2, 3, 4, 6]), *space)

    x = draft.tensor(lambda v: fits(v) and v.numel() <= 2000, make)
    return x, tuple(draft.value(x).shape)


def each(draft: Draft, rank: int, choices: list[int]) -> list[int]:
    """Return one number per dimension."""
    return [draft.random.choice(choices) for _ in range(rank)]


@draws(
    *(f"aten.conv{r}d" for r in (1, 2, 3)),
    *(f"aten.conv{r}d.padding" for r in (1, 2, 3)),
    "aten.conv_transpose1d",
    "aten.conv_transpose2d.input",
    "aten.conv_transpose3d.input",
    "aten.convolution",
)
def convolution(draft: Draft, name: str) -> str:
    transposed = "transpose" in name
    rank = int(name.split("d")[0][-1]) if name[-1] != "n" else draft.random.choice([1, 2])
    x, shape = image(draft, rank)
    channels = shape[1]
    groups = draft.random.choice([d for d in range(1, channels + 1) if channels % d == 0])
    per_group = draft.random.choice([1, 1, 2, 3])
    window = each(draft, rank, [1, 2, 3] if rank < 3 else [1, 2])
    weight = (channels, per_group, *window) if transposed else (groups * per_group, channels // groups, *window)
    operands = x, draft.of_shape(weight), maybe(draft, (groups * per_group,))
    stride, dilation = each(draft, rank, [1, 1, 2, 3]), each(draft, rank, [1, 1, 2])
    if name.endswith(".padding"):
        same = draft.random.random() < 0.5
        return call(name, *operands, [1] * rank if same else stride, "'same'" if same else "'valid'", dilation, groups)
    padding = each(draft, rank, [0, 1, 2])
    if name == "aten.convolution":
        return call(name, *operands, stride, padding, dilation, False, [0] * rank, groups)
    if transposed:
        return call(name, *operands, stride, padding, [0] * rank, groups, dilation)
    return call(name, *operands, stride, padding, dilation, groups)


@draws("aten.conv_tbc")
def conv_tbc(draft: Draft, name: str) -> str:
    t, b, c, f, k = (draft.size() for _ in range(5))
    return call(name, draft.of_shape((t + 3, b, c)), draft.of_shape((min(k, 3), c, f)), draft.of_shape((f,)), 1)


@draws(
    "aten.max_pool1d", "aten.max_pool2d", "aten.max_pool1d_with_indices", "aten.max_pool2d_with_indices",
    "aten.avg_pool1d", "aten.avg_pool2d", "aten.avg_pool3d",
)  # fmt: skip
def pool(draft: Draft, name: str) -> str:
    rank = int(name.split("pool")[1][0])
    x, _ = image(draft, rank)
    window = each(draft, rank, [1, 2, 3])
    padding = [draft.random.choice([0, size // 2]) for size in window]
    arguments = [x, window, each(draft, rank, [1, 2, 3]), padding]
    if "avg" in name:
        return call(name, *arguments, draft.random.random() < 0.5, draft.random.random() < 0.5)
    return call(name, *arguments, each(draft, rank, [1, 1, 2]), draft.random.random() < 0.5)


@draws("aten.max_unpool2d")
def unpool(draft: Draft, name: str) -> str:
    x, _ = image(draft, 2, least=2)
    # Windows that do not overlap: no two entries go to one place, which would leave it to chance.
    return f"F.max_unpool2d(*F.max_pool2d({x}, 2, return_indices=True), 2)"


@draws(
    "aten.adaptive_avg_pool1d", "aten.adaptive_avg_pool2d", "aten._adaptive_avg_pool2d",
    "aten.adaptive_max_pool1d", "aten.adaptive_max_pool2d",
)  # fmt: skip
def adaptive_pool(draft: Draft, name: str) -> str:
    rank = int(name.split("pool")[1][0])
    return call(name, image(draft, rank)[0], each(draft, rank, [1, 1, 2, 3, 4]))


@draws("aten.im2col")
def im2col(draft: Draft, name: str) -> str:
    x, _ = image(draft, 2, least=2)
    return call(name, x, [2, draft.random.choice([1, 2])], [1, 1], each(draft, 2, [0, 1]), each(draft, 2, [1, 2]))


@draws("aten.col2im")
def col2im(draft: Draft, name: str) -> str:
    c, h, w = draft.random.choice([1, 2]), draft.random.choice([3, 4, 5]), draft.random.choice([2, 4])
    return call(name, draft.of_shape((2, c * 4, (h - 1) * (w - 1))), [h, w], [2, 2], [1, 1], [0, 0], [1, 1])


@draws(
    *(
        f"aten.{kind}{rank}d.vec"
        for kind, rank in [
            *((k, r) for k in ("upsample_nearest", "_upsample_nearest_exact") for r in (1, 2, 3)),
            ("upsample_linear", 1), ("upsample_trilinear", 3), ("upsample_bilinear", 2), ("upsample_bicubic", 2),
        ]
    ),
    "aten._upsample_bilinear2d_aa.vec", "aten._upsample_bicubic2d_aa.vec",
)  # fmt: skip
def upsample(draft: Draft, name: str) -> str:
    rank = int(next(c for c in name if c in "123"))
    # PyTorch 2.13 repeats the first row of an antialiased result whose width is 1.
    least = 2 if "_aa" in name else 1
    x, _ = image(draft, rank, least=least)
    size = each(draft, rank, [s for s in (1, 2, 3, 4, 5, 7) if s >= least])
    scales = each(draft, rank, [1, 2, 3])
    sized = draft.random.random() < 0.5
    middle = [] if "nearest" in name else [draft.random.random() < 0.5]
    return call(name, x, size if sized else "None", *middle, "None" if sized else [float(s) for s in scales])


@draws(*(f"aten.{kind}{rank}d" for kind in ("upsample_nearest", "_upsample_nearest_exact") for rank in (1, 2, 3)))
def upsample_to(draft: Draft, name: str) -> str:
    rank = int(next(c for c in name if c in "123"))
    return call(name, image(draft, rank)[0], each(draft, rank, [1, 2, 3, 5]))


@draws(*(f"aten.{kind}_pad{rank}d" for kind in ("reflection", "replication") for rank in (1, 2, 3)))
def pad_at_borders(draft: Draft, name: str) -> str:
    rank = int(next(c for c in name if c in "123"))
    x, _ = image(draft, rank, least=2)
    return call(name, x, each(draft, 2 * rank, [0, 1, 1]))


@draws("aten.channel_shuffle")
def channel_shuffle(draft: Draft, name: str) -> str:
    x, shape = image(draft, 2)
    return call(name, x, draft.random.choice([d for d in range(1, shape[1] + 1) if shape[1] % d == 0]))


# Norms --------------------------------------------------------------------------------


@draws("aten.layer_norm", "aten.native_layer_norm", "aten.rms_norm")
def layer_norm(draft: Draft, name: str) -> str:
    x = draft.tensor(lambda v: v.dim() >= 1 and v.numel() > 1, lambda: draft.shape(draft.random.choice([2, 3])))
    shape = tuple(draft.value(x).shape)
    over = shape[draft.random.choice([-1, -1, 0]) :]
    if name == "aten.rms_norm":
        return call(name, x, list(over), maybe(draft, over), draft.random.choice(["None", 1e-3]))
    return call(name, x, list(over), maybe(draft, over), maybe(draft, over), 1e-3) + ("[0]" if "native" in name else "")


@draws("aten.group_norm", "aten.native_group_norm")
def group_norm(draft: Draft, name: str) -> str:
    x, shape = image(draft, draft.random.choice([1, 2]))
    groups = draft.random.choice([d for d in range(1, shape[1] + 1) if shape[1] % d == 0])
    scale, shift = maybe(draft, shape[1:2]), maybe(draft, shape[1:2])
    if name == "aten.group_norm":
        return call(name, x, groups, scale, shift, 1e-3)
    return call(name, x, scale, shift, shape[0], shape[1], math.prod(shape[2:]), groups, 1e-3) + "[0]"


@draws("aten.instance_norm")
def instance_norm(draft: Draft, name: str) -> str:
    x, shape = image(draft, draft.random.choice([1, 2]), least=2)
    scale, shift = maybe(draft, shape[1:2]), maybe(draft, shape[1:2])
    return call(name, x, scale, shift, "None", "None", True, 0.1, 1e-3, False)


@draws("aten._native_batch_norm_legit_no_training", "aten._native_batch_norm_legit_functional")
def batch_norm(draft: Draft, name: str) -> str:
    rank = draft.random.choice([0, 1, 2])
    x, shape = image(draft, rank) if rank else _matrix(draft)
    training = "functional" in name
    if training and math.prod(shape) // shape[1] < 2:
        raise Reject("one value per channel")
    made = f"nn.BatchNorm{max(rank, 1)}d({shape[1]}, eps=1e-3, affine={draft.random.random() < 0.8})"
    return f"{draft.module(made, training)}({x})"


@draws("aten._native_batch_norm_legit.no_stats")
def batch_norm_without_statistics(draft: Draft, name: str) -> str:
    x, shape = image(draft, 2, least=2)
    return f"{draft.module(f'nn.BatchNorm2d({shape[1]}, eps=1e-3, track_running_stats=False)')}({x})"


def _matrix(draft: Draft) -> tuple[str, tuple[int, ...]]:
    x = draft.tensor(lambda v: v.dim() == 2, lambda: draft.shape(2))
    return x, tuple(draft.value(x).shape)


# Indices ------------------------------------------------------------------------------


@draws("aten.embedding")
def embedding(draft: Draft, name: str) -> str:
    rows = draft.size()
    table = draft.of_shape((rows, draft.size()))
    shape = draft.shape(draft.random.choice([0, 1, 2]))
    return call(name, table, draft.integers(shape, 0, rows), draft.random.choice([-1, 0, rows - 1]))


@draws("aten.embedding_bag.padding_idx")
def embedding_bag(draft: Draft, name: str) -> str:
    rows = draft.size()
    made = f"nn.EmbeddingBag({rows}, {draft.size()}, mode={draft.random.choice(['sum', 'mean'])!r})"
    return f"{draft.module(made)}({draft.integers(draft.shape(2), 0, rows)})"


def _indexed(draft: Draft) -> tuple[str, tuple[int, ...], int]:
    """Return a value, its shape, and one of its dimensions."""
    x = draft.tensor(lambda v: v.dim() >= 1, lambda: draft.shape(draft.random.choice([1, 2, 3])))
    shape = tuple(draft.value(x).shape)
    return x, shape, draft.random.randrange(len(shape))


def _entries(draft: Draft, shape: tuple[int, ...], dim: int, high: int, distinct: bool = False) -> str:
    """Return an index tensor for gather and scatter: no larger than the shape."""
    sizes = [draft.random.choice([1, size]) for size in shape]
    if not distinct:
        return draft.integers(tuple(sizes), 0, high)
    order = f"torch.argsort(torch.rand({[*sizes[:dim], high, *sizes[dim + 1 :]]}), {dim})"
    return draft.add_data("b", tuple(sizes), f"{order}.narrow({dim}, 0, {sizes[dim]}).contiguous()")


@draws("aten.gather")
def gather(draft: Draft, name: str) -> str:
    x, shape, dim = _indexed(draft)
    return call(name, x, dim, _entries(draft, shape, dim, shape[dim]))


@draws("aten.scatter_add", "aten.scatter.src", "aten.scatter.value", "aten.scatter.reduce", "aten.scatter_reduce.two")
def scatter(draft: Draft, name: str) -> str:
    x, shape, dim = _indexed(draft)
    assigns = name in ("aten.scatter.src", "aten.scatter.value")
    index = _entries(draft, shape, dim, shape[dim], distinct=assigns)
    if name == "aten.scatter.value":
        return call(name, x, dim, index, 0.5)
    source = draft.of_shape(tuple(draft.value(index).shape))
    if name == "aten.scatter.reduce":
        return call(name, x, dim, index, source)[:-1] + ", reduce='add')"
    if name == "aten.scatter_reduce.two":
        how = draft.random.choice(["sum", "mean", "amax", "amin"])
        return call(name, x, dim, index, source, repr(how))[:-1] + f", include_self={draft.random.random() < 0.5})"
    return call(name, x, dim, index, source)


@draws("aten.index_add", "aten.index_copy", "aten.index_fill.int_Scalar", "aten.index_fill.int_Tensor")
def along_dimension(draft: Draft, name: str) -> str:
    x, shape, dim = _indexed(draft)
    count = draft.random.randint(1, shape[dim])
    index = draft.add_data("b", (count,), f"torch.randperm({shape[dim]})[:{count}]")
    if name == "aten.index_fill.int_Scalar":
        return call(name, x, dim, index, 0.25)
    if name == "aten.index_fill.int_Tensor":
        return call(name, x, dim, index, draft.of_shape(()))
    return call(name, x, dim, index, draft.of_shape((*shape[:dim], count, *shape[dim + 1 :])))


@draws("aten.index_select")
def index_select(draft: Draft, name: str) -> str:
    x, shape, dim = _indexed(draft)
    return call(name, x, dim, draft.integers((draft.size(),), 0, shape[dim]))


@draws("aten.index_put")
def index_put(draft: Draft, name: str) -> str:
    x, shape, _ = _indexed(draft)
    count = draft.random.randint(1, shape[0])
    index = draft.add_data("b", (count,), f"torch.randperm({shape[0]})[:{count}]")
    return call(name, x, f"[{index}]", draft.of_shape((count, *shape[1:])), draft.random.random() < 0.5)


@draws("aten.take", "aten.put")
def flat(draft: Draft, name: str) -> str:
    x = draft.tensor()
    count = draft.value(x).numel()
    if name == "aten.take":
        return call(name, x, draft.integers(draft.shape(1), -count, count))
    some = draft.random.randint(1, count)
    index = draft.add_data("b", (some,), f"torch.randperm({count})[:{some}]")
    return call(name, x, index, draft.of_shape((some,)), draft.random.random() < 0.5)


@draws("aten.one_hot")
def one_hot(draft: Draft, name: str) -> str:
    classes = draft.size()
    return call(name, draft.integers(draft.shape(1), 0, classes), classes)


@draws("aten.select_scatter", "aten.slice_scatter", "aten.diagonal_scatter")
def scatter_view(draft: Draft, name: str) -> str:
    x, shape, dim = _indexed(draft)
    if name == "aten.select_scatter":
        at = draft.random.randrange(-shape[dim], shape[dim])
        return call(name, x, draft.of_shape(shape[:dim] + shape[dim + 1 :]), dim, at)
    if name == "aten.slice_scatter":
        begin = draft.random.randrange(shape[dim])
        return call(name, x, draft.of_shape((*shape[:dim], shape[dim] - begin, *shape[dim + 1 :])), dim, begin)
    if len(shape) < 2:
        raise Reject("no diagonal")
    return call(name, x, draft.of_shape((*shape[2:], min(shape[:2]))))


@draws("aten.view", "aten._unsafe_view", "aten.view_copy")
def reshape(draft: Draft, name: str) -> str:
    x = draft.tensor()
    left, shape = draft.value(x).numel(), []
    while left > 1:
        shape.append(draft.random.choice([d for d in range(1, left + 1) if left % d == 0]))
        left //= shape[-1]
    # PyTorch refuses views of tensors that are not contiguous.
    return call(name, f"{x}.contiguous()", (shape or [1])[:6] if len(shape) <= 6 else [draft.value(x).numel()])


@draws("aten.split_with_sizes", "aten.unsafe_split_with_sizes", "aten.split_with_sizes_copy")
def split(draft: Draft, name: str) -> str:
    x, shape, dim = _indexed(draft)
    left, pieces = shape[dim], []
    while left > 0:
        pieces.append(draft.random.randint(1, left))
        left -= pieces[-1]
    return call(name, x, pieces, dim)


# Losses -------------------------------------------------------------------------------


@draws("aten.cross_entropy_loss", "aten.nll_loss_nd")
def class_loss(draft: Draft, name: str) -> str:
    x = draft.tensor(lambda v: v.dim() in (2, 3) and v.shape[1] < 20, lambda: draft.shape(draft.random.choice([2, 3])))
    shape = tuple(draft.value(x).shape)
    target = draft.integers((shape[0], *shape[2:]), 0, shape[1])
    weight = draft.random.choice(["None", "None", "buffer"])
    if weight == "buffer":
        weight = draft.add_data("b", shape[1:2], f"torch.rand({[shape[1]]}) + 0.5")
    ignored, reduction = draft.random.choice([-100, -100, 0]), draft.random.choice([0, 1, 1, 2])
    if ignored == 0 and reduction == 1:
        reduction = 2  # with every entry ignored the mean is NaN
    if name == "aten.nll_loss_nd":
        return call(name, f"F.log_softmax({x}, 1)", target, weight, reduction, ignored)
    return call(name, x, target, weight, reduction, ignored, draft.random.choice([0.0, 0.0, 0.1]))


@draws("aten.binary_cross_entropy")
def binary_cross_entropy(draft: Draft, name: str) -> str:
    x = draft.tensor()
    target = draft.add_data("x", shape := tuple(draft.value(x).shape), f"torch.rand({list(shape)})")
    return call(name, f"torch.sigmoid({x})", target, "None", draft.random.choice([0, 1, 2]))


@draws("aten.kl_div")
def kl_div(draft: Draft, name: str) -> str:
    x = draft.tensor(lambda v: v.dim() >= 1)
    target = draft.add_data("x", shape := tuple(draft.value(x).shape), f"torch.rand({list(shape)}) + 0.1")
    return call(name, f"F.log_softmax({x}, -1)", target, draft.random.choice([0, 1, 2]))


# Of a limited domain ------------------------------------------------------------------


@draws("aten.log", "aten.log2", "aten.log10", "aten.sqrt", "aten.rsqrt", "aten.reciprocal", "aten.log1p")
def of_positive(draft: Draft, name: str) -> str:
    return call(name, f"{draft.tensor()}.abs().add(0.1)")


@draws("aten.asin", "aten.acos", "aten.atanh")
def of_interval(draft: Draft, name: str) -> str:
    return call(name, f"torch.tanh({draft.tensor()}).mul(0.9)")


@draws("aten.acosh")
def above_one(draft: Draft, name: str) -> str:
    return call(name, f"{draft.tensor()}.abs().add(1.1)")


@draws("aten.logit")
def of_probability(draft: Draft, name: str) -> str:
    return call(name, f"torch.sigmoid({draft.tensor()})", draft.random.choice(["None", 0.1]))


@draws("aten.pow.Tensor_Tensor", "aten.xlogy.Tensor")
def of_positive_pair(draft: Draft, name: str) -> str:
    x = draft.tensor()
    other = draft.of_shape(draft.broadcastable(tuple(draft.value(x).shape)))
    left, right = f"{x}.abs().add(0.1)", f"{other}.abs().add(0.1)"
    return call(name, left if "pow" in name else x, other if "pow" in name else right)


@draws("aten.pow.Scalar", "aten.exp2", "aten.exp", "aten.expm1", "aten.sinh", "aten.cosh")
def of_small(draft: Draft, name: str) -> str:
    x = f"{draft.tensor()}.clamp(-4, 4)"
    return call(name, 1.5, x) if "pow" in name else call(name, x)


# Layers -------------------------------------------------------------------------------


def _sequence(draft: Draft, width: int | None = None) -> tuple[str, tuple[int, ...]]:
    x = draft.tensor(
        lambda v: v.dim() == 3 and width in (None, v.shape[2]),
        lambda: (draft.random.choice([1, 1, 2, 3]), draft.random.choice([1, 2, 3, 5]), width or draft.size()),
    )
    return x, tuple(draft.value(x).shape)


def _recurrent(draft: Draft, kind: str, extra: str = "") -> str:
    x, shape = _sequence(draft)
    layers, both = draft.random.choice([1, 1, 2]), draft.random.random() < 0.3
    made = f"nn.{kind}({shape[2]}, {draft.random.choice([1, 2, 3, 5])}, num_layers={layers}, batch_first=True"
    return f"{draft.module(f'{made}, bidirectional={both}{extra})')}({x})[0]"


@draws("aten.lstm.input")
def lstm(draft: Draft, name: str) -> str:
    return _recurrent(draft, "LSTM", draft.random.choice(["", "", ", bias=False"]))


@draws("aten.gru.input")
def gru(draft: Draft, name: str) -> str:
    return _recurrent(draft, "GRU")


@draws("aten.rnn_tanh.input")
def rnn_tanh(draft: Draft, name: str) -> str:
    return _recurrent(draft, "RNN")


@draws("aten.rnn_relu.input")
def rnn_relu(draft: Draft, name: str) -> str:
    return _recurrent(draft, "RNN", ", nonlinearity='relu'")


@layer
def multi_head_attention(draft: Draft) -> str:
    heads = draft.random.choice([1, 2, 3])
    x, shape = _sequence(draft, heads * draft.random.choice([1, 2, 4]))
    made = f"nn.MultiheadAttention({shape[2]}, {heads}, batch_first=True, bias={draft.random.random() < 0.7})"
    return f"{draft.module(made)}({x}, {x}, {x}, need_weights={draft.random.random() < 0.3})[0]"


@layer
def encoder_layer(draft: Draft) -> str:
    heads = draft.random.choice([1, 2])
    x, shape = _sequence(draft, heads * draft.random.choice([1, 2, 4]))
    made = f"nn.TransformerEncoderLayer({shape[2]}, {heads}, {draft.size()}, dropout=0.0, batch_first=True"
    return f"{draft.module(f'{made}, norm_first={draft.random.random() < 0.5})')}({x})"


@layer
def decoder_layer(draft: Draft) -> str:
    x, shape = _sequence(draft, draft.random.choice([2, 4]))
    memory = draft.of_shape((shape[0], draft.random.choice([1, 2, 4]), shape[2]))
    made = f"nn.TransformerDecoderLayer({shape[2]}, 2, 5, dropout=0.0, batch_first=True)"
    return f"{draft.module(made)}({x}, {memory})"


@layer
def residual_block(draft: Draft) -> str:
    x, shape = image(draft, 2)
    c = shape[1]
    made = f"nn.Sequential(nn.Conv2d({c}, {c}, 3, padding=1), nn.ReLU(), nn.Conv2d({c}, {c}, 3, padding=1))"
    return f"{x} + {draft.module(made)}({x})"


@layer
def depthwise_separable(draft: Draft) -> str:
    x, shape = image(draft, 2)
    c, stride = shape[1], draft.random.choice([1, 2])
    made = (
        f"nn.Sequential(nn.Conv2d({c}, {c}, 3, {stride}, 1, groups={c}, bias=False), nn.GroupNorm(1, {c}), nn.ReLU6(), "
        f"nn.Conv2d({c}, {draft.size()}, 1))"
    )
    return f"{draft.module(made)}({x})"


@layer
def perceptron(draft: Draft) -> str:
    x = draft.tensor(lambda v: v.dim() >= 1)
    width, hidden = draft.value(x).shape[-1], draft.size()
    act = draft.random.choice(["nn.GELU()", "nn.SiLU()", "nn.ReLU()", "nn.Tanh()", "nn.Softplus()", "nn.ELU()"])
    return f"{draft.module(f'nn.Sequential(nn.Linear({width}, {hidden}), {act}, nn.Linear({hidden}, {draft.size()}))')}({x})"


@layer
def einsum(draft: Draft) -> str:
    a, b, c = (draft.size() for _ in range(3))
    formula, shapes = draft.random.choice(
        [("ab,bc->ac", ((a, b), (b, c))), ("abc,bc->a", ((a, b, c), (b, c))), ("ab,ab->b", ((a, b), (a, b))),
         ("ab,c->bac", ((a, b), (c,))), ("aab->ab", ((a, a, b),))]
    )  # fmt: skip
    return f"torch.einsum({formula!r}, {', '.join(draft.of_shape(shape) for shape in shapes)})"


@layer
def weight_norm(draft: Draft) -> str:
    x = draft.tensor(lambda v: v.dim() >= 1)
    width = draft.value(x).shape[-1]
    return f"{draft.module(f'nn.utils.parametrizations.weight_norm(nn.Linear({width}, {draft.size()}))')}({x})"
