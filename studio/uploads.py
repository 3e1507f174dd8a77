"""What was uploaded: of a kind that is taken, told by its first bytes, and not too long.

Names prove nothing, and ffmpeg opens more than recordings: a playlist called speech.wav would make
it read other files. So only plain containers reach it.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

_PICTURES = "JPEG, PNG, WebP, BMP, TIFF, GIF"
_LIST_BYTES = 64 * 1024
_RECORDINGS = "WAV, MP3, M4A, FLAC, OGG, Opus, AIFF, MP4, MOV, WebM, MKV, AVI"


def check_photo(path: str | Path | None, what: str = "photo") -> Path:
    """The file of a picture. Raises: InputError for none, and for another kind of file."""
    head = _head(path, what)
    known = head.startswith(
        (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"II*\0", b"MM\0*", b"GIF87a", b"GIF89a")
    ) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
    heic = head[4:8] == b"ftyp"  # read_photo says what to do with it
    if not (known or heic):
        raise InputError(f"The {what} is no picture. Expected one of {_PICTURES}.")
    return Path(str(path))


def check_recording(path: str | Path | None, what: str = "speech") -> Path:
    """The file of a sound or video. Raises: InputError for none, and for another kind of file."""
    head = _head(path, what)
    known = (
        head.startswith((b"ID3", b"fLaC", b"OggS", b"\x1a\x45\xdf\xa3"))
        or (head[:4] in (b"RIFF", b"RF64") and head[8:12] in (b"WAVE", b"AVI "))
        or (head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"))
        or head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free")
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)  # MPEG or ADTS frame
    )
    if not known:
        raise InputError(
            f"The {what} is no sound or video file that is taken here. Expected one of "
            f"{_RECORDINGS}."
        )
    return Path(str(path))


def check_list(path: str | Path | None) -> Path:
    """The file of an edit list. Raises: InputError for one too large, or with YAML's references,
    by which a few lines stand for gigabytes."""
    _head(path, "list of spans")
    file = Path(str(path))
    if file.stat().st_size > _LIST_BYTES:
        raise InputError(f"The list of spans has more than {_LIST_BYTES // 1024} kB.")
    if any(sign in file.read_bytes() for sign in b"&*"):
        raise InputError("The list of spans has YAML references (& or *). Write them out.")
    return file


def check_length(seconds: float, most: float, what: str) -> None:
    """Raises: InputError for something too long."""
    if seconds > most:
        raise InputError(
            f"The {what} lasts {seconds:.0f} s, and at most {most:g} s are taken here. Cut it, or "
            "start the studio with a larger --max-seconds."
        )


def _head(path: str | Path | None, what: str) -> bytes:
    if path is None:
        raise InputError(f"Which {what}? Choose a file first.")
    file = Path(path)
    if not file.is_file() or file.stat().st_size == 0:
        raise InputError(f"The {what} is empty or gone. Choose the file again.")
    with file.open("rb") as opened:
        return opened.read(16)
