"""The stages, loaded once and kept: a second run begins at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from .. import configs
from ..errors import UsageError
from ..pipelines.dialogue.pipeline import DialoguePipeline
from ..pipelines.edit.pipeline import EditPipeline
from ..pipelines.gesture_video import GestureVideoPipeline
from ..pipelines.preset import PipelinePreset
from ..pipelines.skeleton import SkeletonRenderer
from ..registry import factory

# More would hold more networks in memory than one person uses.
_KEPT = 2


def presets() -> dict[str, str]:
    """The presets that make a video, with what they are for."""
    return {name: configs.summary(name) for name in configs.run_names()}


def check_preset(name: object) -> str:
    """Raises: UsageError for what is none of `presets`; a file's name is none either."""
    known = presets()
    if not isinstance(name, str) or name not in known:
        raise UsageError(f"There is no preset {name!r}. Expected one of {', '.join(known)}.")
    return name


class Engine:
    """Pipelines by preset. sketching: held by whoever uses those of `sketch`."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.sketching = threading.Lock()
        self._loading = threading.Lock()
        self._loaded: OrderedDict[tuple[str, bool], GestureVideoPipeline] = OrderedDict()

    def gestures(self, preset: str) -> GestureVideoPipeline:
        """The main job's stages. Raises: UsageError, WeightsError."""
        return self._pipeline(preset, sketch=False)

    def sketch(self, preset: str) -> GestureVideoPipeline:
        """The same without the renderer, and apart from those that a render uses meanwhile. The
        photo is judged as the preset's renderer would have it."""
        return self._pipeline(preset, sketch=True)

    def editing(self, preset: str) -> EditPipeline:
        """As `gestures`, to edit. Raises: UsageError where the generator makes no spans."""
        made = self.gestures(preset)
        return EditPipeline(
            made.estimator, made.speech_encoder, made.motion_generator, made.renderer
        )

    def dialogue(self, preset: str) -> DialoguePipeline:
        """As `gestures`, for two people."""
        made = self.gestures(preset)
        return DialoguePipeline(
            made.estimator, made.speech_encoder, made.motion_generator, made.renderer
        )

    def _pipeline(self, preset: str, sketch: bool) -> GestureVideoPipeline:
        with self._loading:
            key = (check_preset(preset), sketch)
            if key not in self._loaded:
                other: dict[str, Any] = {"renderer": _sketcher(preset)} if sketch else {}
                made = GestureVideoPipeline.from_preset(preset, device=self.device, **other)
                self._loaded[key] = made
                alike = [kept for kept in self._loaded if kept[1] == sketch]
                for kept in alike[:-_KEPT]:
                    del self._loaded[kept]
            self._loaded.move_to_end(key)
            return self._loaded[key]


def _sketcher(preset: str) -> SkeletonRenderer:
    drawing = factory("renderers", configs.load(preset, PipelinePreset).renderer.name)
    return SkeletonRenderer(getattr(drawing, "takes_apart", False))
