"""What was written is decoded again: frames counted, colours and sound compared."""

import resource
import signal
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from scipy.signal import butter, sosfiltfilt

from gesticulate.errors import GesticulateError, InputError, UsageError
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.video.read import VideoReader, probe_video
from gesticulate.video.write import WAVEFORM_RATE, check_writable, write_video


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Speech-like: it never repeats, fills 200 to 2500 Hz, and swells."""
    rng = np.random.default_rng(seed)
    band = butter(2, (200, 2500), "bandpass", fs=SAMPLE_RATE, output="sos")
    raw = sosfiltfilt(band, rng.standard_normal(round(seconds * SAMPLE_RATE)))
    swell = 0.5 + 0.5 * np.sin(np.arange(len(raw)) / SAMPLE_RATE * 7)
    return (0.3 * raw * swell).astype(np.float32)


def numbered(count: int, width: int, height: int) -> Iterator[np.ndarray]:
    """Frames that carry their own number as 12 light and dark bars."""
    for index in range(count):
        bits = [(index >> b) & 1 for b in range(12)]
        row = np.repeat(np.array(bits, np.uint8) * 200 + 20, -(-width // 12))[:width]
        yield np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def number_of(frame: np.ndarray) -> int:
    width = -(-frame.shape[1] // 12)
    return sum(int(frame[:, b * width + width // 2].mean() > 120) << b for b in range(12))


def lag_of(sound: np.ndarray, reference: np.ndarray, reach: int = 400) -> tuple[int, float]:
    """Samples by which the sound is late, and how well it then agrees."""
    middle = slice(len(reference) // 4, len(reference) // 4 * 3)
    piece = reference[middle]
    around = sound[middle.start - reach : middle.stop + reach]
    match = np.correlate(around, piece, "valid")
    best = int(match.argmax())
    found = around[best : best + len(piece)]
    return best - reach, float(np.corrcoef(found, piece)[0, 1])


def test_rate_of_waveforms() -> None:
    assert WAVEFORM_RATE == SAMPLE_RATE


@pytest.mark.parametrize("fps", [25, 30, 24000 / 1001, 60])
def test_frames_and_sound_of_a_waveform(tmp_path: Path, fps: float) -> None:
    speech = Speech(noise(2.345))
    path, count = tmp_path / "out.mp4", speech.num_frames(fps)
    write_video(path, numbered(count, 96, 64), fps=fps, size=(96, 64), sound=speech)
    reader = VideoReader(path)
    assert [number_of(frame) for frame in reader] == list(range(count))
    assert reader.info.size == (96, 64)
    assert reader.fps == pytest.approx(fps, abs=1e-6)
    sound = load(path).waveform
    lag, agreement = lag_of(sound, speech.waveform)
    assert abs(lag) <= 1
    assert agreement > 0.98
    assert 0 <= len(sound) - len(speech.waveform) <= 1024


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
def test_sound_of_a_file_is_neither_cut_nor_moved(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "in.wav"
    whole = noise(2.01)
    channels = np.stack([np.interp(np.arange(2.01 * rate) / rate * SAMPLE_RATE,
                                   np.arange(len(whole)), whole)] * 2, axis=1)  # fmt: skip
    soundfile.write(path, channels, rate)
    speech = load(path)
    out = tmp_path / "out.mp4"
    write_video(out, numbered(speech.num_frames(25), 64, 64), fps=25, size=(64, 64), sound=speech)
    back = load(out).waveform
    lag, agreement = lag_of(back, speech.waveform)
    assert abs(lag) <= 16
    assert agreement > 0.98
    assert -2 <= len(back) - len(speech.waveform) <= 1024 * SAMPLE_RATE / rate
    tail = slice(len(speech.waveform) - 1600, len(speech.waveform) - 100)
    assert np.corrcoef(back[tail], speech.waveform[tail])[0, 1] > 0.95


@pytest.mark.parametrize("size", [(65, 67), (64, 97), (99, 64)])
def test_odd_sizes_repeat_the_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    frame = np.stack([x * 2, y * 2, 90 + 0 * x], -1).astype(np.uint8)
    write_video(tmp_path / "o.mp4", [frame] * 3, fps=25, size=size)
    (read, *_), info = VideoReader(tmp_path / "o.mp4"), probe_video(tmp_path / "o.mp4")
    assert info.size == (width + width % 2, height + height % 2)
    assert not info.has_sound
    assert np.abs(read[:height, :width].astype(int) - frame).mean() < 3
    assert np.abs(read[:, -1].astype(int) - read[:, width - 1]).mean() < 3


def test_colours_come_back(tmp_path: Path) -> None:
    """A wrong matrix (BT.601 for 709) would move red by 20 levels and skin by 6."""
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0),
               (200, 150, 120), (90, 60, 40), (128, 128, 128)]  # fmt: skip
    frames = [np.full((64, 64, 3), colour, np.uint8) for colour in colours]
    write_video(tmp_path / "c.mp4", frames, fps=25, size=(64, 64))
    for read, colour in zip(VideoReader(tmp_path / "c.mp4"), colours, strict=True):
        assert np.abs(read.reshape(-1, 3).astype(int) - colour).max() <= 3


def test_metadata_and_index_first(tmp_path: Path) -> None:
    path = tmp_path / "m.mp4"
    tags = {"title": "A talk", "comment": "made from a photo; x=1: y"}
    write_video(path, numbered(3, 64, 64), fps=25, size=(64, 64), metadata=tags)
    data = path.read_bytes()
    assert b"A talk" in data
    assert b"made from a photo; x=1: y" in data
    assert data.index(b"moov") < data.index(b"mdat")


def test_memory_is_flat(tmp_path: Path) -> None:
    """2,000 frames of 0.2 MB each: never more than a few at once, in Python or in ffmpeg."""
    encoder_memory = []

    def frames() -> Iterator[np.ndarray]:
        for index, frame in enumerate(numbered(2000, 320, 200)):
            if index in (500, 1999):
                children = psutil.Process().children()
                (encoder,) = [child for child in children if "ffmpeg" in child.name()]
                encoder_memory.append(encoder.memory_info().rss)
            yield frame

    tracemalloc.start()
    write_video(tmp_path / "l.mp4", frames(), fps=25, size=(320, 200))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
    early, late = encoder_memory
    assert late - early < 20e6  # the frames between have 288 MB
    assert sum(1 for _ in VideoReader(tmp_path / "l.mp4")) == 2000


@pytest.mark.parametrize(("given", "words"), [(9, "only 9 came"), (11, "more came")])
def test_number_of_frames_is_held(tmp_path: Path, given: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        write_video(
            tmp_path / "o.mp4", numbered(given, 64, 64), fps=25, size=(64, 64), num_frames=10
        )
    assert list(tmp_path.iterdir()) == []


def test_wrong_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"need the shape \[64, 80, 3\]"):
        write_video(tmp_path / "o.mp4", numbered(2, 64, 80), fps=25, size=(80, 64))
    with pytest.raises(ValueError, match="float64"):
        write_video(tmp_path / "o.mp4", [np.zeros((64, 64, 3))], fps=25, size=(64, 64))
    with pytest.raises(UsageError, match="frames a second"):
        write_video(tmp_path / "o.mp4", [], fps=0, size=(64, 64))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interrupted_writing_leaves_the_old_file(tmp_path: Path, error: type) -> None:
    path = tmp_path / "o.mp4"
    path.write_bytes(b"the old video")

    def frames() -> Iterator[np.ndarray]:
        yield from numbered(30, 64, 64)
        raise error

    with pytest.raises(error):
        write_video(path, frames(), fps=25, size=(64, 64))
    assert path.read_bytes() == b"the old video"
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """What a full disk looks like to a process, without filling one."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


def test_full_disk(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = (rng.integers(0, 255, (200, 320, 3), dtype=np.uint8) for _ in range(60))
    with (
        files_no_larger_than(100_000),
        pytest.raises(GesticulateError, match=r"is full \([\d.]+ MB free\)"),
    ):
        write_video(tmp_path / "o.mp4", frames, fps=25, size=(320, 200))
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    check_writable(tmp_path / "fine.mp4")
    with pytest.raises(UsageError, match=r"folder .*missing does not exist\. Create it"):
        check_writable(tmp_path / "missing" / "o.mp4")
    with pytest.raises(UsageError, match="endings"):
        check_writable(tmp_path / "o.avi")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UsageError, match="is not a file"):
        check_writable(tmp_path / "folder.mp4")
    with pytest.raises(UsageError, match="cannot be written to"):
        check_writable("/proc/o.mp4")  # nobody can, not even root


def test_sound_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no sound file"):
        write_video(
            tmp_path / "o.mp4", numbered(5, 64, 64), fps=25, size=(64, 64),
            sound=tmp_path / "gone.wav",
        )  # fmt: skip
    write_video(tmp_path / "mute.mp4", numbered(5, 64, 64), fps=25, size=(64, 64))
    with pytest.raises(InputError, match="has no sound"):
        write_video(
            tmp_path / "o.mp4", numbered(5, 64, 64), fps=25, size=(64, 64),
            sound=tmp_path / "mute.mp4",
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["mute.mp4"]


def test_sound_with_samples_that_are_no_numbers(tmp_path: Path) -> None:
    sound = noise(1.0).astype(np.float32)
    sound[3000] = np.nan
    soundfile.write(tmp_path / "nan.wav", sound, SAMPLE_RATE, subtype="FLOAT")
    out = tmp_path / "o.mp4"
    write_video(out, numbered(25, 64, 64), fps=25, size=(64, 64), sound=tmp_path / "nan.wav")
    assert lag_of(load(out).waveform, load(tmp_path / "nan.wav").waveform)[1] > 0.97


def test_portrait_with_a_videos_own_sound(tmp_path: Path) -> None:
    speech = Speech(noise(1.5))
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    write_video(first, numbered(38, 64, 64), fps=25, size=(64, 64), sound=speech)
    write_video(second, numbered(38, 72, 128), fps=25, size=(72, 128), sound=first)
    assert probe_video(second).size == (72, 128)
    lag, agreement = lag_of(load(second).waveform, speech.waveform)
    assert abs(lag) <= 1
    assert agreement > 0.97
