"""What all pipelines have in common: their four stages, by name and on a device."""

from __future__ import annotations

from typing import Any, TypeVar

from .. import registry

Pipeline = TypeVar("Pipeline", bound="Staged")


class Staged:
    """A pipeline of four stages, held as attributes."""

    estimator: Any
    speech_encoder: Any
    motion_generator: Any
    renderer: Any

    @property
    def components(self) -> dict[str, Any]:
        """The stages by role, as keywords of the pipeline's constructor."""
        return {
            "estimator": self.estimator,
            "speech_encoder": self.speech_encoder,
            "motion_generator": self.motion_generator,
            "renderer": self.renderer,
        }

    def to(self: Pipeline, device: str) -> Pipeline:
        """Have the stages work on a device; returns the pipeline.

        device: as torch names it: "cpu", "cuda", "cuda:1", "mps". Stages that were made by name are
        made anew there (`registry.moved`); an object of one's own moves by its method ``to``, and
        one without stays.
        Raises: UsageError for a device that is not here.
        """
        registry.check_device(device)
        moved = {role: registry.moved(stage, device) for role, stage in self.components.items()}
        for role, stage in moved.items():
            setattr(self, role, stage)
        return self

    def __repr__(self) -> str:
        lines = [
            f"  {role}={stage.name!r}{_placed(stage)},"
            if isinstance(getattr(stage, "name", None), str)
            else f"  {role}={type(stage).__name__},"
            for role, stage in self.components.items()
        ]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


def _placed(stage: Any) -> str:
    device = getattr(stage, "device", None)
    return "" if device is None else f" on {device}"
