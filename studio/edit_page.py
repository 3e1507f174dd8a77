"""The page "Edit"."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ..pipelines.materials import style_names
from .desk import Desk
from .edit import MAX_TAKES, EditPage
from .make_page import preset_choice
from .parts import list_input, sound_input, video_input
from .wishes import AS_MADE, MAX_SEED

_FOLDER = Path(__file__).parent


def widget(name: str, root: str, **looks: Any) -> gr.HTML:
    """A component of our own: its script makes everything within one element."""
    return gr.HTML(
        {},
        html_template=f'<div class="{root}"></div>',
        js_on_load=(_FOLDER / f"{name}.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=f"edit-{name}",
        **looks,
    )


@dataclass(frozen=True)
class Lists:
    """The components for new speech, and for lists of spans."""

    speech: Any
    attach: Any
    save: Any
    saved: Any
    load: Any


@dataclass(frozen=True)
class Results:
    """The components that take what was made. picked: the takes, and which are chosen."""

    picked: Any
    files: Any
    finish: Any
    go_on: Any
    result: Any
    parts: Any


def edit_page(desk: Desk) -> None:
    """Lay the page out and connect it."""
    page, editing = EditPage(desk), gr.State(None)
    with gr.Row():
        video = video_input(label="Video of a person", height=200, elem_id="edit-video")
        with gr.Column():
            preset = preset_choice(desk)
            with gr.Row():
                seed = gr.Number(
                    0, label="Seed of the first take", precision=0, minimum=0, maximum=MAX_SEED
                )
                takes = gr.Slider(
                    1, MAX_TAKES, 2, step=1, label="Takes", elem_id="edit-count",
                    info="Versions to choose from.",
                )  # fmt: skip
                style = gr.Dropdown([AS_MADE, *style_names()], value=AS_MADE, label="Gesture like")
    timeline = widget("timeline", "gt-root", lanes={})
    with gr.Row():
        go = gr.Button("Make takes of the spans", variant="primary", elem_id="edit-go")
        stop = gr.Button("Stop", variant="stop", elem_id="edit-stop")
    status = gr.Markdown(elem_id="edit-status", elem_classes="gest-status")
    lists, results = _lists(), _results()

    shared: dict[str, Any] = {"concurrency_limit": 1, "show_progress_on": status}
    sketch, device = ({**shared, "concurrency_id": name} for name in ("sketch", "device"))
    opened = [editing, timeline, results.picked, status]
    for event, handler, given in (
        (video.change, page.open, video),
        (results.go_on.click, page.go_on, editing),
    ):
        event(desk.told(handler), given, opened, **sketch).success(
            desk.told(page.measure), [editing, preset], timeline, **sketch
        )
    made = go.click(
        desk.told(page.make_takes), [editing, timeline, preset, style, seed, takes],
        [editing, results.picked, results.files, status], **device,
    )  # fmt: skip
    put = results.finish.click(
        desk.told(page.finish), [editing, results.picked],
        [editing, results.result, results.parts, status],
        **{**device, "show_progress_on": [status, results.result]},
    )  # fmt: skip
    stop.click(desk.told(page.stop), None, status, cancels=[made, put], queue=False)
    _connect_lists(desk, page, lists, editing, timeline)


def _lists() -> Lists:
    with (
        gr.Accordion("New speech, and lists of spans", open=False, elem_id="edit-more"),
        gr.Row(),
    ):
        with gr.Column():
            speech = sound_input(label="New speech", elem_id="edit-speech")
            attach = gr.Button("Use it for the chosen span", elem_id="edit-attach")
        with gr.Column():
            save = gr.Button("Save the spans as a list", elem_id="edit-save")
            saved = gr.File(label="List of spans", interactive=False, elem_id="edit-saved")
            load = list_input("Load a list of spans", elem_id="edit-load")
    return Lists(speech, attach, save, saved, load)


def _results() -> Results:
    picked = widget("takes", "gk-root")
    files = gr.File(
        label="Download the takes", interactive=False, file_count="multiple", elem_id="edit-files"
    )
    with gr.Row():
        finish = gr.Button(
            "Put the chosen takes together", variant="primary", elem_id="edit-finish"
        )
        go_on = gr.Button("Go on editing the result", elem_id="edit-on")
    result = gr.Video(
        label="Edited video", interactive=False, buttons=["download"], height=360,
        elem_id="edit-result",
    )  # fmt: skip
    parts = gr.File(
        label="Download", interactive=False, file_count="multiple", elem_id="edit-parts"
    )
    return Results(picked, files, finish, go_on, result, parts)


def _connect_lists(
    desk: Desk, page: EditPage, lists: Lists, editing: gr.State, timeline: gr.HTML
) -> None:
    known = [editing, timeline]
    lists.attach.click(desk.told(page.attach), [*known, lists.speech], known)
    lists.save.click(desk.told(page.save), known, lists.saved)
    lists.load.upload(desk.told(page.load), [*known, lists.load], timeline)
