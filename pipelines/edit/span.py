"""One marked span of a video: what is measured around it, and its new poses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ...errors import InputError
from ...keypoints import layout
from ...keypoints.limits import smooth_step
from ...keypoints.motion import Motion
from ...keypoints.person import Person, from_motion, to_motion, whole_faces
from ...keypoints.poses import Poses
from ...keypoints.retarget import resample, retarget
from ...keypoints.smoothing import fill_gaps, smooth
from ...keypoints.splice import splice
from ...motion.manner import AS_MADE, Manner
from ...speech.track import SpeechFeatures
from ...video.cuts import CutFinder
from ...video.read import VideoReader
from ..progress import Meter
from ..stages import PoseEstimator
from .edits import Edit

# What is looked at before and after a span: context of the tokens, and frames to draw from.
CONTEXT_SECONDS = 4.0
# The own motion goes over to the new one for so long at each end, or a third of the span.
FADE_SECONDS = 0.6
# Their pictures are cross-faded for so long.
DISSOLVE_SECONDS = 0.24
# Retargeting eases out of the photo's pose for this long; it is over before the span begins.
_EASE_SECONDS = 1.0
# Gaps that are filled, and the share of the span's frames that must show the face.
_GAP_SECONDS, _PERSON_SEEN = 0.6, 0.5
# Parts by the stream of motion that makes them.
BODY, HEAD = {"hands", "arms"}, {"head", "face"}


@dataclass(frozen=True)
class Span:
    """A span, ready to be made anew as often as is wished.

    first, last: its frames in the video, last excluded. section: frame of the video that ``own``
    begins with. own: the person's poses around the span. person: measured from them.
    """

    edit: Edit
    first: int
    last: int
    section: int
    own: Poses
    person: Person

    @property
    def within(self) -> slice:
        """The span's frames in ``own``."""
        return slice(self.first - self.section, self.last - self.section)

    def new_motion(
        self, generator: Any, speech: SpeechFeatures, seed: int, manner: Manner = AS_MADE
    ) -> Motion:
        """The motion of ``own``, at the generator's rate, with the span made anew.

        generator: `stages.MotionEditor`. speech: of the whole video, at the generator's rate.
        manner: how often and how far hands move within the span.
        """
        from ...motion.finish import finish
        from ...motion.infill import whole

        rate = generator.fps / self.own.fps
        count = max(1, round(len(self.own) * rate))
        motion = to_motion(resample(self.own, generator.fps, count), self.person)
        heard = _cut(speech, round(self.section * rate), count)
        start = math.floor(self.within.start * rate)
        stop = min(count, math.ceil(self.within.stop * rate))
        streams = [name for name, parts in (("face", HEAD), ("body", BODY)) if self.asks(parts)]
        raw = generator.infill(heard, motion, (start, stop), streams=tuple(streams), seed=seed)
        begin = whole(motion)[:1]
        return finish(raw, heard, begin, seed=seed, manner=manner, span=(start, stop))

    def new_poses(self, made: Motion, photo_pose: Poses) -> Poses:
        """The poses of ``own`` with the asked parts as in a new motion within the span.

        made: by `new_motion`. photo_pose: of the photo that the span is drawn from, one frame.
        """
        poses, share = self.own, self.share()
        if self.asks(BODY):
            moved = self._as_in_photo(made, photo_pose)
            poses = splice(_bridged(poses), moved, BODY & set(self.edit.parts), share, self.person)
            poses = _outside(poses, self.own, self.within)
        if self.asks(HEAD):
            moved = self.as_made(made)
            poses = splice(poses, moved, HEAD & set(self.edit.parts), share, self.person)
        return poses

    def as_made(self, made: Motion) -> Poses:
        """A new motion as this person would do it, in the video's pixels and at its rate."""
        moved = from_motion(made, self.person, self.own.size)
        return resample(moved, self.own.fps, len(self.own))

    def asks(self, parts: set[str]) -> bool:
        """Whether one of some parts is to be made anew."""
        return bool(parts & set(self.edit.parts))

    def _as_in_photo(self, motion: Motion, photo_pose: Poses) -> Poses:
        """The motion within what the photo can show, at the video's rate."""
        held = round(_EASE_SECONDS * motion.fps)
        points = np.concatenate([np.repeat(motion.points[:1], held, axis=0), motion.points])
        seen = np.concatenate([np.repeat(motion.confidence[:1], held, axis=0), motion.confidence])
        poses = retarget(Motion(points, seen, motion.fps), photo_pose)[held:]
        return resample(poses, self.own.fps, len(self.own))

    def share(self, seconds: float = FADE_SECONDS) -> np.ndarray:
        """[T] how far each frame has gone over to the new: 0 outside the span, and rising within
        so many seconds from its borders, where there are frames to meet, without a step in
        speed."""
        start, stop = self.within.start, self.within.stop
        fade = max(1, round(min(seconds, (stop - start) / self.own.fps / 3) * self.own.fps))
        at = np.arange(len(self.own))
        share = ((at >= start) & (at < stop)).astype(np.float64)
        if start > 0:
            share *= smooth_step((at - start + 1) / (fade + 1))
        if stop < len(self.own):
            share *= smooth_step((stop - at) / (fade + 1))
        return share


def measure_span(
    edit: Edit, video: VideoReader, num_frames: int, estimator: PoseEstimator, meter: Meter
) -> Span:
    """Look at the frames around a span.

    Raises: InputError where a cut or no person is in it.
    """
    fps = video.fps
    first, last = round(edit.start * fps), min(num_frames, round(edit.stop * fps))
    context = round(CONTEXT_SECONDS * fps)
    low, high = max(0, first - context), min(num_frames, last + context)
    finder = CutFinder(islice(iter(video), low, high))
    poses = estimator.track(meter.stream("look", iter(finder), high - low), fps)
    last = min(last, low + len(poses))  # the sound may go on behind the last frame
    cuts = [low + cut for cut in finder.cuts()]
    inside = [cut for cut in cuts if first < cut < last]
    if inside:
        times = ", ".join(f"{cut / fps:.2f} s" for cut in inside)
        raise InputError(
            f"The span from {edit.start:g} s to {edit.stop:g} s has a cut inside, at {times}. "
            "Mark a span on each side of the cut instead."
        )
    begin = max([low, *(cut for cut in cuts if cut <= first)])
    end = min([low + len(poses), *(cut for cut in cuts if cut >= last)])
    poses = poses[begin - low : end - low]
    span = slice(first - begin, last - begin)
    if not len(poses[span]) or whole_faces(poses[span]).mean() < _PERSON_SEEN:
        raise InputError(
            f"No person is seen from {edit.start:g} s to {edit.stop:g} s (the whole face in "
            f"{whole_faces(poses[span]).mean() if len(poses[span]) else 0:.0%} of the frames, "
            f"{_PERSON_SEEN:.0%} are needed). Mark a span that shows a person from the front."
        )
    own = fill_gaps(smooth(poses), max_gap=round(_GAP_SECONDS * fps))
    return Span(edit, first, last, begin, own, Person.measure(own))


def _bridged(poses: Poses) -> Poses:
    """Arms and hands also where they are out of the picture for a while, on the straight way from
    where they left it to where they come back: a new motion needs a place to begin at."""
    arms = [*layout.ARMS, *range(layout.LEFT_HAND.start, layout.RIGHT_HAND.stop)]
    points = poses.points.copy()
    points[:, arms] = fill_gaps(poses, max_gap=len(poses)).points[:, arms]
    return Poses(points, poses.size, poses.fps)


def _outside(poses: Poses, own: Poses, within: slice) -> Poses:
    """The poses within a span, and a person's own ones around it."""
    points = own.points.copy()
    points[within] = poses.points[within]
    return Poses(points, own.size, own.fps)


def _cut(speech: SpeechFeatures, first: int, count: int) -> SpeechFeatures:
    """So many rows from the first on; behind the end the last one is held."""
    return speech[np.clip(np.arange(first, first + count), 0, len(speech) - 1)]
