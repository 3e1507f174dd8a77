"""gesticulate: make the person in a photo speak and gesture to a speech recording.

    from gesticulate import GestureVideoPipeline

    pipeline = GestureVideoPipeline.from_preset("contextual")
    video = pipeline("photo.jpg", "speech.wav", "talk.mp4", seed=3)

The names below are the public interface; each is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .errors import GesticulateError as GesticulateError
    from .errors import InputError as InputError
    from .errors import UsageError as UsageError
    from .errors import WeightsError as WeightsError
    from .keypoints.motion import Motion as Motion
    from .keypoints.poses import Poses as Poses
    from .motion.manner import Manner as Manner
    from .pipelines.dialogue.pipeline import DialoguePipeline as DialoguePipeline
    from .pipelines.dialogue.pipeline import DialogueVideo as DialogueVideo
    from .pipelines.edit.edits import Edit as Edit
    from .pipelines.edit.pipeline import EditedVideo as EditedVideo
    from .pipelines.edit.pipeline import EditPipeline as EditPipeline
    from .pipelines.gesture_video import GestureVideo as GestureVideo
    from .pipelines.gesture_video import GestureVideoPipeline as GestureVideoPipeline
    from .pipelines.stages import DialogueGenerator as DialogueGenerator
    from .pipelines.stages import MotionEditor as MotionEditor
    from .pipelines.stages import MotionGenerator as MotionGenerator
    from .pipelines.stages import PoseEstimator as PoseEstimator
    from .pipelines.stages import Renderer as Renderer
    from .pipelines.stages import SpeechEncoder as SpeechEncoder
    from .speech.load import load as load_speech  # noqa: F401
    from .speech.track import Speech as Speech
    from .speech.track import SpeechFeatures as SpeechFeatures
    from .speech.turns import Conversation as Conversation
    from .speech.turns import read_conversation as read_conversation
    from .video.photo import read_photo as read_photo
    from .video.read import VideoReader as VideoReader
    from .video.write import write_video as write_video

# Where each name is at home; docs/api.md is written in this order.
_HOMES = {
    "GestureVideoPipeline": "pipelines.gesture_video",
    "GestureVideo": "pipelines.gesture_video",
    "DialoguePipeline": "pipelines.dialogue.pipeline",
    "DialogueVideo": "pipelines.dialogue.pipeline",
    "EditPipeline": "pipelines.edit.pipeline",
    "EditedVideo": "pipelines.edit.pipeline",
    "Edit": "pipelines.edit.edits",
    "Manner": "motion.manner",
    "Poses": "keypoints.poses",
    "Motion": "keypoints.motion",
    "Speech": "speech.track",
    "SpeechFeatures": "speech.track",
    "Conversation": "speech.turns",
    "load_speech": "speech.load:load",
    "read_conversation": "speech.turns",
    "read_photo": "video.photo",
    "VideoReader": "video.read",
    "write_video": "video.write",
    "PoseEstimator": "pipelines.stages",
    "SpeechEncoder": "pipelines.stages",
    "MotionGenerator": "pipelines.stages",
    "MotionEditor": "pipelines.stages",
    "DialogueGenerator": "pipelines.stages",
    "Renderer": "pipelines.stages",
    "GesticulateError": "errors",
    "UsageError": "errors",
    "InputError": "errors",
    "WeightsError": "errors",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, other = _HOMES[name].partition(":")
    value = getattr(import_module(f".{module}", __name__), other or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
