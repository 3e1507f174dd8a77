"""Styles: how much and how often somebody gestures, by name or by example."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from ..keypoints.motion import Motion

# An amplitude is taken of pieces so long, in seconds: who walks about in ten minutes does not
# gesture more widely. An example needs this many seconds.
PIECE_SECONDS, SHORTEST = 8.0, 2.0


@dataclass(frozen=True)
class Style:
    """Three numbers that tell how somebody gestures.

    rate: strokes a minute (`strokes.stroke_rate`). amplitude, head: of the wrists and of the head,
    root of the mean squared distance from the mean place within a few seconds, in shoulder widths.
    NaN: not known, and left as it is.
    """

    rate: float
    amplitude: float
    head: float

    @classmethod
    def of(cls, motions: Sequence[Motion]) -> Style:
        """Measured from motions of one person; a point counts in the frames it is seen in."""
        import numpy as np

        from ..keypoints.layout import FACE_NOSE_TIP
        from .strokes import WRISTS, seen_wrists, strokes

        pieces = [piece for motion in motions for piece in _pieces(motion)]
        minutes = sum(seen_wrists(motion).sum() / motion.fps for motion in motions) / 60
        count = sum(len(strokes(motion)) for motion in motions)
        found = [
            [_amplitude(piece, list(points)) for piece in pieces]
            for points in (WRISTS, (FACE_NOSE_TIP,))
        ]
        wrists, head = (float(np.nanmean(a)) if np.isfinite(a).any() else np.nan for a in found)
        return cls(count / minutes if minutes else float("nan"), wrists, head)


# Measured with `Style.of` on the training clips of one source each, and named by what they are;
# every other clip of a source and the clips between agree (rates to within 5 strokes a minute).
NAMED: dict[str, Style] = {
    "calm": Style(rate=47, amplitude=0.09, head=0.04),  # VLOGGER, 33 clips
    "brisk": Style(rate=72, amplitude=0.12, head=0.035),  # CyberHost, 24
    "quick": Style(rate=97, amplitude=0.17, head=0.06),  # FantasyTalking, 11
    "lively": Style(rate=86, amplitude=0.23, head=0.115),  # OmniHuman, 13
    "wide": Style(rate=40, amplitude=0.31, head=0.016),  # EchoMimicV2, Chinese, 9
    "stage": Style(rate=56, amplitude=0.40, head=0.26),  # GES-X, people on a stage, 6
}


def find(name: str | Path) -> Style:
    """A style by its name, or measured from a file of skeletons, as --save-poses writes them.

    Raises: UsageError for a name that is neither; InputError for a file that cannot be used.
    """
    from ..keypoints.person import to_motion
    from ..keypoints.poses import Poses

    if str(name) in NAMED:
        return NAMED[str(name)]
    path = Path(name)
    if path.suffix != ".npz":
        near = difflib.get_close_matches(str(name), NAMED, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(
            f"There is no style {str(name)!r}.{hint} Expected one of {', '.join(NAMED)}, or an "
            ".npz file of skeletons as --save-poses writes them."
        )
    poses = Poses.load(path)
    if len(poses) < SHORTEST * poses.fps:
        raise InputError(
            f"{path} lasts {len(poses) / poses.fps:.1f} s; a style needs {SHORTEST:g} s at least."
        )
    return Style.of([to_motion(poses)])


def _pieces(motion: Motion) -> list[Motion]:
    """Equal pieces of about `PIECE_SECONDS`."""
    count = max(1, round(len(motion) / motion.fps / PIECE_SECONDS))
    borders = [round(i * len(motion) / count) for i in range(count + 1)]
    return [motion[slice(a, b)] for a, b in pairwise(borders)]


def _amplitude(motion: Motion, points: list[int]) -> float:
    import numpy as np

    from .vectors import SEEN

    seen = motion.confidence[:, points] > SEEN
    places = np.where(seen[..., None], motion.points[:, points].astype(np.float64), np.nan)
    places = places[:, seen.sum(axis=0) > motion.fps]
    if not places.size:
        return float("nan")
    away: np.ndarray = places - np.nanmean(places, axis=0)
    return float(np.sqrt(np.nanmean(np.square(away).sum(axis=-1))))
