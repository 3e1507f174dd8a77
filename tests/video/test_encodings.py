"""A video is written as it was stored: codec, bits and chroma, where that can be."""

from pathlib import Path

import ffmpeg
import numpy as np
import pytest

from gesticulate.ffmpeg_binary import can_encode, ffmpeg_path
from gesticulate.media_probe import probe
from gesticulate.video.encodings import Encoding, like
from gesticulate.video.read import VideoReader
from gesticulate.video.write import write_video


def store(path: Path, codec: str, pixels: str, **options) -> Path:
    """Five frames of a ramp over all the levels that the pixels have."""
    if not can_encode(codec, pixels):
        pytest.skip(f"the ffmpeg here has no {codec} for {pixels}")
    ramp = np.linspace(8000, 56000, 1024)[None, :, None].repeat(64, 0).repeat(3, 2)
    stream = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb48le", s="1024x64", r=25)
    stream = stream.filter("scale", out_color_matrix="bt709", out_range="tv")
    output = ffmpeg.output(stream, str(path), vcodec=codec, pix_fmt=pixels, **options)
    output.run(cmd=ffmpeg_path(), quiet=True, input=ramp.astype("<u2").tobytes() * 5)
    return path


@pytest.mark.parametrize(
    ("encoder", "pixels", "codec", "suffix"),
    [
        ("libx264", "yuv420p", "h264", "mp4"),
        ("libx264", "yuv420p10le", "h264", "mp4"),
        ("libx264", "yuv422p10le", "h264", "mp4"),
        ("libx265", "yuv420p10le", "hevc", "mp4"),
        ("libvpx-vp9", "yuv420p10le", "vp9", "mp4"),
        ("libsvtav1", "yuv420p10le", "av1", "mp4"),
        ("prores_ks", "yuv422p10le", "prores", "mov"),
    ],
)
def test_codec_bits_and_chroma_are_kept(tmp_path, caplog, encoder, pixels, codec, suffix):
    source = store(tmp_path / f"in.{suffix}", encoder, pixels)
    reader, out = VideoReader(source), tmp_path / f"out.{suffix}"
    encoding = like(reader.track, out)
    assert encoding.deep == ("10" in pixels)
    frames = list(reader.deep() if encoding.deep else reader)
    write_video(out, frames, fps=25, size=(1024, 64), encoding=encoding)
    track = probe(out).video
    assert (track.codec, track.pixels, track.colour.matrix) == (codec, pixels, "bt709")
    assert not caplog.text
    again = list(VideoReader(out).deep())
    assert len(again) == 5
    assert np.abs(again[2].astype(int) - frames[2] * (1 if encoding.deep else 257)).mean() < 600
    if encoding.deep:
        # The steps of 8 bits are 257 wide; these are finer.
        assert len(np.unique(again[2][32, :, 1])) > 300


@pytest.mark.parametrize(
    ("encoder", "pixels", "said"),
    [
        ("prores_ks", "yuv422p10le", "prores is not kept (.mp4 does not hold it; .mov does)"),
        ("mpeg4", "yuv420p", "mpeg4 is not kept (there is no encoder for it here)"),
    ],
)
def test_what_cannot_be_kept_is_said(tmp_path, caplog, encoder, pixels, said):
    source = store(tmp_path / "in.mov", encoder, pixels)
    encoding = like(probe(source).video, tmp_path / "out.mp4")
    assert (encoding.codec, encoding.pixels) == ("libx264", pixels)
    assert said in caplog.text


def test_the_plain_encoding_is_that_of_the_main_job():
    assert (Encoding().codec, Encoding().pixels, Encoding().deep) == ("libx264", "yuv420p", False)
