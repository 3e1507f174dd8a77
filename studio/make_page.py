"""The page "Make"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..pipelines.gesture_video import EXPRESSIVENESS
from ..pipelines.materials import style_names
from .desk import Desk
from .engine import presets
from .make import Make
from .parts import photo_input, sound_input
from .wishes import AS_MADE, MAX_SEED


@dataclass(frozen=True)
class Inputs:
    """The components that are filled in."""

    photo: Any
    speech: Any
    point: Any
    controls: list[Any]


@dataclass(frozen=True)
class Outputs:
    """The components that answer."""

    looked: Any
    remarks: Any
    status: Any
    preview: Any
    video: Any
    sheet: Any
    files: Any


def preset_choice(desk: Desk) -> gr.Dropdown:
    """The presets, each with what it is for."""
    choices = [(f"{name}: {what}", name) for name, what in presets().items()]
    return gr.Dropdown(
        choices, value=desk.options.preset, label="How it is made", elem_classes="gest-preset"
    )


def make_page(desk: Desk) -> None:
    """Lay the page out and connect it."""
    make = Make(desk)
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            inputs, example = _inputs(desk)
        with gr.Column(scale=6, min_width=320):
            with gr.Row():
                preview = gr.Button("Preview motion", min_width=120, elem_id="make-preview")
                go = gr.Button("Make video", variant="primary", min_width=120, elem_id="make-go")
                stop = gr.Button("Stop", variant="stop", min_width=80, elem_id="make-stop")
            estimate = gr.Markdown(elem_id="make-estimate")
            status = gr.Markdown(elem_id="make-status", elem_classes="gest-status")
            outputs = _outputs(status)
    example.click(
        desk.told(make.example), None, [inputs.photo, inputs.speech], show_progress="hidden"
    )
    _connect_look(desk, make, inputs, outputs)
    _connect_estimate(desk, make, inputs, estimate)
    given = [inputs.photo, inputs.speech, inputs.point, *inputs.controls]

    preview.click(
        desk.told(make.preview), given, [outputs.preview, outputs.status],
        concurrency_id="sketch", concurrency_limit=1, show_progress_on=outputs.status,
    )  # fmt: skip
    render = go.click(
        desk.told(make.make), given, [outputs.video, outputs.sheet, outputs.files, outputs.status],
        concurrency_id="device", concurrency_limit=1, show_progress_on=outputs.status,
    )  # fmt: skip
    stop.click(desk.told(make.stop), None, outputs.status, cancels=[render], queue=False)


def _inputs(desk: Desk) -> tuple[Inputs, gr.Button]:
    example = gr.Button("Try it with an example", size="sm", elem_id="make-example")
    photo = photo_input(label="Photo of the person", height=300, elem_id="make-photo")
    speech = sound_input(label="Speech", elem_id="make-speech")
    preset = preset_choice(desk)
    level = gr.Radio(
        list(EXPRESSIVENESS), value="medium", label="Expressiveness",
        info="How large gestures and head motion are.",
    )  # fmt: skip
    with gr.Row():
        seed = gr.Number(
            0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="make-seed",
            info="Another number gives another motion.",
        )  # fmt: skip
        style = gr.Dropdown(
            [AS_MADE, *style_names()], value=AS_MADE, label="Gesture like",
            info="How often and how far somebody's hands move.",
        )  # fmt: skip
    with gr.Accordion("More", open=False, elem_id="make-more"):
        rate = gr.Slider(0, 1.5, 1, step=0.05, label="How often hands move", info="1 is as made.")
        far = gr.Slider(0, 2, 1, step=0.05, label="How far hands move", info="1 is as made.")
        with gr.Row():
            fps = gr.Number(25, label="Frames a second", minimum=1, maximum=120)
            size = gr.Number(
                None, label="Size", precision=0, elem_id="make-size",
                info="Pixels of the longer side, 64 to 4096. Empty: the photo's own.",
            )  # fmt: skip
    controls = [preset, level, rate, far, style, seed, fps, size]
    return Inputs(photo, speech, gr.State(None), controls), example


def _outputs(status: gr.Markdown) -> Outputs:
    with gr.Row():
        with gr.Column(min_width=200):
            looked = gr.Image(
                label="What was found in the photo", type="filepath", interactive=False,
                buttons=[], elem_id="make-looked",
            )  # fmt: skip
            remarks = gr.Markdown(elem_id="make-remarks")
        preview = gr.Video(
            label="Motion preview", interactive=False, buttons=[], autoplay=True,
            elem_id="make-previewed", min_width=200,
        )  # fmt: skip
    video = gr.Video(label="Video", interactive=False, elem_id="make-video")
    files = gr.File(
        label="Download", interactive=False, file_count="multiple", elem_id="make-files"
    )
    with gr.Accordion("Sheet of frames", open=False):
        sheet = gr.Image(
            label="Sheet of frames", type="filepath", interactive=False, elem_id="make-sheet"
        )
    return Outputs(looked, remarks, status, preview, video, sheet, files)


def _connect_look(desk: Desk, make: Make, inputs: Inputs, outputs: Outputs) -> None:
    """The photo is looked at when it comes, and when somebody else in it is meant."""
    preset, size = inputs.controls[0], inputs.controls[-1]
    given = [inputs.photo, inputs.point, size, preset]
    shown = [outputs.looked, outputs.remarks]
    inputs.photo.change(lambda: None, None, inputs.point, queue=False).then(
        desk.told(make.look), given, shown, concurrency_id="sketch", concurrency_limit=1
    )
    outputs.looked.select(desk.told(make.choose), outputs.looked, inputs.point).then(
        desk.told(make.look), given, shown, concurrency_id="sketch", concurrency_limit=1
    )


def _connect_estimate(desk: Desk, make: Make, inputs: Inputs, estimate: Any) -> None:
    preset, *_, fps, size = inputs.controls
    gr.on(
        [inputs.photo.change, inputs.speech.change, preset.change, fps.change, size.change],
        desk.told(make.estimate),
        [inputs.photo, inputs.speech, *inputs.controls],
        estimate,
        show_progress="hidden",
        trigger_mode="always_last",
    )
