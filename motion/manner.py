"""How somebody gestures: what a user asks for, done to the motion of any generator.

Generators know nothing of it: what they made is measured, and its arms and head are changed. Lips
and length stay, so that the mouth is in sync as before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .style import Style, find

if TYPE_CHECKING:
    from ..keypoints.motion import Motion
    from ..speech.track import SpeechFeatures

RATES, AMPLITUDES = (0.0, 1.5), (0.0, 2.0)
# A style changes nothing by more than this: what a generator hardly moves is not made to by force.
MOST = 3.0


@dataclass(frozen=True)
class Manner:
    """What is asked of the gestures.

    rate: times as many strokes a minute. amplitude: times as far from the pose that the motion
    begins with. 1 is as made, or as the style has it. style: somebody to gesture like.
    Raises: UsageError for numbers out of range.
    """

    rate: float = 1.0
    amplitude: float = 1.0
    style: Style | None = None

    def __post_init__(self) -> None:
        for name, value, (low, high) in (
            ("rate", self.rate, RATES),
            ("amplitude", self.amplitude, AMPLITUDES),
        ):
            if not low <= value <= high:
                raise UsageError(
                    f"The gesture {name} is {value:g}. Expected {low:g} to {high:g}, "
                    "where 1 is as made."
                )


AS_MADE = Manner()


def asked(style: str | Path | None, rate: float = 1.0, amplitude: float = 1.0) -> Manner:
    """A manner with the style by name or by example, see `style.find`.

    Raises: UsageError, InputError.
    """
    return Manner(rate, amplitude, None if style is None else find(style))


def in_manner(
    motion: Motion,
    speech: SpeechFeatures,
    manner: Manner,
    span: tuple[int, int] | None = None,
) -> Motion:
    """A generator's motion with gestures as asked for.

    speech: of as many frames as the motion. It begins with the same pose. Rate and amplitude are of
    elbows, wrists and hands alone; a style is also of the head, but never of the expression.
    span: first frame and frame behind the last of what is changed; None is all.
    """
    from .gesture_rate import with_rate
    from .shaping import begin_at, scale_body, scale_head
    from .strokes import GESTURING

    if manner == AS_MADE or len(motion) < 2:
        return motion
    if span is not None:
        within = slice(*span)
        points = motion.points.copy()
        points[within] = in_manner(motion[within], speech[within], manner).points
        return replace(motion, points=points)
    first, rate, style = motion[:1], manner.rate, manner.style
    if style is not None:
        own = Style.of([motion])
        rate *= _factor(style.rate, own.rate)
        motion = scale_head(motion, first, _factor(style.head, own.head))
    motion = begin_at(with_rate(motion, speech, rate), first)
    amplitude = manner.amplitude
    if style is not None:
        # Measured once more, as strokes have come or gone.
        amplitude *= _factor(style.amplitude, Style.of([motion]).amplitude)
    return scale_body(motion, first, amplitude, GESTURING)


def _factor(wanted: float, own: float) -> float:
    """What takes one's own number to the one that is wanted; 1 where either is unknown."""
    if not (wanted >= 0 and own > 0):
        return 1.0
    return min(max(wanted / own, 1 / MOST), MOST)
