"""Mel-frequency cepstral coefficients as the keyword spotter of MLPerf Tiny expects them, from sound at 8 kHz.

The network was trained on sound at 16 kHz: frames of 30 ms every 20 ms, spectra of 512 points, 40 mel bands from 20 to
4,000 Hz, 10 coefficients (``mlcommons/tiny``, ``keyword_spotting/get_dataset.py``, with the definitions of
``tf.signal``). Frames of half as many samples have the same spectrum up to 4 kHz, with half the magnitude; so nothing
is resampled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["RATE", "mel_bands", "mfcc"]

Array = np.ndarray[Any, Any]
#: Samples per second.
RATE = 8000
_FRAME, _HOP, _POINTS = 240, 160, 256
_BANDS, _LOW, _HIGH, _COEFFICIENTS = 40, 20.0, 4000.0, 10


def mfcc(sound: Array) -> Array:
    """Return the coefficients of the first second, float32 ``[49, 10]``.

    Args:
        sound: samples at `RATE`, of any length and unit: the largest one becomes 1, and silence follows.
    """
    samples = np.zeros(RATE)
    samples[: min(len(sound), RATE)] = sound[:RATE]
    samples /= max(float(samples.max()), 1e-9)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)
    magnitude = 2 * np.abs(np.fft.rfft(frames * window, _POINTS))
    logarithms = np.log(magnitude @ mel_bands() + 1e-6)
    angles = np.pi / _BANDS * np.outer(np.arange(_BANDS) + 0.5, np.arange(_COEFFICIENTS))
    return (logarithms @ np.cos(angles) * np.sqrt(2 / _BANDS)).astype(np.float32)


def mel_bands() -> Array:
    """Return the weights of frequencies in bands ``[129, 40]``: triangles on the mel scale of HTK."""
    frequencies = _mel(np.linspace(0, RATE / 2, _POINTS // 2 + 1))[:, None]
    edges = np.linspace(_mel(_LOW), _mel(_HIGH), _BANDS + 2)
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0.0, np.minimum(rising, falling))
    bands[0] = 0.0  # tf.signal leaves out the constant part
    return bands


def _mel(frequency: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(frequency) / 700.0)
