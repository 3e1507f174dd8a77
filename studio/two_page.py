"""The page "Two people"."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..pipelines.gesture_video import EXPRESSIVENESS
from .desk import Desk
from .make_page import preset_choice
from .parts import photo_input, sound_input
from .two import TwoPage
from .wishes import MAX_SEED


def two_page(desk: Desk) -> None:
    """Lay the page out and connect it."""
    page = TwoPage(desk)
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            with gr.Row():
                left = photo_input(label="Person on the left", height=240, elem_id="two-left")
                right = photo_input(label="Person on the right", height=240, elem_id="two-right")
            gr.Markdown(
                "One recording with a speaker on each stereo channel; or one recording for each "
                "person, beginning together."
            )
            speech = sound_input(label="Speech (both, or the left person's)", elem_id="two-speech")
            other = sound_input(label="Speech of the right person", elem_id="two-other")
            preset = preset_choice(desk)
            with gr.Row():
                level = gr.Radio(list(EXPRESSIVENESS), value="medium", label="Expressiveness")
                seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED)
            with gr.Row():
                size = gr.Number(
                    None, label="Height in pixels", precision=0, elem_id="two-size",
                    info="Empty: the lower photo's own.",
                )  # fmt: skip
                separate = gr.Checkbox(False, label="A video for each person")
        with gr.Column(scale=6, min_width=320):
            with gr.Row():
                preview = gr.Button("Preview motion", min_width=120, elem_id="two-preview")
                go = gr.Button("Make video", variant="primary", min_width=120, elem_id="two-go")
                stop = gr.Button("Stop", variant="stop", min_width=80, elem_id="two-stop")
            status = gr.Markdown(elem_id="two-status", elem_classes="gest-status")
            video = gr.Video(
                label="Video", interactive=False, buttons=["download"], elem_id="two-video"
            )
            files = gr.File(
                label="Download", interactive=False, file_count="multiple", elem_id="two-files"
            )
            with gr.Accordion("Sheet of frames", open=False):
                sheet = gr.Image(
                    label="Sheet of frames", type="filepath", interactive=False, buttons=[]
                )
    given = [left, right, speech, other, preset, level, seed, size, separate]
    running: Any = [
        button.click(
            desk.told(handler), given, [video, sheet, files, status],
            concurrency_id="device", concurrency_limit=1, show_progress_on=status,
        )
        for button, handler in ((preview, page.preview), (go, page.make))
    ]  # fmt: skip
    stop.click(desk.told(page.stop), None, status, cancels=running, queue=False)
