"""What can move in a photo, what is held still, and why: told before a video is made of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import registry
from ..atomic import complete_or_nothing
from ..errors import UsageError
from ..keypoints import layout
from ..keypoints.poses import Poses
from .outputs import check_output
from .portrait import Portrait
from .stages import Renderer

if TYPE_CHECKING:
    from .check_options import CheckOptions

# Red, amber, green, for what rests, moves less and moves.
_COLOURS = ((214, 48, 49), (240, 160, 30), (40, 167, 69))
# Of the picture that is drawn: how strongly limbs are coloured, and how wide, in shoulder widths.
_STRENGTH, _WIDE = 0.45, 0.18
# The inner lips are apart by more than this share of the mouth's width: the mouth is open.
_OPEN = 0.08
# The nose tip stands off the middle of the eyes by this share of their distance: about 25 degrees.
_TURNED = 0.35

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PartCheck:
    """part: "head", "mouth", "left arm", "right arm" (the person's own). share: of its usual
    motion, 0 where it is held still. reason: why not all of it, or what else is to be known."""

    part: str
    share: float
    reason: str

    def __str__(self) -> str:
        moves = "rests" if self.share == 0 else "moves" if self.share == 1 else "moves less"
        return f"{self.part:<10} {moves}{': ' * bool(self.reason)}{self.reason}"


def check(portrait: Portrait) -> tuple[PartCheck, ...]:
    """Head, mouth and arms of a photo, as a renderer that moves its layers will treat them."""
    from ..warping.freedom import arm_freedoms

    points = portrait.pose.points[0]
    arms = arm_freedoms(portrait.picture, points)
    judged = [PartCheck(f"{arm.side} arm", arm.share, arm.reason) for arm in arms]
    return _head(points), _mouth(points), *judged


def _head(points: np.ndarray) -> PartCheck:
    face = points[layout.FACE, :2]
    right, left = face[layout.FACE_RIGHT_EYE].mean(0), face[layout.FACE_LEFT_EYE].mean(0)
    line = left - right
    off = abs(float((face[layout.FACE_NOSE_TIP] - (left + right) / 2) @ line)) / float(line @ line)
    return PartCheck("head", 1.0, "it is turned to the side; it turns on little" * (off > _TURNED))


def _mouth(points: np.ndarray) -> PartCheck:
    face = points[layout.FACE, :2]
    apart = float(np.linalg.norm(face[66] - face[62]))
    wide = max(float(np.linalg.norm(face[54] - face[48])), 1e-3)
    return PartCheck("mouth", 1.0, "it is open in the photo" * (apart > _OPEN * wide))


def judged(portrait: Portrait, renderer: Renderer) -> Portrait:
    """The portrait, its arms judged: what cannot be drawn well counts as not seen, so that it
    rests. Said as warnings. Only for renderers that say ``takes_apart``: others draw arms anew."""
    if not getattr(renderer, "takes_apart", False):
        return portrait
    from ..warping.freedom import arm_freedoms, resting

    matting = getattr(renderer, "matting", None)
    freedoms = arm_freedoms(portrait.picture, portrait.pose.points[0], matting)
    shown = portrait.pose.points[0, [layout.LEFT_WRIST, layout.RIGHT_WRIST], 2] > 0
    for one, seen in zip(freedoms, shown, strict=True):
        if one.share < 1.0 and seen:
            how = "rests" if one.share == 0 else "moves less"
            _log.warning("The person's %s arm %s: %s.", one.side, how, one.reason)
    points = resting(portrait.pose.points[0], freedoms)
    pose = Poses(points[None], portrait.pose.size, portrait.pose.fps)
    return replace(portrait, pose=pose, freedoms=freedoms)


def within_freedom(poses: Poses, portrait: Portrait) -> Poses:
    """Poses whose arms go no farther than the portrait's can."""
    from ..warping.freedom import calmed

    points = calmed(poses.points, portrait.pose.points[0], portrait.freedoms)
    return replace(poses, points=points)


def show_check(options: CheckOptions) -> None:
    """Look at a photo, draw the picture and print what was found.

    Raises: UsageError, InputError, WeightsError as a run with the photo would.
    """
    from PIL import Image

    from .. import configs
    from ..video.photo import read_photo
    from .portrait import prepare
    from .preset import PipelinePreset

    check_output(options.out, (options.photo,))
    if options.out.suffix.lower() not in Image.registered_extensions():
        raise UsageError(f"{options.out} is no picture's name. Expected one like check.png.")
    preset = configs.load(options.preset, PipelinePreset)
    photo = read_photo(options.photo)
    estimator = registry.build("pose_estimators", preset.estimator, device=options.device)
    portrait = prepare(photo, estimator, options.size, 25.0)
    parts = check(portrait)
    with complete_or_nothing(options.out) as part:
        Image.fromarray(drawn(portrait, parts)).save(part)
    if options.json:
        told = {"picture": str(options.out), "parts": [asdict(part) for part in parts]}
        print(json.dumps(told))
        return
    print("\n".join([*map(str, parts), f"See {options.out}."]))


def drawn(portrait: Portrait, parts: Sequence[PartCheck]) -> np.ndarray:
    """[H, W, 3] uint8, the photo with its face and arms in the colours of what they can do."""
    import cv2

    from ..warping.rig import ARM_POINTS, HAND_POINTS

    picture, points = portrait.picture, portrait.pose.points[0]
    paint = picture.copy()
    shoulders = points[[layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER], :2]
    face = points[layout.FACE, :2]
    width = max(float(np.linalg.norm(shoulders[0] - shoulders[1])), float(np.ptp(face[:, 0])))
    for part in parts:
        side, _, kind = part.part.partition(" ")
        if kind == "arm":
            colour = _colour(part)
            line = _shown(points, list(ARM_POINTS[side]))
            cv2.polylines(paint, [line], False, colour, max(2, round(_WIDE * width)))
            hand = _shown(points, list(range(*HAND_POINTS[side].indices(len(points)))))
            if len(hand):
                cv2.fillConvexPoly(paint, cv2.convexHull(hand), colour)
        elif part.part == "head":
            cv2.fillConvexPoly(paint, cv2.convexHull(np.rint(face).astype(np.int32)), _colour(part))
    return cv2.addWeighted(paint, _STRENGTH, picture, 1 - _STRENGTH, 0)


def _colour(part: PartCheck) -> tuple[int, int, int]:
    return _COLOURS[0 if part.share == 0 else 2 if part.share == 1 else 1]


def _shown(points: np.ndarray, which: Sequence[int]) -> np.ndarray:
    """[N, 2] int32, those of some points that were seen."""
    some: Any = points[which]
    return np.rint(some[some[:, 2] > 0, :2]).astype(np.int32)
