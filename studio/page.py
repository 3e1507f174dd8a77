"""The page as a whole: its tabs and its looks."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from .desk import Desk
from .edit_page import edit_page
from .make_page import make_page
from .two_page import two_page

STYLE = Path(__file__).with_name("page.css")
_FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
_MONO = ["ui-monospace", "Consolas", "monospace"]


def build(desk: Desk) -> gr.Blocks:
    """The page, not yet served."""
    gr.set_static_paths([desk.sessions.results])
    with gr.Blocks(title="gesticulate studio", analytics_enabled=False) as page:
        gr.Markdown(
            "# gesticulate studio\nThe person in your photo speaks and gestures to your speech. "
            "All work is done on this machine.",
            elem_id="studio-title",
        )
        with gr.Tabs(elem_id="studio-tabs"):
            with gr.Tab("Make", id="make"):
                make_page(desk)
            with gr.Tab("Two people", id="two"):
                two_page(desk)
            with gr.Tab("Edit", id="edit"):
                edit_page(desk)

        def left(request: gr.Request) -> None:
            """Nobody waits for it any more."""
            desk.device.stop_all(str(request.session_hash))

        page.unload(left)
    return page


def theme() -> gr.themes.Base:
    """Gradio's, with this machine's own fonts and greys that are dark enough to read."""
    plain = gr.themes.Default(primary_hue="blue", neutral_hue="slate", font=_FONT, font_mono=_MONO)
    return plain.set(
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        block_label_text_color="*neutral_700",
        input_placeholder_color="*neutral_500",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_text_color="white",
        button_cancel_background_fill="#b91c1c",
        button_cancel_background_fill_hover="#991b1b",
        button_cancel_text_color="white",
    )
