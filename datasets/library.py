"""A library of motion clips: a built data set, or a folder of skeletons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..atomic import complete_files
from ..errors import InputError
from ..keypoints.motion import Motion
from ..keypoints.person import to_motion
from ..keypoints.poses import Poses
from .load import Clips
from .publish import STATE_FILE


def motions(folder: Path, split: str | None = None) -> Iterator[tuple[str, Motion]]:
    """Names and motions, clip by clip.

    folder: what `gesticulate dataset build` wrote, or one with .npz files of poses, at any depth.
    split: of a data set; None takes all.
    Raises: InputError where there is none.
    """
    if (folder / STATE_FILE).is_file():
        clips = Clips(folder)
        rows = clips.select(split)
        if not rows:
            raise InputError(f"{folder} has no clip of the split {split!r}. Leave out --split.")
        for row in rows:
            yield row.id, clips.motion_of(row)
        return
    files = complete_files(folder, "*.npz")
    if not files:
        raise InputError(
            f"{folder} holds neither a data set nor .npz files of skeletons. Give the folder that "
            "`gesticulate dataset build -o FOLDER` wrote, or one with files from --save-poses."
        )
    for file in files:
        yield str(file.relative_to(folder)), to_motion(Poses.load(file))
