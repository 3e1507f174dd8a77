"""Components that hand the uploaded file on as it is, for the pipelines' own readers to judge."""

from __future__ import annotations

from typing import Any

import gradio as gr


def photo_input(**looks: Any) -> gr.Image:
    """A photo to upload, paste or take; its value is the file's path."""
    sources: Any = ["upload", "webcam", "clipboard"]
    return _raw(gr.Image(type="filepath", sources=sources, buttons=[], **looks))


def sound_input(**looks: Any) -> gr.Audio:
    """A recording to upload or make; its value is the file's path."""
    sources: Any = ["upload", "microphone"]
    return _raw(gr.Audio(type="filepath", sources=sources, buttons=[], **looks))


def video_input(**looks: Any) -> gr.Video:
    """A video to upload; its value is the file's path."""
    return _raw(gr.Video(sources=["upload"], buttons=[], **looks))


def list_input(label: str, **looks: Any) -> gr.UploadButton:
    """A button that takes an edit list; its value is the file's path."""
    return _raw(gr.UploadButton(label, file_types=[".yaml", ".yml"], type="filepath", **looks))


def _raw(component: Any) -> Any:
    """Without what Gradio does before: decode the file, turn it, store it anew.

    A subclass would do, but Gradio takes one from another package for a component with JavaScript
    of its own, and asks for that.
    """

    def path_of(payload: Any) -> Any:
        return None if payload is None else getattr(payload, "video", payload).path

    component.preprocess = path_of
    return component
