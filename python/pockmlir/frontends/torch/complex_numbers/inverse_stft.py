"""The inverse of the short-time Fourier transform."""

from __future__ import annotations

import torch
from torch import fx

from ..registry import Unsupported
from .fourier import complex_to_real
from .parts import Complex, Writer, shape_of

__all__ = ["inverse_stft"]

_aten = torch.ops.aten


def inverse_stft(
    w: Writer,
    x: Complex,
    n: int,
    hop_length: int | None,
    win_length: int | None,
    window: fx.Node | None,
    center: bool,
    normalized: bool,
    onesided: bool | None,
    length: int | None,
    return_complex: bool,
) -> fx.Node:
    """Return the real signal of frames that overlap, as ``aten.istft``.

    Every frame is transformed and multiplied by the window; frames are added where they overlap, and the sum is divided
    by that of the squares of the window. PyTorch refuses a sum of squares that is zero; here the signal is then not
    finite.

    Args:
        w: writes the graph.
        x: frequencies by frames, also with a dimension in front.
        n: the length of a frame.
        hop_length: the distance between frames, None for a quarter of one.
        win_length: the length of the window, which is in the middle of a frame; None for that of a frame.
        window: the window, None for ones.
        center: whether the first frame begins half of its length before the signal.
        normalized: whether the transform has the factor of the square root of its length.
        onesided: whether frequencies are non-negative only; None means yes.
        length: the length of the signal, None for that of the frames.
        return_complex: whether the signal is complex, which is not supported.

    Raises:
        Unsupported: the signal or the window is complex.
    """
    if return_complex or isinstance(window, Complex):
        raise Unsupported("to a complex signal")
    hop = n // 4 if hop_length is None else hop_length
    *batch, frequencies, frames = x.shape
    count = batch[0] if batch else 1
    spectra = _framewise(w, w.lift(x), (count, frequencies, frames))
    if frequencies > n // 2 + 1:
        shape = (count, frames, n // 2 + 1)
        spectra = Complex.of((_first(w, part, n // 2 + 1) for part in spectra.parts), shape)
    real = complex_to_real(w, spectra, [2], 1 if normalized else 2, n).real
    weights = _window(w, window, n, win_length)
    signal = _overlap_added(w, w.call(_aten.mul.Tensor, w.tensor(real, (count, frames, n)), weights), hop)
    square = w.call(_aten.mul.Tensor, weights, weights)
    squares = _overlap_added(w, w.call(_aten.expand.default, square, [1, frames, n]), hop)
    total = n + hop * (frames - 1)
    begin = n // 2 if center else 0
    end = begin + length if length is not None else total - begin
    signal, squares = (w.call(_aten.slice.Tensor, part, 1, begin, min(end, total)) for part in (signal, squares))
    signal = w.call(_aten.div.Tensor, signal, squares)
    if end > total:
        signal = w.call(_aten.constant_pad_nd.default, signal, [0, end - total])
    return w.reshape(signal, (*batch, shape_of(signal)[1]))


def _framewise(w: Writer, x: Complex, shape: tuple[int, int, int]) -> Complex:
    """Return frames by frequencies."""
    count, frequencies, frames = shape
    parts = [
        None if part is None else w.call(_aten.transpose.int, w.reshape(w.tensor(part, x.shape), shape), 1, 2)
        for part in x.parts
    ]
    return Complex.of(parts, (count, frames, frequencies))


def _first(w: Writer, part: fx.Node | float | None, end: int) -> fx.Node | None:
    """Return the first entries of the last dimension."""
    return w.call(_aten.slice.Tensor, part, 2, 0, end) if isinstance(part, fx.Node) else None


def _window(w: Writer, window: fx.Node | None, n: int, length: int | None) -> fx.Node:
    length = n if length is None else length
    weights = w.tensor(1.0, (length,)) if window is None else w.cast(window)
    missing = n - length
    if not missing:
        return weights
    return w.call(_aten.constant_pad_nd.default, weights, [missing // 2, missing - missing // 2])


def _overlap_added(w: Writer, frames: fx.Node, hop: int) -> fx.Node:
    """Return the sums of frames, each `hop` after the one before it."""
    count, number, n = shape_of(frames)
    total = n + hop * (number - 1)
    columns = w.call(_aten.transpose.int, frames, 1, 2)
    made = w.call(_aten.col2im.default, columns, [1, total], [1, n], [1, 1], [0, 0], [1, hop])
    return w.reshape(made, (count, total))
