"""From what a generator made to motion that can be shown: the one place behind every generator.

    raw motion -> smoothed -> posture, rest -> calm mouth -> begins at the reference
               -> expressiveness -> manner (rate, amplitude, style) -> hands within people's speed
               -> lips by the voice -> blinks

Generators return raw motion, a stranger's too, and know nothing of this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import GesticulateError
from ..keypoints.motion import Motion
from ..speech.track import SpeechFeatures
from .blinks import add_blinks, closure
from .hand_speed import MOST, limit_speed
from .lips import EXPECTED_SHARE, STRETCH, articulate, gate, opening, set_opening
from .manner import AS_MADE, Manner, in_manner
from .mouth_shape import shape_mouth
from .seeds import draws
from .shaping import (
    EASE_SECONDS,
    begin_at,
    calm_mouth,
    fade_out,
    rest_hands,
    scale,
    smooth,
    stay_near,
)


@dataclass(frozen=True)
class Finishing:
    """How much is done to what a generator made. The defaults leave what a generator may rightly
    have made, and are those of a generator that asks for nothing (a plain `Motion`).

    face_smoothing, head_smoothing, body_smoothing: standard deviations in seconds, 0 is none. Lips
    and lids close within 80 ms and get next to none.
    mouth_share: how much of the mouth's and jaw's form is kept.
    lip_stretch, expected_share: see `lips.articulate`.
    posture: how far elbows and wrists may be from the reference for long, in shoulder widths; None
    leaves them.
    hand_speed: the most of the wrists, in shoulder widths a second, see `hand_speed.limit_speed`;
    None leaves them, for people who are quicker than talkers, like signers.
    blinks: add them; for a generator whose eyes never close.
    """

    face_smoothing: float = 0.0
    head_smoothing: float = 0.0
    body_smoothing: float = 0.0
    mouth_share: float = 1.0
    lip_stretch: float = STRETCH
    expected_share: float = EXPECTED_SHARE
    posture: float | None = None
    hand_speed: float | None = MOST
    blinks: bool = True


AS_IT_IS = Finishing()
# Drawn tokens. Head and hands then move about as fast as people's on 14 training clips (head 0.14
# shoulder widths a second, real 0.11; fingers 0.20, real 0.21). There, drawn tokens change the
# mouth's form too much: the standard deviation of its width was 0.12 eye distances, really 0.05.
# As decoded, hands stay 0.68 from where they began for minutes, at favourite places of the training
# clips, whose own people's mean is 0.27.
FOR_TOKENS = Finishing(
    face_smoothing=0.03, head_smoothing=0.15, body_smoothing=0.06, mouth_share=0.5, posture=0.35
)
# What diffusion makes is smoother, and the mouth's form its own.
FOR_DIFFUSION = Finishing(
    face_smoothing=0.03, head_smoothing=0.08, body_smoothing=0.04, posture=0.35
)


@dataclass(frozen=True)
class RawMotion(Motion):
    """A motion as a generator made it, with what else the generator knows.

    lip_opening: [T], how far the speech lets expect the lips to open, in shoulder widths; None
    where the motion's own lips are to be followed. finishing: what it needs.
    """

    lip_opening: np.ndarray | None = None
    finishing: Finishing = AS_IT_IS

    @classmethod
    def of(cls, motion: Motion, lip_opening: np.ndarray | None, finishing: Finishing) -> RawMotion:
        """A motion with what is known of it."""
        return cls(motion.points, motion.confidence, motion.fps, lip_opening, finishing)

    def __getitem__(self, frames: slice) -> RawMotion:
        """The motion of a span of frames."""
        opening = None if self.lip_opening is None else self.lip_opening[frames]
        return replace(
            self,
            points=self.points[frames],
            confidence=self.confidence[frames],
            lip_opening=opening,
        )


def make_motion(
    generator: Any,
    speech: SpeechFeatures,
    reference: Motion,
    *,
    seed: int = 0,
    expressiveness: float = 1.0,
    manner: Manner = AS_MADE,
) -> Motion:
    """What a `MotionGenerator` makes of a speech, finished. The rest as `finish`."""
    raw = generator.generate(speech, reference, seed=seed)
    return finish(raw, speech, reference, seed=seed, expressiveness=expressiveness, manner=manner)


def finish(
    raw: Motion,
    speech: SpeechFeatures,
    reference: Motion,
    *,
    seed: int = 0,
    expressiveness: float = 1.0,
    manner: Manner = AS_MADE,
    span: tuple[int, int] | None = None,
) -> Motion:
    """What a generator made, ready for a renderer: [T], beginning at the reference.

    raw: [T], a `RawMotion` where the generator knows more than the points. speech: of as many
    frames. reference: one frame. seed: the run's, of the blinks here. expressiveness: factor on the
    head's and body's way from the reference. manner: how often and how far hands move, within
    ``span`` (first frame, frame behind the last) if there is one.
    Raises: GesticulateError where the motion has not the speech's frames, or not finite numbers.
    """
    check(raw, speech)
    known = raw if isinstance(raw, RawMotion) else RawMotion.of(raw, None, AS_IT_IS)
    options, voice, fps = known.finishing, speech.voice, raw.fps
    motion = smooth(known, options.face_smoothing, options.head_smoothing, options.body_smoothing)
    if options.posture is not None:
        motion = stay_near(motion, reference, options.posture)
    motion = rest_hands(motion, voice, reference)
    drawn = opening(motion)
    motion = begin_at(calm_mouth(motion, options.mouth_share), reference)
    motion = scale(motion, reference, expressiveness)
    motion = in_manner(motion, speech, manner, span)
    if options.hand_speed is not None:
        motion = limit_speed(motion, options.hand_speed)
    motion = _speak(motion, known, speech, reference, drawn)
    if options.blinks:
        motion = add_blinks(motion, closure(len(motion), fps, draws(seed, "blinks")))
    points = motion.points.copy()
    points[0] = reference.points[0]
    return Motion(points, motion.confidence, fps)


def _speak(
    motion: Motion,
    known: RawMotion,
    speech: SpeechFeatures,
    reference: Motion,
    drawn: np.ndarray,
) -> Motion:
    """The motion with a mouth that says the speech: as a lip model heard it, else as the generator
    made it. drawn: [T], the generator's own opening."""
    options, share = known.finishing, gate(speech.voice, motion.fps)
    fade = fade_out(len(motion), EASE_SECONDS["lips"], motion.fps)
    if speech.lips is not None:
        return shape_mouth(motion, reference, speech.lips, share, fade)
    wanted = articulate(
        drawn, known.lip_opening, share, options.lip_stretch, options.expected_share
    )
    return set_opening(motion, wanted + fade * (max(opening(reference)[0], 0) - wanted))


def check(raw: Motion, speech: SpeechFeatures) -> None:
    """Raises: GesticulateError where a generator's motion is not one of its speech."""
    if len(raw) != len(speech) or raw.fps != speech.fps:
        raise GesticulateError(
            f"The motion generator made {len(raw)} frames at {raw.fps:g} frames/s of a "
            f"speech of {len(speech)} at {speech.fps:g}. Expected one for each frame of the speech."
        )
    bad = np.count_nonzero(~np.isfinite(raw.points))
    if bad:
        raise GesticulateError(
            f"The motion generator made {bad} coordinates that are no finite numbers. Check its "
            "weights, and the speech features that it was given."
        )
