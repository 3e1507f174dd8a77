"""What the pages share: options, files, pipelines, the device; and how errors reach the page."""

from __future__ import annotations

import functools
import html
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import GesticulateError
from .engine import Engine
from .gate import secret_in
from .jobs import Device, Stopped
from .options import StudioOptions
from .sessions import Sessions, owner_of

_log = logging.getLogger(__name__)
UNEXPECTED = "This is unexpected, and the fault is the studio's. Its log tells more."
# A handler that has this default gets a tracker of its own page from Gradio.
PROGRESS = gr.Progress()
STOPPED = "Stopped. Nothing unfinished was left."


@dataclass(frozen=True)
class Desk:
    """One running studio. device: where one render at a time runs."""

    options: StudioOptions
    sessions: Sessions
    engine: Engine
    device: Device

    def owner(self, request: gr.Request) -> str:
        """Who asks. The gate gave everybody a secret before."""
        return owner_of(secret_in(request.headers) or "")

    def new_folder(self, request: gr.Request) -> Path:
        """An empty folder for what is made for who asks; what is old goes meanwhile."""
        self.sessions.sweep(self.options.keep_hours)
        return self.sessions.new_folder(self.owner(request))

    def said(self, notes: tuple[str, ...]) -> str:
        """Warnings of a run as a list for the page."""
        return "".join(f"- {html.escape(self.sessions.plain(note))}\n" for note in notes)

    def told(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A handler whose errors are shown on the page in the pipelines' own sentences."""

        @functools.wraps(handler)
        def wrapped(*values: Any, **more: Any) -> Any:
            try:
                return handler(*values, **more)
            except Stopped:
                raise gr.Error(STOPPED, print_exception=False, title="Stopped") from None
            except GesticulateError as error:
                message = html.escape(self.sessions.plain(str(error)))
                sentence = message[:1].upper() + message[1:]
                raise gr.Error(
                    sentence, duration=None, print_exception=False, title="That does not work"
                ) from None
            except gr.Error:
                raise
            except Exception:
                _log.exception("The studio failed in %s.", handler.__qualname__)
                raise gr.Error(UNEXPECTED, duration=None, print_exception=False) from None

        return wrapped
