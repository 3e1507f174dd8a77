"""Stages by name: those of this package, and those other packages add by entry points."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable
from dataclasses import is_dataclass
from importlib.metadata import entry_points
from typing import Any

from ..configs import validate
from ..errors import UsageError
from .preset import StageChoice

Factory = Callable[..., Any]


def _auto_estimator() -> Factory:
    from ..keypoints.auto import choose_estimator

    return choose_estimator


def _mediapipe() -> Factory:
    from ..keypoints.mediapipe import MediaPipeEstimator

    return MediaPipeEstimator


def _rtmpose() -> Factory:
    from ..keypoints.rtmpose import RTMPoseEstimator

    return RTMPoseEstimator


def _mmpose() -> Factory:
    from ..keypoints.mmpose import MMPoseEstimator

    return MMPoseEstimator


def _mel() -> Factory:
    from ..speech.features import MelEncoder

    return MelEncoder


def _wavlm() -> Factory:
    from ..speech.wavlm import WavLMEncoder

    return WavLMEncoder


def _mel_and_text() -> Factory:
    from ..speech.text import mel_and_text

    return mel_and_text


def _wavlm_and_text() -> Factory:
    from ..speech.text import wavlm_and_text

    return wavlm_and_text


def _contextual() -> Factory:
    from ..motion.contextual import ContextualGenerator

    return ContextualGenerator


def _skeleton_diffusion() -> Factory:
    from ..motion.diffusion.skeleton import SkeletonDiffusionGenerator

    return SkeletonDiffusionGenerator


def _dialogue() -> Factory:
    from ..motion.dialogue.diffusion import DialogueDiffusion

    return DialogueDiffusion


def _fine_gesture() -> Factory:
    from ..motion.diffusion.fine import FineGestureGenerator

    return FineGestureGenerator


def _puppet() -> Factory:
    from ..warping.renderer import PuppetRenderer

    return PuppetRenderer


def _learned() -> Factory:
    from ..refinement.renderer import LearnedRenderer

    return LearnedRenderer


def _skeleton() -> Factory:
    from .skeleton import SkeletonRenderer

    return SkeletonRenderer


def _animation() -> Factory:
    from ..animation.renderer import AnimationRenderer

    return AnimationRenderer


def _wan_animate() -> Factory:
    from ..animation.wan import WanAnimateRenderer

    return WanAnimateRenderer


# Each value imports its stage when it is asked for, and not before.
BUILT_IN: dict[str, dict[str, Callable[[], Factory]]] = {
    "pose_estimators": {
        "auto": _auto_estimator,
        "mediapipe": _mediapipe,
        "rtmpose": _rtmpose,
        "mmpose": _mmpose,
    },
    "speech_encoders": {
        "mel": _mel,
        "wavlm": _wavlm,
        "mel+text": _mel_and_text,
        "wavlm+text": _wavlm_and_text,
    },
    "motion_generators": {
        "contextual": _contextual,
        "skeleton-diffusion": _skeleton_diffusion,
        "fine-gesture": _fine_gesture,
        "dialogue": _dialogue,
    },
    "renderers": {
        "puppet": _puppet,
        "learned": _learned,
        "skeleton": _skeleton,
        "animation": _animation,
        "wan-animate": _wan_animate,
    },
}


def names(group: str) -> list[str]:
    """The stages of a group ("renderers", ...), own and foreign."""
    foreign = (point.name for point in entry_points(group=f"gesticulate.{group}"))
    return sorted({*BUILT_IN[group], *foreign})


def check_name(group: str, name: str) -> None:
    """Raises: UsageError where no stage of the group has that name."""
    known = names(group)
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"There is no stage {name!r} among the {group.replace('_', ' ')}. "
        f"Expected one of: {', '.join(known)}.{hint}"
    )


def factory(group: str, name: str) -> Factory:
    """What makes the stage of a name, usually its class.

    Raises: UsageError where no stage has that name.
    """
    check_name(group, name)
    if name in BUILT_IN[group]:
        return BUILT_IN[group][name]()
    points = entry_points(group=f"gesticulate.{group}")
    return typing.cast(Factory, next(point for point in points if point.name == name).load())


def build(
    group: str, choice: StageChoice | str, *, device: str = "auto", low_memory: bool = False
) -> Any:
    """Make a stage.

    device, low_memory: handed to stages that take them; the others run as they run.
    Raises: UsageError for an unknown name or option, or a device that is not here; WeightsError as
    the stage does.
    """
    choice = StageChoice(choice) if isinstance(choice, str) else choice
    make = factory(group, choice.name)
    signature = inspect.signature(make)
    options = _checked(choice, make, signature)
    if "device" in signature.parameters:
        options.setdefault("device", device)
    if low_memory and "low_memory" in signature.parameters:
        options["low_memory"] = True
    try:
        return make(**options)
    except (AssertionError, RuntimeError) as error:
        if _is_absent(str(options.get("device", "auto"))):
            raise UsageError(
                f"The device {options['device']!r} is not here. Expected auto, cpu, or one that "
                "torch finds on this machine, like cuda or mps."
            ) from error
        raise


def _is_absent(device: str) -> bool:
    """Whether torch cannot compute on a device."""
    import torch

    try:
        torch.empty(0, device="cpu" if device == "auto" else device)
    except (AssertionError, RuntimeError):
        return True
    return False


def _checked(choice: StageChoice, make: Factory, signature: inspect.Signature) -> dict[str, Any]:
    """The choice's options, with dictionaries made into the dataclasses the stage asks for."""
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    hints = typing.get_type_hints(make.__init__ if isinstance(make, type) else make)  # type: ignore[misc]
    options: dict[str, Any] = {}
    for key, value in choice.options.items():
        if key not in signature.parameters and not open_ended:
            known = list(signature.parameters)
            near = difflib.get_close_matches(key, known, n=1)
            raise UsageError(
                f"The stage {choice.name!r} has no option {key!r}"
                + (f" (did you mean {near[0]!r}?)" if near else "")
                + f"; it knows: {', '.join(known) or 'none'}."
            )
        hint = hints.get(key)
        inner = [t for t in (hint, *typing.get_args(hint)) if is_dataclass(t)]
        if inner and isinstance(value, dict):
            value = validate(value, typing.cast(type, inner[0]), f"option {key!r} of {choice.name}")
        options[key] = value
    return options
