"""The square around the person: what a renderer is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..atomic import complete_or_nothing
from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, file_url, running
from ..keypoints import layout
from ..keypoints.poses import Poses
from ..media_input import pictures, sound, tagged_bt709
from ..media_probe import video_of
from .options import FPS
from .shots import Span

# Above the brows a head goes on for about this many face heights (brows to chin), hair included.
_HAIR = 0.8
# The square is this much larger than the person, so that a hand can leave the rest of its path.
_MARGIN = 1.1
_SEEN = 0.3


@dataclass(frozen=True)
class Crop:
    """A square of a video: its corner (x, y) and side in the video's pixels, and the width and
    height it is scaled to."""

    x: int
    y: int
    side: int
    size: int

    def apply(self, poses: Poses) -> Poses:
        """The poses in the pixels of the scaled crop; points outside keep their place there."""
        points = poses.points.copy()
        points[..., :2] -= (self.x, self.y)
        return Poses(points, (self.side, self.side), poses.fps).scaled((self.size, self.size))


def person_crop(poses: Poses, size: int) -> Crop:
    """The square that holds the head, arms and hands of all frames of a clip.

    It is never smaller than ``size`` where the video has as many pixels, so that nothing is
    enlarged, and never leaves the picture; where that is too narrow, the head stays inside.
    """
    parts = [*range(layout.RIGHT_WRIST + 1), *range(layout.FACE.start, layout.NUM_POINTS)]
    seen = poses.points[:, parts]
    seen = seen[seen[..., 2] > _SEEN]
    face = poses.points[:, layout.FACE]
    face = face[(face[..., 2] > _SEEN).all(axis=1), :, 1]
    hair = _HAIR * float(np.median(np.ptp(face, axis=1))) if len(face) else 0.0
    left, right = np.percentile(seen[:, 0], [0.5, 99.5])
    top, bottom = np.percentile(seen[:, 1], [0.5, 99.5])
    top -= hair
    side = _MARGIN * max(right - left, bottom - top)
    side = round(float(np.clip(side, size, None)))
    side = min(side, *poses.size)
    middle = (left + right) / 2
    # A person taller than the square is cut at the bottom, not at the head.
    y = (top + bottom) / 2 - side / 2 if bottom - top <= side else top
    return Crop(
        x=round(float(np.clip(middle - side / 2, 0, poses.size[0] - side))),
        y=round(float(np.clip(y, 0, poses.size[1] - side))),
        side=side,
        size=size,
    )


@dataclass(frozen=True)
class CropJob:
    """video: the file. span: the clip. crop: its square. output: the file to write."""

    video: Path
    span: Span
    crop: Crop
    output: Path


def write_crop(_: None, job: CropJob) -> None:
    """Write a clip's person crop as H.264 with its sound, at 25 frames a second.

    Raises: InputError where the video cannot be read any more.
    """
    import ffmpeg

    crop, span, video = job.crop, job.span, video_of(job.video)
    stream = pictures(video, FPS, start=span.start)
    stream = stream.filter("crop", crop.side, crop.side, crop.x, crop.y)
    stream = stream.filter("scale", crop.size, crop.size, flags="area")
    streams = [tagged_bt709(stream, "yuv420p")]
    if video.sound is not None:
        heard = sound(video, start=span.start)
        streams.append(heard.filter("atrim", end=span.seconds))
    with complete_or_nothing(job.output) as part:
        # 17: visibly lossless; a renderer must not learn another codec's blocks.
        output = ffmpeg.output(
            *streams, file_url(part), vcodec="libx264", crf=17, vframes=span.num_frames,
            acodec="aac", loglevel="error",
        ).overwrite_output()  # fmt: skip
        with running(ffmpeg.compile(output, cmd=ffmpeg_path())) as encoder:
            if encoder.process.wait() != 0:
                said = encoder.messages()
                raise InputError(f"{job.video} cannot be cropped. ffmpeg said:\n{said}")
