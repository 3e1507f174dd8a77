"""What the command line asks for the studio. Light: --help must answer at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro import conf

from ..errors import UsageError
from ..pipelines.preset import DEFAULT_PRESET


@dataclass(frozen=True)
class StudioOptions:
    """Open the studio, a web page to make and edit videos. It is served from this machine; nothing
    leaves it."""

    host: str = "127.0.0.1"
    """Address to listen at. 127.0.0.1 is seen by this machine alone, 0.0.0.0 by the network too."""
    port: int = 7860
    """Port to listen at; 0 takes a free one."""
    auth: Annotated[tuple[str, ...], conf.arg(metavar="NAME:PASSWORD")] = ()
    """Who may come in: one or more NAME:PASSWORD."""
    share: bool = False
    """Make the page reachable from the internet through Gradio's servers. Needs --auth."""
    open: bool = False
    """Open the page in the browser."""
    preset: str = DEFAULT_PRESET
    """The preset that is chosen at first: a name that `gesticulate presets` lists."""
    device: str = "auto"
    """Where networks run: auto, cpu, cuda, cuda:1, mps. auto takes a GPU where there is one."""
    fetch_weights: bool = False
    """Fetch weights that a preset asks for and that are not here. Else no request is made at all,
    and presets do with what is here."""
    max_upload: int = 200
    """Megabytes an uploaded file may have."""
    max_seconds: float = 600.0
    """Seconds a speech or a video to edit may last."""
    max_queue: int = 16
    """So many people may wait for their turn."""
    keep_hours: float = 12.0
    """Files of the studio are deleted after so many hours, and all of them when it ends."""

    def logins(self) -> list[tuple[str, str]] | None:
        """Names and passwords. Raises: UsageError for what is none, or sharing without any."""
        pairs = [entry.partition(":") for entry in self.auth]
        if any(not (name and sign and word) for name, sign, word in pairs):
            raise UsageError("--auth needs NAME:PASSWORD, with something before and behind the :.")
        if self.share and not pairs:
            raise UsageError(
                "--share opens the studio to the internet. Give --auth NAME:PASSWORD with it."
            )
        return [(name, word) for name, _, word in pairs] or None

    def check(self) -> None:
        """Raises: UsageError for numbers out of range."""
        self.logins()
        if not 0 <= self.port <= 65535:
            raise UsageError(f"The port is {self.port}. Expected 0 to 65535.")
        for name, value in (
            ("max-upload", self.max_upload),
            ("max-seconds", self.max_seconds),
            ("max-queue", self.max_queue),
            ("keep-hours", self.keep_hours),
        ):
            if not value > 0:
                raise UsageError(f"--{name} is {value:g}. Expected more than 0.")
