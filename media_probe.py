"""What a media file holds: its tracks and how they are stored, as libav (PyAV) reads them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError

# Codes of ITU-T H.273 -> ffmpeg's names.
_MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m",
             8: "ycgco", 9: "bt2020", 10: "bt2020c", 14: "ictcp"}  # fmt: skip
_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m",
              9: "bt2020", 11: "smpte431", 12: "smpte432"}  # fmt: skip
_TRANSFERS = {1: "bt709", 6: "smpte170m", 8: "linear", 13: "iec61966-2-1", 14: "bt2020-10",
              15: "bt2020-12", 16: "smpte2084", 18: "arib-std-b67"}  # fmt: skip
HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
# Larger pictures are BT.709 where nothing is said, as players take them.
_SD_WIDTH, _SD_HEIGHT = 1279, 576
_FRAMES_LOOKED_AT = 4
# A container's clock rather than a frame rate, as browsers write it.
_MAX_FPS = 240
_MAX_ASPECT = 4
_TS_DISCONT = 0x0200  # libavformat: AVFMT_TS_DISCONT


@dataclass(frozen=True)
class Colour:
    """How numbers become colours, in ffmpeg's names; what a file does not say is filled in.

    full_range: 0..255 rather than 16..235.
    """

    matrix: str
    full_range: bool
    primaries: str
    transfer: str


@dataclass(frozen=True)
class VideoTrack:
    """index: among all tracks of the file. codec, pixels: ffmpeg's names. size: (width, height) as
    it is to be shown: upright, with square pixels. pixel_aspect: width / height of a stored pixel.
    rotation: degrees. fps: of a changing rate, the one to lay its frames on. start: seconds on the
    file's clock. depth: bits a channel."""

    index: int
    codec: str
    pixels: str
    size: tuple[int, int]
    pixel_aspect: Fraction
    rotation: int
    fps: float
    start: float
    depth: int
    interlaced: bool
    colour: Colour


@dataclass(frozen=True)
class SoundTrack:
    """index: among all tracks of the file. codec: ffmpeg's name. layout: ffmpeg's name, None where
    the file does not say which channel is which. start: seconds on the file's clock."""

    index: int
    codec: str
    rate: int
    channels: int
    layout: str | None
    start: float


@dataclass(frozen=True)
class Media:
    """A file's tracks that are meant to be seen and heard: the default ones, never a cover picture,
    and a commentary or audio description only where there is nothing else.

    duration: seconds, of the longest track. start: what the file's clock shows at its beginning, in
    seconds. discontinuous: whether that clock may jump, as a broadcast's does.
    """

    path: Path
    duration: float
    start: float
    discontinuous: bool
    video: VideoTrack | None
    sound: SoundTrack | None


def probe(path: str | Path, kind: str = "video") -> Media:
    """Look at a file; no more than a few frames are decoded.

    kind: what an error calls the file. A track that nothing can be decoded of counts as none.
    Raises: InputError where the file is missing, empty, or of no kind that libav knows.
    """
    path = Path(path)
    check_file(path, kind)
    with _opened(path, kind) as container:
        # What is shown is found out last: that decodes, and moves on in the file.
        sound = _preferred(container.streams.audio)
        heard = None if sound is None else _sound_track(sound)
        picture = _preferred(container.streams.video)
        seen = None if picture is None else _video_track(container, picture)
        duration = _duration(container)
        start = float(container.start_time or 0) / 1e6
        jumps = bool(container.format.flags & _TS_DISCONT)
    if duration is None or (seen is not None and not 0 < seen.fps <= _MAX_FPS):
        with _opened(path) as container:
            measured, fps = _measured(container, None if seen is None else seen.index)
        duration = measured if duration is None else duration
        if seen is not None and not 0 < seen.fps <= _MAX_FPS:
            seen = VideoTrack(**{**vars(seen), "fps": fps})
    return Media(path, duration, start, jumps, seen, heard)


def sound_of(path: str | Path) -> Media:
    """A file that is sure to have sound. Raises: InputError where it has none, and as `probe`."""
    media = probe(path, "sound file")
    if media.sound is None:
        raise InputError(f"{path} has no sound. Give a sound file, or a video with a sound track.")
    return media


def video_of(path: str | Path) -> Media:
    """A file that is sure to have pictures. Raises: InputError where none can be decoded, and as
    `probe`."""
    media = probe(path)
    if media.video is None:
        raise InputError(
            f"{path} is not a video that can be decoded, or it is damaged: it has no track of "
            "pictures (a cover picture is none). Give a video file."
        )
    return media


def packet_times(media: Media) -> np.ndarray:
    """[N] float64, when each frame of the video is shown, sorted, in seconds. Nothing is decoded.

    Raises: InputError where the file cannot be read.
    """
    assert media.video is not None
    with _opened(media.path) as container:
        stream = container.streams[media.video.index]
        packets = (p for p in _packets(container, stream) if p.pts is not None)
        return np.sort([float(packet.pts * packet.time_base) for packet in packets])


def check_file(path: Path, kind: str) -> None:
    """Raises: InputError where there is no such file, or nothing in it. kind: what it should be."""
    try:
        if not path.exists():
            raise InputError(f"there is no {kind} {path}. Check the name and the folder.")
        if path.is_dir():
            raise InputError(f"{path} is a folder; give one {kind}.")
        if path.stat().st_size == 0:
            raise InputError(f"the {kind} {path} is empty (0 bytes). Save or copy it again.")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise InputError(f"the {kind} {str(path)!r} cannot be opened: {error}.") from error


@contextmanager
def _opened(path: Path, kind: str = "video") -> Iterator[Any]:
    import av

    # By an open file and not by its name, which might be read as a protocol or be no UTF-8.
    try:
        with path.open("rb") as file, av.open(file, metadata_errors="replace") as container:
            yield container
    except (av.error.FFmpegError, OSError, ValueError, EOFError) as error:
        expected = "video" if kind == "video" else "sound or video file"
        raise InputError(
            f"{path} is not a {expected} that can be read, or it is damaged "
            f"({getattr(error, 'strerror', None) or error}). Copy or convert it again."
        ) from error


def _preferred(streams: Any) -> Any:
    """The track that a player takes."""
    from av.stream import Disposition as D

    pictures = D.attached_pic | D.timed_thumbnails | D.still_image
    aside = D.comment | D.visual_impaired | D.dub | D.karaoke
    usable = [s for s in streams if s.codec_context is not None and not s.disposition & pictures]
    return min(
        usable,
        key=lambda s: (bool(s.disposition & aside), not s.disposition & D.default, s.index),
        default=None,
    )


def _sound_track(stream: Any) -> SoundTrack | None:
    context = stream.codec_context
    known = all(channel.name not in ("NONE", "UNK") for channel in context.layout.channels)
    if context.channels < 1:
        return None
    return SoundTrack(
        index=stream.index,
        codec=context.codec.canonical_name,
        rate=context.rate,
        channels=context.channels,
        layout=context.layout.name if known and context.layout.channels else None,
        start=_seconds(stream.start_time, stream.time_base) or 0.0,
    )


def _video_track(container: Any, stream: Any) -> VideoTrack | None:
    """None where not one frame can be decoded."""
    frames = _first_frames(container, stream)
    if not frames:
        return None
    first, context = frames[0], stream.codec_context
    aspect = _pixel_aspect(stream.sample_aspect_ratio)
    rotation = round(first.rotation) % 360
    size = (first.width, first.height)
    # The side that is too short grows: no pixel is lost.
    size = (round(size[0] * aspect), size[1]) if aspect > 1 else (size[0], round(size[1] / aspect))
    return VideoTrack(
        index=stream.index,
        codec=context.codec.canonical_name,
        pixels=first.format.name,
        size=size[::-1] if rotation in (90, 270) else size,
        pixel_aspect=aspect,
        rotation=rotation,
        fps=float(stream.guessed_rate or stream.average_rate or 0),
        start=_seconds(stream.start_time, stream.time_base) or 0.0,
        depth=max(component.bits for component in first.format.components),
        interlaced=any(frame.interlaced_frame for frame in frames),
        colour=_colour(first, context),
    )


def _first_frames(container: Any, stream: Any) -> list[Any]:
    import av

    frames: list[Any] = []
    try:
        for frame in container.decode(stream):
            frames.append(frame)
            if len(frames) == _FRAMES_LOOKED_AT:
                break
    except (av.error.FFmpegError, OSError, ValueError, EOFError):
        pass  # what came before is enough
    return frames


def _pixel_aspect(given: Fraction | None) -> Fraction:
    if not given or not 1 / _MAX_ASPECT <= given <= _MAX_ASPECT:
        return Fraction(1)
    return Fraction(given)


def _colour(frame: Any, context: Any) -> Colour:
    """What the frame says, else the track; what neither says, as players take it."""
    components = frame.format.components
    if frame.format.is_rgb or len(components) < 3:
        matrix = "gbr"
    else:
        large = frame.width > _SD_WIDTH or frame.height > _SD_HEIGHT
        told = _told(_MATRICES, frame.colorspace, context.colorspace)
        matrix = told or ("bt709" if large else "bt601")
        matrix = "bt601" if matrix == "gbr" else matrix  # a tag that cannot be
    full = frame.format.name.startswith("yuvj") or 2 in (frame.color_range, context.color_range)
    return Colour(
        matrix=matrix,
        full_range=full or frame.format.is_rgb,
        primaries=_told(_PRIMARIES, frame.color_primaries, context.color_primaries) or "bt709",
        transfer=_told(_TRANSFERS, frame.color_trc, context.color_trc) or "bt709",
    )


def _told(names: dict[int, str], *codes: Any) -> str | None:
    return next((names[int(code)] for code in codes if code is not None and code in names), None)


def _seconds(count: int | None, unit: Fraction | None) -> float | None:
    return None if count is None or unit is None else float(count * unit)


def _duration(container: Any) -> float | None:
    """Seconds, where the file says so."""
    if container.duration:
        return float(container.duration) / 1e6
    lengths = [_seconds(stream.duration, stream.time_base) for stream in container.streams]
    return max((length for length in lengths if length), default=None)


def _packets(container: Any, stream: Any = None) -> Iterator[Any]:
    """All packets of the file or of a track, up to where it is damaged."""
    import av

    try:
        yield from container.demux() if stream is None else container.demux(stream)
    except (av.error.FFmpegError, OSError, ValueError, EOFError):
        return


def _measured(container: Any, video: int | None) -> tuple[float, float]:
    """Seconds and frames a second of a file that does not tell them, as a browser's recorder
    writes it: from the times of all packets."""
    begin, end, times = math.inf, -math.inf, []
    for packet in _packets(container):
        if packet.pts is None:
            continue
        at, lasts = float(packet.pts * packet.time_base), packet.duration or 0
        begin, end = min(begin, at), max(end, at + float(lasts * packet.time_base))
        if packet.stream_index == video:
            times.append(at)
    gaps = np.diff(np.sort(times))
    gap = float(np.median(gaps)) if len(gaps) else 0.04
    return max(0.0, end - begin) if end > begin else 0.0, 1 / min(max(gap, 1 / _MAX_FPS), 1.0)
