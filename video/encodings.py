"""How pictures are stored: by which codec, with how many bits and how much chroma."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..ffmpeg_binary import can_encode
from ..media_probe import VideoTrack

_log = logging.getLogger(__name__)

# Visually lossless for a face at arm's length; "veryfast" because the renderer needs the cores,
# and at a fixed quality a slower preset only makes the file smaller.
_H264 = ("libx264", {"preset": "veryfast", "crf": 17})
# Encoders of each codec, the best first, with settings that come to about the same quality.
_ENCODERS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "h264": [_H264],
    # Apple's players want this tag.
    "hevc": [("libx265", {"preset": "veryfast", "crf": 19, "tag:v": "hvc1",
                          "x265-params": "log-level=error"})],
    "vp9": [("libvpx-vp9", {"crf": 22, "video_bitrate": 0, "deadline": "good", "cpu-used": 4,
                            "row-mt": 1})],
    "av1": [("libsvtav1", {"crf": 22, "preset": 8}),
            ("libaom-av1", {"crf": 20, "video_bitrate": 0, "cpu-used": 6, "row-mt": 1})],
    "prores": [("prores_ks", {"profile:v": 3})],
}  # fmt: skip
# QuickTime's container alone holds it.
_ONLY_MOV = ("prores",)


@dataclass(frozen=True)
class Encoding:
    """codec: ffmpeg's encoder. pixels: a YUV format. options: of the encoder."""

    codec: str = _H264[0]
    pixels: str = "yuv420p"
    options: dict[str, Any] = field(default_factory=lambda: dict(_H264[1]))

    @property
    def deep(self) -> bool:
        """Whether more than 8 bits a channel are stored."""
        return bool(re.search(r"1[0-6]", self.pixels.partition("p")[2]))


def like(track: VideoTrack, out: str | Path) -> Encoding:
    """The encoding nearest to a video's own: its codec, bits and chroma where there is an encoder
    for them here that the output's container holds, else H.264. What is not kept is logged."""
    depth = 8 if track.depth <= 8 else 10 if track.depth <= 10 else 12
    chroma = next((c for c in ("444", "422") if c in track.pixels), "420")
    if track.pixels.startswith(("gbr", "rgb", "bgr")):
        chroma = "444"
    wanted = _pixels(chroma, depth)
    others = [_pixels("420", depth), _pixels(chroma, min(depth, 10)), "yuv420p10le", "yuv420p"]
    if track.codec == "prores":
        others = ["yuv444p10le" if chroma == "444" else "yuv422p10le"]
    codecs = [track.codec, "h264"] if track.codec in _ENCODERS else ["h264"]
    if track.codec in _ONLY_MOV and Path(out).suffix.lower() != ".mov":
        codecs = ["h264"]
    for name in codecs:
        for encoder, options in _ENCODERS[name]:
            for pixels in dict.fromkeys([wanted, *others]):
                if depth == 8 and pixels.endswith("10le") and name != "prores":
                    continue
                if can_encode(encoder, pixels):
                    _tell(track, name, pixels, wanted, out)
                    return Encoding(encoder, pixels, dict(options))
    return Encoding()


def _pixels(chroma: str, depth: int) -> str:
    return f"yuv{chroma}p" + (f"{depth}le" if depth > 8 else "")


def _tell(track: VideoTrack, name: str, pixels: str, wanted: str, out: str | Path) -> None:
    if name != track.codec:
        why = (
            f"{Path(out).suffix} does not hold it; .mov does"
            if track.codec in _ONLY_MOV
            else "there is no encoder for it here"
        )
        _log.warning(
            "The video's codec %s is not kept (%s): %s is written.", track.codec, why, name
        )
    if pixels != wanted:
        _log.warning("Its pixels (%s) are stored as %s.", track.pixels, pixels)
