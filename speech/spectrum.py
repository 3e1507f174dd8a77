"""Short-time spectra on the video's frame clock, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .track import SAMPLE_RATE, Speech

# Four looks at the sound a video frame: at 25 fps every 10 ms, the usual step of speech
# recognisers. A plosive lasts about 10 ms and closes the lips; one look a frame would miss it.
HOPS_PER_FRAME = 4
BANDS = 40
_WINDOW = 400  # 25 ms
_FFT = 512
_LOW_HZ, _HIGH_HZ = 50.0, 7600.0
_PIECE = 6000  # hops worked on at once: a minute at 25 fps, about 12 MB

FLOOR_DB = -120.0


def hop_centres(speech: Speech, fps: float) -> np.ndarray:
    """[4 T] int64, the sample in the middle of every quarter of a frame.

    Rounded from the exact time, so that the clock does not drift at any fps.
    """
    hops = speech.num_frames(fps) * HOPS_PER_FRAME
    return np.rint((np.arange(hops) + 0.5) * SAMPLE_RATE / (fps * HOPS_PER_FRAME)).astype(np.int64)


def windows(
    waveform: np.ndarray, centres: np.ndarray, length: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Stretches of sound about the given samples, zeros beyond the ends.

    waveform: [S]. centres: [N], rising. Yields (span of N, [n, length] float32).
    """
    for start in range(0, len(centres), _PIECE):
        span = slice(start, min(start + _PIECE, len(centres)))
        first = centres[span] - length // 2
        low, high = int(first[0]), int(first[-1]) + length
        inside = waveform[max(low, 0) : max(high, 0)]
        before = min(max(-low, 0), high - low)
        piece = np.zeros(high - low, dtype=np.float32)
        piece[before : before + len(inside)] = inside
        view = np.lib.stride_tricks.sliding_window_view(piece, length)
        yield span, view[first - low]


def log_mel(speech: Speech, fps: float) -> np.ndarray:
    """[4 T, 40] float32, the power in mel bands from 50 to 7600 Hz, in dB, not below -120.

    A Hann window of 25 ms.
    """
    from scipy.fft import rfft

    mel = mel_filters()
    taper = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    taper *= 2 / taper.sum()
    centres = hop_centres(speech, fps)
    decibel = np.empty((len(centres), BANDS), dtype=np.float32)
    for span, sound in windows(speech.waveform, centres, _WINDOW):
        power = np.abs(rfft(sound * taper, _FFT, axis=1)) ** 2 @ mel
        decibel[span] = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return decibel


def mel_filters() -> np.ndarray:
    """[257, 40] float32, triangles of height 1 on Slaney's mel scale.

    A full-scale sine then has about 0 dB in its band.
    """
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(
        num_frequency_bins=_FFT // 2 + 1,
        num_mel_filters=BANDS,
        min_frequency=_LOW_HZ,
        max_frequency=_HIGH_HZ,
        sampling_rate=SAMPLE_RATE,
        norm=None,
        mel_scale="slaney",
    )
    return filters.astype(np.float32)


def frame_energy(speech: Speech, fps: float, floor_db: float = -80.0) -> np.ndarray:
    """[T] float32, RMS over each frame's own span of time, in dB relative to full scale."""
    frames = speech.num_frames(fps)
    edges = np.rint(np.arange(frames + 1) * SAMPLE_RATE / fps).astype(np.int64)
    edges = np.minimum(edges, len(speech.waveform))
    energy = np.full(frames, floor_db, dtype=np.float32)
    for t in range(frames):
        sound = speech.waveform[edges[t] : edges[t + 1]]
        if len(sound):
            power = float(np.dot(sound, sound)) / len(sound)
            energy[t] = max(floor_db, 10 * np.log10(max(power, 1e-12)))
    return energy
