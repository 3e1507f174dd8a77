"""What a page offers and asks before a run: styles, the demo's files, how long a recording is."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..ffmpeg_binary import ffmpeg_path, running
from ..motion.manner import Manner, asked

# Enough to count by; nothing is listened to.
_RATE = 8000


def style_names() -> list[str]:
    """What `Settings.style` can be called."""
    from ..motion.style import NAMED

    return list(NAMED)


def manner_of(style: str | None) -> Manner:
    """A style alone, as pipelines take it. Raises: UsageError for an unknown name."""
    return asked(style)


def write_demo(folder: Path) -> tuple[Path, Path]:
    """Put the demo's photo and speech into a folder, and say where they are."""
    from PIL import Image

    from ..examples import demo_photo, demo_speech

    photo, speech = folder / "astronaut.png", folder / "welcome.wav"
    Image.fromarray(demo_photo()).save(photo)
    shutil.copyfile(demo_speech(), speech)
    return photo, speech


def sound_seconds(path: str | Path, most: float) -> float:
    """How long the sound of a file lasts, found by decoding and not by what its header claims.

    most: it is listened to for a second more than that, and no longer. 0 where it has no sound.
    """
    import ffmpeg

    stream = ffmpeg.output(
        ffmpeg.input(str(path))["a:0"], "pipe:", format="s16le", ac=1, ar=_RATE, t=most + 1,
        loglevel="error",
    )  # fmt: skip
    count = 0
    with running(ffmpeg.compile(stream, cmd=ffmpeg_path())) as decoder:
        while piece := decoder.stdout.read(1 << 16):
            count += len(piece)
        decoder.process.wait()
    return count / 2 / _RATE
