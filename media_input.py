"""A file's pictures and sound as streams of ffmpeg: upright, in sRGB, on one clock.

All reading and writing goes through here, so that colours, tracks and times are taken alike.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from .errors import InputError
from .ffmpeg_binary import can_filter, ffmpeg_path, file_url, running
from .media_probe import HDR, Media, SoundTrack, VideoTrack

# Of each channel's power the part that is left of the mean of two channels, below which they cancel
# each other: two voices leave a half, two voices in opposite phase nothing.
_CANCELLED = 0.1
_SCALE = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
# swscale has no tables for the other matrices.
_PLAIN = ("gbr", "bt709", "bt601", "fcc", "smpte240m", "bt2020")
# Narrow enough among each other that players show all of them as BT.709.
_NARROW = ("bt709", "bt470bg", "smpte170m", "smpte240m", "bt470m")
# Nits of white paper (ITU-R BT.2408).
_WHITE = 203
# ffmpeg's filters name the same things differently.
_SPACES = {"bt601": "smpte170m", "bt2020": "bt2020ncl"}
_ZIMG = {"bt709": "709", "bt2020": "2020", "smpte432": "smpte432"}


def pictures(media: Media, fps: float, *, start: float | None = None) -> Any:
    """The frames of a file's video as a stream of RGB, `media.video.size` large.

    fps: frames a second; frames are repeated and left out. start: seconds from which on; the
    stream's time 0 is there, or at the file's beginning, where its sound begins too.
    Interlaced frames are deinterlaced, pixels become square, a rotation mark is applied, any
    matrix, range and primaries become sRGB's, and HDR is tone-mapped.
    Raises: InputError where the colours cannot be converted.
    """
    track = media.video
    assert track is not None
    stream = _opened(media, track, start)
    if track.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    rate = Fraction(fps).limit_denominator(100_000)
    stream = stream.filter("fps", str(rate), start_time=0)
    return _to_srgb(stream, media, track)


def _opened(media: Media, track: VideoTrack | SoundTrack, start: float | None) -> Any:
    """A track, on the file's clock or from a moment on."""
    import ffmpeg

    options = {} if start is None else {"ss": f"{start:.4f}"}
    stream = ffmpeg.input(file_url(media.path), **options)[str(track.index)]
    late = track.start - media.start - (start or 0)
    if media.discontinuous and late > 0:
        # Of transport streams ffmpeg begins its clock with the tracks that are asked for.
        clock = "setpts" if isinstance(track, VideoTrack) else "asetpts"
        stream = stream.filter(clock, f"PTS-STARTPTS+{late:.6f}/TB")
    return stream


def _to_srgb(stream: Any, media: Media, track: VideoTrack) -> Any:
    colour, (width, height) = track.colour, track.size
    spread = "pc" if colour.full_range else "tv"
    deep = "gbrp16le" if track.depth > 8 else "gbrp"
    if colour.transfer in HDR:
        return _tone_mapped(stream, media, track).filter("scale", width, height, flags=_SCALE)
    if colour.matrix not in _PLAIN:
        raise InputError(
            f"{media.path} stores its colours as {colour.matrix}, which is not read here. Convert "
            f"it first, for instance: ffmpeg -i {media.path.name} -vf zscale=matrix=709 out.mp4"
        )
    matrix = colour.matrix
    if colour.primaries not in _NARROW and matrix != "gbr":
        # Its own conversion of sizes takes no part: only formats of 4:4:4 keep all chroma.
        stream = stream.filter("scale", flags=_SCALE, in_range=spread, out_range=spread)
        stream = stream.filter("format", "yuv444p10" if track.depth > 8 else "yuv444p")
        stream = stream.filter(
            "colorspace", ispace=_SPACES.get(matrix, matrix), iprimaries=colour.primaries,
            itrc="bt709", irange=spread, space="bt709", primaries="bt709", trc="bt709",
            range=spread,
        )  # fmt: skip
        matrix = "bt709"
    known = {} if matrix == "gbr" else {"in_color_matrix": matrix, "in_range": spread}
    stream = stream.filter("scale", width, height, flags=_SCALE, **known)
    return stream.filter("format", deep)


def _tone_mapped(stream: Any, media: Media, track: VideoTrack) -> Any:
    colour = track.colour
    matrix = {"bt2020": "2020_ncl", "bt2020c": "2020_cl", "bt709": "709"}.get(colour.matrix)
    if matrix is None:
        raise InputError(
            f"{media.path} is HDR ({HDR[colour.transfer]}) with the matrix {colour.matrix}, which "
            "is not read here. Export it as SDR."
        )
    linear = {"matrix": "gbr", "primaries": "709", "range": "full"}
    chain: list[tuple[str, dict[str, Any]]] = [
        ("zscale", {
            "matrixin": matrix, "primariesin": _ZIMG.get(colour.primaries, "2020"),
            "transferin": colour.transfer, "rangein": "full" if colour.full_range else "limited",
            "transfer": "linear", "npl": _WHITE, **linear,
        }),
        ("format", {"pix_fmts": "gbrpf32le"}),
        # Below 0.8 of paper white nothing changes; what is brighter is pressed together above it.
        ("tonemap", {"tonemap": "mobius", "param": 0.8, "desat": 0}),
        ("zscale", {
            **{f"{key}in": value for key, value in linear.items()},
            "transferin": "linear", "transfer": "iec61966-2-1", **linear,
        }),
        ("format", {"pix_fmts": "gbrp16le"}),
    ]  # fmt: skip
    options = (f"{name}=" + ":".join(f"{k}={v}" for k, v in told.items()) for name, told in chain)
    if not can_filter(",".join(options)):
        raise InputError(
            f"{media.path} is HDR ({HDR[colour.transfer]}), and the ffmpeg here ({ffmpeg_path()}) "
            "was built without zscale, which converts it. Export it as SDR, or install an ffmpeg "
            "with libzimg."
        )
    for name, told in chain:
        stream = stream.filter(name, **told)
    return stream


def tagged_bt709(stream: Any, pixels: str) -> Any:
    """RGB frames as they are stored: BT.709, limited range, and marked so. Without these marks
    players and encoders guess the matrix, and skin turns pink or green.

    pixels: ffmpeg's name of a YUV format.
    """
    stream = stream.filter("scale", out_color_matrix="bt709", out_range="tv", flags=_SCALE)
    stream = stream.filter("format", pixels)
    return stream.filter(
        "setparams", range="tv", colorspace="bt709", color_primaries="bt709", color_trc="bt709"
    )


def packets(media: Media) -> Any:
    """A file's sound as it is stored, to be copied."""
    import ffmpeg

    assert media.sound is not None
    return ffmpeg.input(file_url(media.path))[str(media.sound.index)]


def sound(media: Media, rate: int | None = None, *, start: float | None = None) -> Any:
    """A file's sound with all its channels, as a stream whose time 0 is the file's beginning, or
    `start` seconds behind it. More than two channels that the file does not name are mixed to one.

    rate: samples a second; None keeps the file's.
    """
    stream = _samples(media, start)
    assert media.sound is not None
    if media.sound.layout is None and media.sound.channels > 2:
        stream = _mean(stream, media.sound.channels)
    return _steady(stream, rate)


def mono_sound(media: Media, rate: int, channel: int | None = None) -> Any:
    """As `sound`, but one channel.

    channel: counted from 0; None mixes all by their layout, or takes the difference of two that
    are in opposite phase.
    """
    track = media.sound
    assert track is not None
    stream = _samples(media)
    if channel is not None:
        stream = stream.filter("pan", f"mono|c0<c{channel}")
    elif track.channels == 2 and phase_inverted(media):
        stream = stream.filter("pan", "mono|c0<c0+-1*c1")
    elif track.layout is None:
        stream = _mean(stream, track.channels)
    else:
        stream = stream.filter("aformat", channel_layouts="mono")
    return _steady(stream, rate)


def _samples(media: Media, start: float | None = None) -> Any:
    assert media.sound is not None
    # Whole numbers have no NaN: one such sample would silence all that follows in a filter.
    stream = _opened(media, media.sound, start)
    return stream.filter("aformat", sample_fmts="s32")


def _mean(stream: Any, channels: int) -> Any:
    # With "<" the weights are made to add up to 1.
    return stream.filter("pan", "mono|c0<" + "+".join(f"c{at}" for at in range(channels)))


def _steady(stream: Any, rate: int | None) -> Any:
    # async fills gaps between time stamps, first_pts the gap before the first one, with silence.
    rates = () if rate is None else (rate,)
    return stream.filter("aresample", *rates, **{"async": 1, "first_pts": 0})


@lru_cache(maxsize=32)
def phase_inverted(media: Media) -> bool:
    """Whether a file's two channels cancel each other, as where one plug was wired the wrong way
    round: mixed to mono, nothing would be left of the voice."""
    import ffmpeg

    stream = _steady(_samples(media), 8000).filter("aformat", channel_layouts="stereo")
    output = ffmpeg.output(stream, "pipe:", format="f32le", loglevel="error")
    both = mixed = 0.0
    with running(ffmpeg.compile(output, cmd=ffmpeg_path())) as decoder:
        while piece := decoder.stdout.read(1 << 20):
            samples = np.frombuffer(piece[: len(piece) // 8 * 8], "<f4").reshape(-1, 2)
            both += float(np.square(samples, dtype=np.float64).sum()) / 2
            mixed += float(np.square(samples.mean(axis=1), dtype=np.float64).sum())
    return mixed < _CANCELLED * both
