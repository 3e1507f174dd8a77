"""Stages by name: those of this package, and those other packages add by entry points."""

from __future__ import annotations

import difflib
import inspect
import typing
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from .configs import load as load_preset
from .configs import validate
from .errors import UsageError

Factory = Callable[..., Any]


# Each stage's module within the package and its class, or a function that makes it; imported when
# it is asked for.
BUILT_IN: dict[str, dict[str, str]] = {
    "pose_estimators": {
        "auto": "keypoints.auto:choose_estimator",
        "mediapipe": "keypoints.mediapipe:MediaPipeEstimator",
        "rtmpose": "keypoints.rtmpose:RTMPoseEstimator",
        "mmpose": "keypoints.mmpose:MMPoseEstimator",
    },
    "speech_encoders": {
        "mel": "speech.features:MelEncoder",
        "whisper": "speech.features.whisper:WhisperEncoder",
        "whisper+mel": "speech.features.whisper:whisper_and_mel",
        "wavlm": "speech.wavlm:WavLMEncoder",
        "mel+text": "speech.text:mel_and_text",
        "wavlm+text": "speech.text:wavlm_and_text",
    },
    "motion_generators": {
        "contextual": "motion.contextual:ContextualGenerator",
        "skeleton-diffusion": "motion.diffusion.skeleton:SkeletonDiffusionGenerator",
        "fine-gesture": "motion.diffusion.fine:FineGestureGenerator",
        "dialogue": "motion.dialogue.diffusion:DialogueDiffusion",
    },
    "renderers": {
        "puppet": "warping.renderer:PuppetRenderer",
        "learned": "refinement.renderer:LearnedRenderer",
        "skeleton": "pipelines.skeleton:SkeletonRenderer",
        "animation": "animation.renderer:AnimationRenderer",
        "wan-animate": "animation.wan:WanAnimateRenderer",
    },
}


@dataclass(frozen=True)
class StageChoice:
    """A stage by name, as `build` makes it.

    options: keywords of the stage's constructor; a dictionary where the constructor takes an
        option dataclass.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)


def chosen(name_or_file: str) -> StageChoice:
    """A stage without options by its name; with options by a YAML file of `name` and `options`.

    Raises: UsageError where the file is missing or says something else.
    """
    if name_or_file.endswith((".yaml", ".yml")):
        return load_preset(name_or_file, StageChoice)
    return StageChoice(name_or_file)


def load_object(place: str) -> Any:
    """What stands at "module:name" within the package."""
    module, _, name = place.partition(":")
    return getattr(import_module(f".{module}", __package__), name)


# How stages that take a device were made, by id; the reference tells whether it is still theirs.
_ORIGINS: dict[int, tuple[weakref.ref, Callable[..., Any]]] = {}


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
        return typing.cast(Factory, load_object(BUILT_IN[group][name]))
    points = entry_points(group=f"gesticulate.{group}")
    return typing.cast(Factory, next(point for point in points if point.name == name).load())


def build(
    group: str, choice: StageChoice | str, *, device: str = "auto", low_memory: bool = False
) -> Any:
    """Make a stage.

    choice: also what `chosen` takes.
    device, low_memory: handed to stages that take them; the others run as they run.
    Raises: UsageError for an unknown name or option, or a device that is not here; WeightsError as
    the stage does.
    """
    choice = chosen(choice) if isinstance(choice, str) else choice
    make = factory(group, choice.name)
    signature = inspect.signature(make)
    options = _checked(choice, make, signature)
    if "device" in signature.parameters:
        options.setdefault("device", device)
    if low_memory and "low_memory" in signature.parameters:
        options["low_memory"] = True
    try:
        stage = make(**options)
    except (AssertionError, RuntimeError):
        check_device(str(options.get("device", "auto")))
        raise
    if "device" in signature.parameters:
        _ORIGINS[id(stage)] = weakref.ref(stage), partial(make, **options)
    return stage


def moved(stage: Any, device: str) -> Any:
    """A stage on another device: made anew where `build` made it and its maker takes a device; else
    moved by its own method ``to``, or as it is where it has none."""
    known, make = _ORIGINS.get(id(stage), (None, None))
    if known is not None and known() is stage and make is not None:
        again = make(device=device)
        _ORIGINS[id(again)] = weakref.ref(again), make
        return again
    if hasattr(stage, "to"):
        return stage.to(device)
    return stage


def check_device(device: str) -> None:
    """Raises: UsageError where torch cannot compute on a device."""
    import torch

    try:
        torch.empty(0, device="cpu" if device == "auto" else device)
    except (AssertionError, RuntimeError) as error:
        raise UsageError(
            f"The device {device!r} is not here. Expected auto, cpu, or one that torch finds on "
            "this machine, like cuda or mps."
        ) from error


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
    needed = [
        key
        for key, parameter in signature.parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and key not in options
    ]
    if needed:
        raise UsageError(
            f"The stage {choice.name!r} needs the option {' and '.join(needed)}. Give it in a "
            f"preset or a YAML file: {{name: {choice.name}, options: {{{needed[0]}: ...}}}}."
        )
    return options
