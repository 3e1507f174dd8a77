"""Photos and videos -> RGB arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, file_url, running

if TYPE_CHECKING:
    from PIL import Image

# A face of a third of the picture would have 20 pixels: no mouth is left to move.
MIN_SIDE = 64
# Beyond this a file is more likely an attack or a mistake than a photo (a phone's largest
# panorama has about 100 million).
_MAX_PIXELS = 250_000_000


def read_photo(path: str | Path) -> np.ndarray:
    """A photo, upright, as [H, W, 3] uint8 RGB.

    Turned as its EXIF data say. What is transparent becomes white. 16 bits a channel are scaled
    to 8; grey, palette and CMYK pictures become RGB; of an animation the first picture is taken.
    Raises: InputError where the file is missing, empty, damaged, of an unknown kind, or smaller
    than 64 pixels a side.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    path = Path(path)
    _check_file(path, "photo")
    try:
        with Image.open(path) as opened:
            _check_size(path, opened.size)
            photo = ImageOps.exif_transpose(opened)
            pixels = _to_rgb(photo)
    except UnidentifiedImageError as error:
        raise InputError(_unknown_kind(path)) from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(
            f"the photo {path} is damaged and cannot be decoded ({error}). "
            "Save or copy it again, as PNG or JPEG."
        ) from error
    return pixels


def _check_file(path: Path, kind: str) -> None:
    if not path.exists():
        raise InputError(f"there is no {kind} {path}. Check the name and the folder.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one {kind}.")
    if path.stat().st_size == 0:
        raise InputError(f"the {kind} {path} is empty (0 bytes). Save or copy it again.")


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if min(size) < MIN_SIDE:
        raise InputError(
            f"the photo {path} has {size[0]} x {size[1]} pixels; at least {MIN_SIDE} a side are "
            "needed, 512 or more look good. Give a larger picture of the person."
        )
    if size[0] * size[1] > _MAX_PIXELS:
        raise InputError(
            f"the photo {path} has {size[0]} x {size[1]} pixels, more than {_MAX_PIXELS / 1e6:.0f}"
            " million. Scale it down first."
        )


def _to_rgb(photo: Image.Image) -> np.ndarray:
    """[H, W, 3] uint8 of any mode that Pillow has."""
    from PIL import Image

    if photo.mode.startswith(("I;16", "I", "F")):
        return _grey_to_rgb(np.asarray(photo))
    if photo.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in photo.info:
        photo = photo.convert("RGBA")
        white = Image.new("RGBA", photo.size, "white")
        photo = Image.alpha_composite(white, photo)
    return np.array(photo.convert("RGB"))


def _grey_to_rgb(grey: np.ndarray) -> np.ndarray:
    """Grey of more than 8 bits. Pillow would cut it off at 255 instead of scaling it."""
    grey = grey.astype(np.float64)
    full = 65535.0 if grey.max() > 255 else 255.0 if grey.max() > 1 else 1.0
    scaled = np.clip(np.rint(grey / full * 255), 0, 255).astype(np.uint8)
    return np.repeat(scaled[..., None], 3, axis=-1)


def _unknown_kind(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return (
            f"{path} is a HEIC photo, the format of Apple's cameras, which cannot be read here. "
            "Export it as JPEG (on a Mac: open it in Preview, File > Export) and give that file."
        )
    return f"{path} is not a picture that can be read, or it is damaged. Give a PNG or JPEG file."


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is decoded.

    size: (width, height) in pixels, upright: a phone's rotation mark is already applied.
    fps: frames per second; of a video with a changing rate, the one its frames are laid on.
    duration: seconds, of the longer of pictures and sound.
    has_sound: whether there is a sound track. sound_codec: ffmpeg's name of how it is stored.
    """

    size: tuple[int, int]
    fps: float
    duration: float
    has_sound: bool
    sound_codec: str | None = None

    @property
    def num_frames(self) -> int:
        """round(duration * fps): what is to be expected; only decoding tells exactly."""
        return max(1, round(self.duration * self.fps))


def probe_video(path: str | Path) -> VideoInfo:
    """Look at a video without decoding more than its first frame.

    Raises: InputError where the file is missing, or holds no picture that can be decoded.
    """
    import ffmpeg

    path = Path(path)
    _check_file(path, "video")
    # A y4m header tells the upright size and the exact rate, which ffmpeg's prose rounds.
    stream = ffmpeg.output(
        ffmpeg.input(file_url(path))["V:0"], "pipe:", format="yuv4mpegpipe", pix_fmt="yuv444p",
        vframes=1, loglevel="info",
    ).global_args("-nostats", "-hide_banner")  # fmt: skip
    with running(ffmpeg.compile(stream, cmd=ffmpeg_path())) as prober:
        header = prober.stdout.readline(256).decode("ascii", "replace")
        prober.stdout.read()
        prober.process.wait()
        said = prober.messages(lines=None)
    match = re.match(r"YUV4MPEG2 W(\d+) H(\d+) F(\d+):(\d+)", header)
    if match is None:
        raise InputError(
            f"{path} is not a video that can be decoded, or it is damaged. ffmpeg said:\n"
            + "\n".join(said.splitlines()[-4:])
        )
    width, height, numerator, denominator = map(int, match.groups())
    source = said.split("Output #0")[0]
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", source)
    sound = re.search(r"Stream #0.*: Audio: (\w+)", source)
    hours, minutes, seconds = length.groups() if length else ("0", "0", "0")
    return VideoInfo(
        size=(width, height),
        fps=numerator / denominator,
        duration=int(hours) * 3600 + int(minutes) * 60 + float(seconds),
        has_sound=sound is not None,
        sound_codec=sound.group(1) if sound else None,
    )


class VideoReader:
    """The frames of a video, decoded as they are asked for.

    Each iteration starts anew: [H, W, 3] uint8 RGB, upright, on a constant frame rate that
    begins at the file's beginning, where its sound begins too.
    """

    def __init__(self, path: str | Path, fps: float | None = None) -> None:
        """fps: frames per second to give, by repeating and leaving out; None keeps the video's."""
        self.path = Path(path)
        self.info = probe_video(path)
        self.fps = self.info.fps if fps is None else fps

    @property
    def num_frames(self) -> int:
        """How many frames to expect; only decoding tells exactly."""
        return max(1, round(self.info.duration * self.fps))

    def __iter__(self) -> Iterator[np.ndarray]:
        import ffmpeg

        width, height = self.info.size
        pictures = ffmpeg.input(file_url(self.path))["V:0"].filter("fps", self.fps, start_time=0)
        stream = ffmpeg.output(
            pictures, "pipe:", format="rawvideo", pix_fmt="rgb24", loglevel="error"
        )
        with running(ffmpeg.compile(stream, cmd=ffmpeg_path())) as decoder:
            count = 0
            while True:
                frame = np.empty((height, width, 3), dtype=np.uint8)
                if decoder.stdout.readinto(frame.data.cast("B")) < frame.nbytes:
                    break
                yield frame
                count += 1
            if decoder.process.wait() != 0 or count == 0:
                raise InputError(
                    f"{self.path} could be decoded for {count} frames only. Convert it and try "
                    f"again. ffmpeg said:\n{decoder.messages()}"
                )
