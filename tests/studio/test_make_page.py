"""The page "Make" as people use it, in a real browser."""

import subprocess
from pathlib import Path
from urllib.parse import unquote

from gesticulate.ffmpeg_binary import ffmpeg_path
from gesticulate.keypoints.poses import Poses
from gesticulate.video.read import VideoReader

SIZE = 96


def fill_in(page, photo, speech):
    page.put("#make-photo", photo)
    page.says("#make-remarks", "The head moves")
    page.put("#make-speech", speech)
    page.click("#make-more button")
    page.until(lambda: page.find("#make-size input"))
    page.fill("#make-size", SIZE)
    page.says("#make-estimate", f"{SIZE} x {SIZE}")


def results(page):
    """The server's folder of a page's results, told by where its picture lies."""
    shown = page.source("#make-looked img")
    return Path(unquote(shown.partition("/file=")[2])).parents[1]


def test_a_video_is_previewed_made_and_downloaded(
    open_page, photo, speech, tmp_path, asked_elsewhere, address
):
    page = open_page()
    fill_in(page, photo, speech)
    page.click("#make-preview")
    page.says("#make-status", "Preview: 50 frames")
    preview = VideoReader(
        page.fetched(page.source("#make-previewed video"), tmp_path / "preview.mp4")
    )
    assert preview.info.size == (SIZE, SIZE)
    page.click("#make-go")
    page.says("#make-status", "The video: 50 frames")
    made = page.fetched(page.source("#make-video video"), tmp_path / "talk.mp4")
    frames = list(VideoReader(made))
    assert len(frames) == 50
    assert frames[0].shape == (SIZE, SIZE, 3)
    said = subprocess.run([ffmpeg_path(), "-i", str(made)], capture_output=True, text=True).stderr
    assert "Audio: aac" in said
    files = page.downloads("#make-files")
    assert set(files) == {"talk.mp4", "talk.npz", "talk.png"}
    poses = Poses.load(page.fetched(files["talk.npz"], tmp_path / "talk.npz"))
    assert (len(poses), poses.size) == (50, (SIZE, SIZE))
    assert page.hosts() == {address.partition("//")[2]}
    assert not asked_elsewhere


def test_stopping_ends_the_work_and_leaves_nothing(open_page, photo, speech):
    page = open_page()
    fill_in(page, photo, speech)
    page.fill("#make-size", 1024)
    page.says("#make-estimate", "1024 x 1024")
    folder = results(page)
    page.click("#make-go")
    page.says("#make-status", "Drawing the frames")
    page.until(lambda: list(folder.glob("*/.part-*/*/talk.mp4")))
    page.click("#make-stop")
    page.says("#make-status", "Stopped")
    assert not list(folder.glob("*/.part-*"))
    assert not list(folder.glob("*/talk.mp4"))
    # The device is free again.
    page.fill("#make-size", SIZE)
    page.click("#make-go")
    page.says("#make-status", "The video: 50 frames")


def test_wrong_files_are_refused_in_plain_words(open_page, tmp_path, photo):
    page = open_page()
    text = tmp_path / "photo.jpg"
    text.write_text("no picture at all")
    page.put("#make-photo", text)
    page.refused("The photo is no picture")
    page.click("#make-preview")
    page.put("#make-speech", photo)
    page.click("#make-preview")
    large = tmp_path / "large.jpg"
    large.write_bytes(photo.read_bytes() + bytes(2**20))
    other = open_page()
    other.put("#make-photo", large)
    other.until(lambda: "maximum" in other.text("body").lower())
