"""The page as a whole, and the server that gives it out."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .options import StudioOptions

if TYPE_CHECKING:
    import gradio as gr

    from .desk import Desk

_SWEEP_SECONDS = 600.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def run(options: StudioOptions) -> None:
    """Serve the studio until it is interrupted. Raises: UsageError."""
    with serving(options) as url:
        print(f"The studio is at {url} (end it with Ctrl+C).", flush=True)
        if options.host not in _LOOPBACK and not options.auth:
            print("Everybody who reaches this machine can use it; --auth asks for a password.")
        threading.Event().wait()


@contextmanager
def serving(options: StudioOptions) -> Iterator[str]:
    """A running studio; gives its address. Its files are gone when the block ends.

    Raises: UsageError for wrong options, where the extra is not installed, or where the port is
    taken.
    """
    options.check()
    with tempfile.TemporaryDirectory(prefix="gesticulate-studio-") as folder:
        _before_gradio(Path(folder), options)
        from .desk import Desk
        from .engine import Engine, check_preset
        from .jobs import Device
        from .page import build
        from .sessions import Sessions

        check_preset(options.preset)
        desk = Desk(options, Sessions(Path(folder)), Engine(options.device), Device())
        page = build(desk)
        ended = threading.Event()
        threading.Thread(target=_sweep, args=(desk, ended), daemon=True).start()
        try:
            url = _launch(page, desk)
            # Not before: Gradio waits for its own answer, and gives up after some seconds.
            threading.Thread(target=_warm, args=(desk,), daemon=True).start()
            yield url
        finally:
            ended.set()
            desk.device.stop_all()
            page.close(verbose=False)


def _before_gradio(folder: Path, options: StudioOptions) -> None:
    """Gradio and the hub's client read these when they are imported, or components are made."""
    if not options.fetch_weights:
        os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str((folder / "uploads").resolve())
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "The studio needs Gradio. Install it with: pip install 'gesticulate[studio]'"
        ) from error


def _launch(page: gr.Blocks, desk: Desk) -> str:
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from .gate import Gate
    from .page import STYLE, theme

    options = desk.options
    middleware = [Middleware(Gate, sessions=desk.sessions, max_upload=options.max_upload * 2**20)]
    if options.host in _LOOPBACK and not options.share:
        # A page of another site whose name is made to point here would else read along.
        middleware.insert(0, Middleware(TrustedHostMiddleware, allowed_hosts=list(_LOOPBACK)))
    page.queue(max_size=options.max_queue, api_open=False)
    try:
        _, url, shared = page.launch(
            server_name=options.host,
            server_port=options.port or _free_port(options.host),
            share=options.share,
            auth=options.logins(),
            inbrowser=options.open,
            prevent_thread_lock=True,
            quiet=True,
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            footer_links=[],
            max_file_size=options.max_upload * 2**20,
            app_kwargs={"middleware": middleware},
            theme=theme(),
            css_paths=[STYLE],
        )
    except OSError as error:
        raise UsageError(
            f"The studio cannot listen at {options.host}:{options.port} ({error}). Choose another "
            "--port; 0 takes a free one."
        ) from error
    return shared or url


def _free_port(host: str) -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _sweep(desk: Desk, ended: threading.Event) -> None:
    while not ended.wait(_SWEEP_SECONDS):
        desk.sessions.sweep(desk.options.keep_hours)


def _warm(desk: Desk) -> None:
    """Load what the first preview needs while its photo is still being chosen."""
    import logging

    try:
        desk.engine.sketch(desk.options.preset)
    except Exception:  # whoever runs the preset is told then
        logging.getLogger(__name__).info("The preset could not be loaded ahead.", exc_info=True)
