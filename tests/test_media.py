"""Hard files: what is stored oddly is seen and heard as it was meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
import soundfile

from gesticulate import media_input
from gesticulate.errors import InputError
from gesticulate.ffmpeg_binary import ffmpeg_path
from gesticulate.media_probe import probe, video_of
from gesticulate.speech.load import count_channels, load
from gesticulate.speech.track import SAMPLE_RATE
from gesticulate.video.read import VideoReader, probe_video
from gesticulate.video.write import write_video

# Kr, Kb of ITU-R BT.601, BT.709, BT.2020 and SMPTE 240M, by ffmpeg's names of them.
MATRICES = {
    "smpte170m": (0.299, 0.114), "bt470bg": (0.299, 0.114), "bt709": (0.2126, 0.0722),
    "bt2020nc": (0.2627, 0.0593), "smpte240m": (0.212, 0.087),
}  # fmt: skip
PATCHES = np.array(
    [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 150, 120),
     (90, 60, 40), (128, 128, 128)], np.float64,
) / 255  # fmt: skip
# RGB -> XYZ for D65 (BT.709, BT.2020, P3-D65), from the standards' tables.
TO_XYZ = {
    "bt709": [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923],
              [0.0193308, 0.1191948, 0.9505322]],
    "bt2020": [[0.6369580, 0.1446169, 0.1688810], [0.2627002, 0.6779981, 0.0593017],
               [0.0, 0.0280727, 1.0609851]],
    "smpte432": [[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869],
                 [0.0, 0.0451134, 1.0439444]],
}  # fmt: skip


def to_yuv(rgb: np.ndarray, matrix: str, full: bool, depth: int) -> np.ndarray:
    """[N, 3] in 0..1 -> [N, 3] code values (ITU-T H.273, equations 38 to 43 and 28 to 33)."""
    kr, kb = MATRICES[matrix]
    y = rgb @ [kr, 1 - kr - kb, kb]
    chroma = np.stack([(rgb[:, 2] - y) / (2 * (1 - kb)), (rgb[:, 0] - y) / (2 * (1 - kr))], -1)
    top, step = 2**depth - 1, 2 ** (depth - 8)
    if full:
        return np.rint(np.column_stack([top * y, top * chroma + 128 * step])).clip(0, top)
    return np.rint(step * np.column_stack([219 * y + 16, 224 * chroma + 128]))


def store(path: Path, codes: np.ndarray, depth: int, **tags: str) -> None:
    """A lossless video whose frame i is all of the code values codes[i]. tags: of setparams."""
    dtype, pixels = (np.uint8, "yuv444p") if depth == 8 else ("<u2", "yuv444p10le")
    planes = np.repeat(codes.astype(dtype)[:, :, None], 64 * 64, axis=2)
    stream = ffmpeg.input("pipe:", format="rawvideo", pix_fmt=pixels, s="64x64", r=25)
    stream = stream.filter("setparams", **tags) if tags else stream
    spread = {"color_range": tags["range"]} if "range" in tags else {}
    output = ffmpeg.output(stream, str(path), vcodec="ffv1", pix_fmt=pixels, **spread)
    output.run(cmd=ffmpeg_path(), quiet=True, input=planes.tobytes(), overwrite_output=True)


def colours(path: Path) -> np.ndarray:
    """[N, 3] the middle pixel of each frame, 0..1."""
    return np.array([frame[32, 32] for frame in VideoReader(path)]) / 255


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("depth", [8, 10])
def test_colours_of_every_matrix_and_range(tmp_path, matrix, full, depth):
    path = tmp_path / "a.mkv"
    spread = "pc" if full else "tv"
    store(path, to_yuv(PATCHES, matrix, full, depth), depth, colorspace=matrix, range=spread)
    assert probe(path).video.colour.full_range == full
    assert probe(path).video.depth == depth
    assert np.abs(colours(path) - PATCHES).max() <= 2.01 / 255


@pytest.mark.parametrize(("width", "matrix"), [(720, "smpte170m"), (1280, "bt709")])
def test_what_a_file_does_not_say_is_taken_as_players_do(tmp_path, width, matrix):
    path = tmp_path / "a.mkv"
    codes = to_yuv(PATCHES[:3], matrix, False, 8)
    planes = np.repeat(codes.astype(np.uint8)[:, :, None], width * 64, axis=2)
    stream = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="yuv444p", s=f"{width}x64", r=25)
    output = ffmpeg.output(stream, str(path), vcodec="ffv1")
    output.run(cmd=ffmpeg_path(), quiet=True, input=planes.tobytes())
    assert np.abs(colours(path) - PATCHES[:3]).max() <= 2.01 / 255


@pytest.mark.parametrize("primaries", ["bt2020", "smpte432"])
def test_wide_gamuts_become_srgb(tmp_path, primaries):
    """Colours that BT.709 can show, told in wider primaries. Both transfers are BT.709's."""

    def linear(v):
        return np.where(v < 0.081, v / 4.5, ((v + 0.099) / 1.099) ** (1 / 0.45))

    def coded(v):
        return np.where(v < 0.018, 4.5 * v, 1.099 * v**0.45 - 0.099)

    turn = np.linalg.inv(TO_XYZ[primaries]) @ np.array(TO_XYZ["bt709"])
    wide = coded(np.clip(linear(PATCHES) @ turn.T, 0, 1))
    matrix = "bt2020nc" if primaries == "bt2020" else "bt709"
    path = tmp_path / "a.mkv"
    store(path, to_yuv(wide, matrix, False, 10), 10, colorspace=matrix, range="tv",
          color_primaries=primaries, color_trc="bt709")  # fmt: skip
    assert np.abs(colours(path) - PATCHES).max() <= 4 / 255


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, equation 5.2."""
    y = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def test_hdr_is_tone_mapped(tmp_path):
    """Greys: up to 0.7 of paper white (203 nits) as they are, what is brighter pressed together."""
    light = np.array([0.02, 0.1, 0.3, 0.5, 0.7, 1.0, 3.0, 20.0])
    grey = np.repeat(pq(203 * light)[:, None], 3, axis=1)
    path = tmp_path / "a.mkv"
    store(path, to_yuv(grey, "bt2020nc", False, 10), 10, colorspace="bt2020nc", range="tv",
          color_primaries="bt2020", color_trc="smpte2084")  # fmt: skip
    found = colours(path)
    assert np.ptp(found, axis=1).max() < 0.02
    expected = 1.055 * light[:5] ** (1 / 2.4) - 0.055  # sRGB
    assert np.abs(found[:5, 0] - expected).max() < 0.02
    assert (np.diff(found[:7, 0]) > 0).all()


def test_hdr_without_the_filter_for_it_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.mkv"
    store(path, np.full((2, 3), 500), 10, colorspace="bt2020nc", color_trc="arib-std-b67")
    monkeypatch.setattr(media_input, "can_filter", lambda _: False)
    with pytest.raises(InputError, match=r"is HDR \(HLG\).*Export it as SDR"):
        next(iter(VideoReader(path)))


def test_written_files_say_how_their_colours_are_stored(tmp_path):
    write_video(tmp_path / "a.mp4", [np.zeros((64, 64, 3), np.uint8)] * 3, fps=25, size=(64, 64))
    import av

    with av.open(str(tmp_path / "a.mp4")) as container:
        told = container.streams.video[0].codec_context
        assert (told.colorspace, told.color_primaries, told.color_trc, told.color_range) == (
            1, 1, 1, 1,
        )  # fmt: skip


@dataclass(frozen=True)
class Maker:
    """Makes hard files from 2 s of a bar that moves to the right, and a beep."""

    folder: Path

    def __call__(self, name: str, *streams, **options) -> Path:
        path = self.folder / name
        output = ffmpeg.output(*streams, str(path), **options)
        output.run(cmd=ffmpeg_path(), quiet=True, overwrite_output=True)
        return path

    def bar(self, **options):
        """96 x 64, 25 frames/s: frame t is white in columns t to t + 9."""
        frames = np.zeros((50, 64, 96), np.uint8)
        for t in range(50):
            frames[t, :, t : t + 10] = 255
        (self.folder / "bar.raw").write_bytes(frames.tobytes())
        return ffmpeg.input(
            str(self.folder / "bar.raw"), format="rawvideo", pix_fmt="gray", s="96x64", r=25,
            **options,
        )  # fmt: skip

    def beep(self, hertz: float = 500, seconds: float = 1.0, **options):
        path = self.folder / f"beep-{hertz}.wav"
        time = np.arange(round(seconds * 48_000)) / 48_000
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * time), 48_000)
        return ffmpeg.input(str(path), **options)


@pytest.fixture
def make(tmp_path) -> Maker:
    return Maker(tmp_path)


def hears(waveform: np.ndarray, hertz: float) -> float:
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(waveform)) / SAMPLE_RATE)
    return float(2 * np.abs(np.mean(waveform * turn)))


def test_interlaced_pictures_have_no_combs(make):
    fields = make.bar().filter("scale", 96, 64).filter("tinterlace", "interleave_top")
    path = make("a.mkv", fields, vcodec="mpeg2video", flags="+ildct+ilme", qscale=1)
    assert probe(path).video.interlaced
    frame = np.array(list(VideoReader(path))[8])[..., 0].astype(int)
    combs = np.abs(frame[1:-1] - (frame[:-2] + frame[2:]) / 2).mean()
    assert combs < 3
    plain = make("b.mkv", make.bar(), vcodec="mpeg2video", qscale=1)
    assert not probe(plain).video.interlaced


@pytest.mark.parametrize(("aspect", "size"), [("4/3", (128, 64)), ("1/2", (96, 128))])
def test_pixels_become_square(make, aspect, size):
    path = make("a.mp4", make.bar().filter("setsar", aspect), pix_fmt="yuv420p")
    assert probe_video(path).size == size
    frame = list(VideoReader(path))[20]
    assert frame.shape[1::-1] == size
    lit = np.flatnonzero(frame[10, :, 0] > 128) * 96 / size[0]
    assert lit.min() == pytest.approx(20, abs=1)
    assert lit.max() == pytest.approx(29, abs=1.5)


def test_a_cover_picture_is_no_video_and_the_default_tracks_are_taken(make):
    cover = make("cover.png", make.bar().filter("trim", end_frame=1), vframes=1)
    song = make("a.m4a", make.beep()["a"], ffmpeg.input(str(cover))["v"], vcodec="png",
                acodec="aac", **{"disposition:v:0": "attached_pic"})  # fmt: skip
    with pytest.raises(InputError, match="cover picture"):
        video_of(song)
    assert hears(load(song).waveform, 500) > 0.25
    film = make(
        "b.mkv", ffmpeg.input(str(cover), loop=1, t=1)["v"], make.bar()["v"], make.beep(300)["a"],
        make.beep(700)["a"], make.beep(900)["a"],
        **{"disposition:v:0": "0", "disposition:v:1": "default", "disposition:a:0": "comment",
           "disposition:a:1": "0", "disposition:a:2": "default"},
    )  # fmt: skip
    assert (probe(film).video.index, probe(film).sound.index) == (1, 4)
    assert hears(load(film).waveform, 900) > 0.25
    assert np.flatnonzero(list(VideoReader(film))[20][10, :, 0] > 128).min() == 20


@pytest.mark.parametrize("late", [0.0, 0.6])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_sound_that_starts_later_stays_in_step_also_when_copied(make, tmp_path, late, suffix):
    path = make(f"a.{suffix}", make.bar(), make.beep(itsoffset=late), acodec="aac",
                pix_fmt="yuv420p")  # fmt: skip
    frames = list(VideoReader(path, 25))
    for copied in (False, True):
        again = tmp_path / "again.mp4"
        write_video(again, frames, fps=25, size=(96, 64), sound=path, copy_sound=copied)
        for heard in (path, again):
            begin = np.flatnonzero(np.abs(load(heard).waveform) > 0.05)[0] / SAMPLE_RATE
            assert begin == pytest.approx(late, abs=0.03)
    assert np.flatnonzero(frames[20][10, :, 0] > 128).min() == pytest.approx(20, abs=1)


def test_a_browsers_recording_tells_no_duration(make):
    path = make("a.webm", make.bar(), make.beep(seconds=2), vcodec="libvpx", live=1,
                pix_fmt="yuv420p")  # fmt: skip
    info = probe_video(path)
    assert info.duration == pytest.approx(2.0, abs=0.1)
    assert info.fps == pytest.approx(25, abs=0.5)
    assert len(list(VideoReader(path))) == pytest.approx(50, abs=1)


def test_surround_is_mixed_by_its_layout(make):
    voice, boom = make.beep(500), make.beep(90)
    both = ffmpeg.filter([voice, boom], "amerge", inputs=2)
    six = both.filter("pan", "5.1|FC<c0|LFE<c1")
    path = make("a.wav", six)
    assert count_channels(path) == 6
    waveform = load(path).waveform
    assert hears(waveform, 500) > 5 * hears(waveform, 90)
    assert hears(load(path, 2).waveform, 500) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("channels", [3, 11, 16])
def test_channels_without_names_are_mixed_evenly(tmp_path, channels):
    sound = np.zeros((16_000, channels))
    sound[:, -1] = 0.5 * np.sin(np.arange(16_000) * 2 * np.pi * 500 / 16_000)
    # WAVE_FORMAT_EXTENSIBLE with an empty mask of channels, as field recorders write it.
    soundfile.write(tmp_path / "a.wav", sound, 16_000, format="WAVEX")
    assert hears(load(tmp_path / "a.wav").waveform, 500) > 0.5 / channels / 2
    assert hears(load(tmp_path / "a.wav", channels - 1).waveform, 500) == pytest.approx(
        0.5, rel=0.1
    )
    frames = [np.zeros((64, 64, 3), np.uint8)] * 25
    write_video(tmp_path / "a.mp4", frames, fps=25, size=(64, 64), sound=tmp_path / "a.wav")
    assert hears(load(tmp_path / "a.mp4").waveform, 500) > 0.5 / channels / 2


def test_opposite_channels_do_not_cancel(tmp_path, caplog):
    rng = np.random.default_rng(0)
    voice = 0.3 * np.sin(np.arange(32_000) * 2 * np.pi * 500 / 16_000)
    noise = 0.01 * rng.standard_normal((2, 32_000))
    soundfile.write(tmp_path / "a.wav", np.stack([voice, -0.9 * voice], 1) + noise.T, 16_000)
    assert hears(load(tmp_path / "a.wav").waveform, 500) == pytest.approx(0.285, rel=0.05)
    assert "opposite phase" in caplog.text
    caplog.clear()
    soundfile.write(tmp_path / "b.wav", np.stack([voice, 0 * voice], 1) + noise.T, 16_000)
    load(tmp_path / "b.wav")
    assert not caplog.text


@pytest.mark.parametrize("codec", ["libvorbis", "libopus"])
def test_chained_streams_are_heard_to_the_end(make, tmp_path, codec):
    parts = [make(f"{hertz}.ogg", make.beep(hertz), acodec=codec) for hertz in (500, 900, 1300)]
    chained = tmp_path / "chained.ogg"
    chained.write_bytes(b"".join(part.read_bytes() for part in parts))
    waveform = load(chained).waveform
    assert len(waveform) / SAMPLE_RATE == pytest.approx(3.0, abs=0.1)
    for at, hertz in enumerate((500, 900, 1300)):
        piece = waveform[round((at + 0.2) * SAMPLE_RATE) : round((at + 0.8) * SAMPLE_RATE)]
        assert hears(piece, hertz) > 0.2


@pytest.mark.parametrize("rate", [8_000, 192_000, 384_000])
def test_rates_from_telephones_to_laboratories(tmp_path, rate):
    tone = 0.3 * np.sin(np.arange(rate) * 2 * np.pi * 440 / rate)
    soundfile.write(tmp_path / "a.wav", tone, rate)
    assert hears(load(tmp_path / "a.wav").waveform, 440) == pytest.approx(0.3, rel=0.05)
    frames = [np.zeros((64, 64, 3), np.uint8)] * 25
    write_video(tmp_path / "a.mp4", frames, fps=25, size=(64, 64), sound=tmp_path / "a.wav")
    assert hears(load(tmp_path / "a.mp4").waveform, 440) == pytest.approx(0.3, rel=0.1)


def test_a_truncated_file_is_used_up_to_there_or_refused(make, tmp_path):
    whole = make("a.mkv", make.bar(), make.beep(seconds=9), pix_fmt="yuv420p").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    assert 0.4 < load(tmp_path / "cut.mkv").duration < 9
    (tmp_path / "stub.mkv").write_bytes(whole[:200])
    with pytest.raises(InputError):
        load(tmp_path / "stub.mkv")
