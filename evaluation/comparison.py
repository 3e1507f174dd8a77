"""All metrics of generated recordings against real ones, as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, get_args

import numpy as np

from ..errors import GesticulateError, InputError
from ..keypoints import layout
from .beat_alignment import beat_alignment, motion_beats
from .beat_constancy import angle_beat_constancy, joint_beat_constancy
from .bootstrap import mean_interval
from .joints import FPS, Joints
from .l1div import l1div
from .lip_sync import lip_opening, lip_speech_correlation, shuffled
from .lvd import lvd
from .options import MetricName
from .pcm import THRESHOLD, pcm
from .recordings import SEMANTIC, Recording, Sound
from .sides import SLACK, Sides
from .srgr import srgr
from .stress_apexes import TOLERANCE, stress_apexes
from .tables import markdown_table

NAN = float("nan")
# How many other clips' sound each clip is held against.
SHUFFLES = 4
ALL: tuple[MetricName, ...] = get_args(MetricName)
# Those that need motion, with or without sound, and those that need frames.
PICTURES: tuple[MetricName, ...] = ("psnr", "ssim", "lpips", "fid", "fvd")
MOTIONS: tuple[MetricName, ...] = tuple(name for name in ALL if name not in PICTURES)


@dataclass(frozen=True)
class Figure:
    """One metric's result.

    better: which way is better; "real" where nearer to the real clips' is. real, generated: of the
    whole sets; NaN where it cannot be said of one. shuffled: the generated motions with the sound
    of other clips, the control. gain: the interval (95 %) of the generated motions' number with
    their own sound above that control; it beats the control where both are above 0. real_gain: of
    the real ones. clips: by name, (real, generated). note: how it was measured.
    """

    metric: str
    title: str
    better: Literal["higher", "lower", "real"]
    generated: float
    real: float = NAN
    shuffled: float = NAN
    gain: tuple[float, float] = (NAN, NAN)
    real_gain: tuple[float, float] = (NAN, NAN)
    clips: dict[str, tuple[float, float]] = field(default_factory=dict)
    note: str = ""


def _mean(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The mean of what is known, each value alike where no weights are given."""
    rows = np.array([values, weights or [1.0] * len(values)])
    known, weight = rows[:, np.isfinite(rows[0])]
    return float(np.average(known, weights=weight)) if weight.sum() > 0 else NAN


def _paired(
    sides: Sides,
    metric: str,
    title: str,
    better: Literal["higher", "lower"],
    measure: Callable[[Joints, Joints], float],
    note: str,
) -> Figure:
    rows = {name: measure(real, made) for name, real, made in sides.joints()}
    return _by_clip(metric, title, better, rows, note)


def _by_clip(
    metric: str,
    title: str,
    better: Literal["higher", "lower"],
    rows: dict[str, float],
    note: str,
) -> Figure:
    """A metric of generated clips alone. rows: by name."""
    clips = {name: (NAN, value) for name, value in rows.items()}
    return Figure(metric, title, better, _mean(list(rows.values())), clips=clips, note=note)


def _heard(
    sides: Sides,
    metric: str,
    title: str,
    better: Literal["higher", "real"],
    measure: Callable[[Recording, Sound], float],
    note: str,
    weigh: Callable[[Recording, Sound], float] = lambda recording, sound: 1.0,
) -> Figure:
    """A metric of motion beside sound, with the sound of other clips as the control.

    weigh: how much a clip counts in the mean of its set.
    """
    made, real = (
        [(r, sound) for r in side if (sound := sides.sound_of(r)) is not None]
        for side in (sides.generated, sides.real)
    )
    if not made:
        raise InputError("no generated clip has sound, and no real clip of its name either.")
    generated, truth = ({r.name: measure(r, sound) for r, sound in side} for side in (made, real))
    weights = [[weigh(*pair) for pair in side] for side in (made, real)]
    control, gain = _against_others(made, list(generated.values()), measure, weigh)
    _, real_gain = _against_others(real, list(truth.values()), measure, weigh)
    return Figure(
        metric,
        title,
        better,
        _mean(list(generated.values()), weights[0]),
        _mean(list(truth.values()), weights[1]),
        control,
        gain,
        real_gain,
        {name: (truth.get(name, NAN), value) for name, value in generated.items()},
        note,
    )


def _against_others(
    side: Sequence[tuple[Recording, Sound]],
    own: Sequence[float],
    measure: Callable[[Recording, Sound], float],
    weigh: Callable[[Recording, Sound], float],
) -> tuple[float, tuple[float, float]]:
    """The mean with the sound of other clips, and the interval of what the own one is above it."""
    if len(side) < 2:
        return NAN, (NAN, NAN)
    pairs = list(shuffled(len(side), SHUFFLES))
    values = [measure(side[i][0], side[j][1]) for i, j in pairs]
    control = _mean(values, [weigh(side[i][0], side[j][1]) for i, j in pairs])
    gains = [
        own[clip] - _mean([value for (i, _), value in zip(pairs, values, strict=True) if i == clip])
        for clip in range(len(side))
    ]
    return control, mean_interval(gains, [weigh(*pair) for pair in side])


def _fgd(sides: Sides) -> Figure:
    from .fgd import fgd
    from .motion_autoencoder import load

    network = load()
    motions = sides.motions()
    note = f"{network.label}, windows of {network.options.window} frames"
    return Figure("fgd", "FGD", "lower", fgd(motions[0], motions[1], network), note=note)


def _diversity(sides: Sides) -> Figure:
    from .diversity import PAIRS, latent_diversity
    from .motion_autoencoder import load

    network = load()
    found = []
    for side in sides.motions():
        latents = network.latents(side)
        if len(latents) < 2:
            raise InputError("the clips have fewer than two windows of 32 frames.")
        found.append(latent_diversity(latents))
    note = f"{network.label}, mean L1 of {PAIRS} random pairs of windows"
    return Figure("diversity", "Diversity", "real", found[1], found[0], note=note)


def _l1div(sides: Sides) -> Figure:
    real, made = (
        {r.name: l1div(Joints.of(motion)) for r, motion in zip(side, motions, strict=True)}
        for side, motions in zip((sides.real, sides.generated), sides.motions(), strict=True)
    )
    return Figure(
        "l1div",
        "L1div",
        "real",
        _mean(list(made.values())),
        _mean(list(real.values())),
        clips={name: (real.get(name, NAN), value) for name, value in made.items()},
        note="shoulder widths, sum over 116 points",
    )


def _bas(recording: Recording, sound: Sound) -> float:
    body = Joints.of(recording.motion, layout.MOTION_BODY)
    if not np.isfinite(body.speed()).any():
        return NAN  # Who is not seen misses no beat.
    return beat_alignment(_within(sound, recording), motion_beats(body), FPS)


def _stress(recording: Recording, sound: Sound) -> float:
    if sound.stresses is None:
        raise InputError("the sound has not been looked at for stressed syllables.")
    return stress_apexes(recording.motion, sound.stresses)


def _within(sound: Sound, recording: Recording) -> np.ndarray:
    """The beats that fall into a motion."""
    return sound.beats[sound.beats <= len(recording.motion) / FPS]


def _lips(recording: Recording, sound: Sound) -> float:
    opening = lip_opening(recording.motion)
    return lip_speech_correlation(opening, sound.energy, sound.voice).pearson


def _srgr(sides: Sides) -> Figure:
    scores = {real.name: real.semantics for real, _ in sides.pairs}
    rows = {}
    for name, real, made in sides.joints():
        if abs(len(scores[name]) - len(real)) > SLACK:
            raise InputError(
                f"{name}{SEMANTIC} has {len(scores[name])} scores, its clip {len(real)} frames at "
                "25 a second. Each frame needs one."
            )
        length = min(len(scores[name]), len(real))
        rows[name] = srgr(
            Joints(real.points[:length], real.seen[:length], real.fps),
            Joints(made.points[:length], made.seen[:length], made.fps),
            scores[name][:length],
        )
    note = "within 0.1 shoulder widths (L1), scores over 0.165"
    return _by_clip("srgr", "SRGR", "higher", rows, note)


def _pictures(sides: Sides, metric: str) -> Figure:
    from .picture_pairs import frame_scores

    rows = {
        made.name: frame_scores(metric, real.frames(), made.frames(), sides.every, made.name)
        for real, made in sides.pairs
    }
    better: Literal["higher", "lower"] = "lower" if metric == "lpips" else "higher"
    note = f"every {sides.every}th frame" + (", AlexNet" if metric == "lpips" else "")
    return _by_clip(metric, metric.upper(), better, rows, note)


def _fid(sides: Sides) -> Figure:
    from .fid import Inception, fid

    sides.need_frames()
    network = Inception()
    features = [
        np.concatenate([network.features(islice(r.frames(), 0, None, sides.every)) for r in side])
        for side in (sides.real, sides.generated)
    ]
    _check_counts("FID", "frames", features)
    note = f"{len(features[0])} and {len(features[1])} frames"
    return Figure("fid", "FID", "lower", fid(*features), note=note)


def _fvd(sides: Sides) -> Figure:
    from .fvd import CLIP, VideoFeatures, fvd

    sides.need_frames()
    network = VideoFeatures()
    features = [
        np.concatenate([network.features(r.frames()) for r in side])
        for side in (sides.real, sides.generated)
    ]
    _check_counts("FVD", f"clips of {CLIP} frames", features)
    note = f"I3D, {len(features[0])} and {len(features[1])} clips of {CLIP} frames"
    return Figure("fvd", "FVD", "lower", fvd(*features), note=note)


def _check_counts(title: str, what: str, features: Sequence[np.ndarray]) -> None:
    if min(map(len, features)) < 2:
        counts = " and ".join(str(len(side)) for side in features)
        raise InputError(f"{title} needs two {what} or more on each side, got {counts}.")


_MEASURES: dict[MetricName, Callable[[Sides], Figure]] = {
    "fgd": _fgd,
    "diversity": _diversity,
    "l1div": _l1div,
    "bas": lambda s: _heard(
        s, "bas", "BAS", "higher", _bas, "over sound beats, sigma 3 frames at 25 a second"
    ),
    "bc": lambda s: _heard(
        s,
        "bc",
        "BC",
        "higher",
        lambda r, sound: joint_beat_constancy(r.motion, _within(sound, r)),
        "BEAT/EMAGE, joints above 0.30 of their mean speed, sigma 0.3 s",
        weigh=lambda r, sound: float(len(r.motion)),
    ),
    "bc-angle": lambda s: _heard(
        s,
        "bc-angle",
        "BC (angles)",
        "higher",
        lambda r, sound: angle_beat_constancy(r.motion, _within(sound, r)),
        "HA2G, minima 0.03 deep, sigma 0.1 s",
        weigh=lambda r, sound: float(len(_within(sound, r))),
    ),
    "stress": lambda s: _heard(
        s,
        "stress",
        "Stresses with an apex",
        "real",
        _stress,
        f"share of stressed syllables with a stroke's apex within {TOLERANCE} s",
        weigh=lambda r, sound: float(0 if sound.stresses is None else len(sound.stresses)),
    ),
    "pcm": lambda s: _paired(
        s, "pcm", "PCM", "higher", pcm, f"within {THRESHOLD} shoulder widths, 116 points"
    ),
    "srgr": _srgr,
    "lvd": lambda s: _paired(
        s, "lvd", "LVD", "lower", lvd, "shoulder widths a frame, sum over 116 points"
    ),
    "lips": lambda s: _heard(
        s, "lips", "Lips and loudness", "real", _lips, "Pearson where there is voice"
    ),
    "psnr": lambda s: _pictures(s, "psnr"),
    "ssim": lambda s: _pictures(s, "ssim"),
    "lpips": lambda s: _pictures(s, "lpips"),
    "fid": _fid,
    "fvd": _fvd,
}


def compare(
    sides: Sides,
    metrics: Sequence[MetricName] = ALL,
    demanded: bool = False,
    tell: Callable[[str], None] = lambda name: None,
) -> tuple[list[Figure], dict[str, str]]:
    """Measure; returns the figures, and why others could not be measured, by metric.

    demanded: a metric that cannot be measured is an error (InputError or WeightsError) rather than
    left out. tell: is told each metric's name before it.
    """
    figures: list[Figure] = []
    missing: dict[str, str] = {}
    for name in metrics:
        tell(name)
        try:
            figures.append(_MEASURES[name](sides))
        except GesticulateError as error:
            if demanded:
                raise type(error)(f"{name} cannot be measured: {error}") from error
            missing[name] = str(error)
    return figures, missing


def table(figures: Sequence[Figure], missing: Mapping[str, str]) -> str:
    """The figures as markdown, and below it what could not be measured."""
    arrow = {"higher": "↑", "lower": "↓", "real": "→ real"}
    rows: list[list[object]] = [
        [
            f"{f.title} {arrow[f.better]}",
            f.real,
            f.generated,
            f.shuffled,
            _interval(f.gain),
            _interval(f.real_gain),
            f.note,
        ]
        for f in figures
    ]
    header = ["metric", "real", "generated", "shuffled sound", "own above shuffled (95 %)"]
    text = markdown_table([*header, "the same, real", "measured"], rows)
    if missing:
        text += "\nNot measured:\n\n"
        text += "".join(f"- {name}: {reason}\n" for name, reason in missing.items())
    return text


def _interval(ends: tuple[float, float]) -> str:
    low, high = ends
    return f"{low:+.3f} to {high:+.3f}" if np.isfinite(low) else ""
