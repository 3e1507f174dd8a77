"""The dialogue job on real stages: what goes in, what comes out, and what is refused."""

import numpy as np
import pytest
import soundfile

from gesticulate.cli import main
from gesticulate.errors import UsageError
from gesticulate.pipelines.dialogue.pipeline import DialoguePipeline
from gesticulate.speech.load import count_channels, load
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.speech.turns import Conversation
from gesticulate.video.read import VideoReader, probe_video

HEIGHT = 96


@pytest.fixture(scope="module")
def dialogue(pipeline):
    return DialoguePipeline(
        pipeline.estimator, pipeline.speech_encoder, pipeline.motion_generator, pipeline.renderer
    )


@pytest.fixture(scope="module")
def sides(speech):
    """[S, 2]: one second of one voice, then of the other; not a whole number of frames."""
    voice = speech.waveform
    silence = np.zeros_like(voice)
    return np.stack([np.concatenate([voice, silence]), np.concatenate([silence, voice[::-1]])], 1)


@pytest.fixture
def stereo(sides, tmp_path):
    path = tmp_path / "talk.wav"
    soundfile.write(path, sides, SAMPLE_RATE)
    return path


def lag(found: np.ndarray, wanted: np.ndarray) -> float:
    """Seconds by which a sound comes late."""
    size = 1 << (len(found) + len(wanted)).bit_length()
    match = np.fft.irfft(np.fft.rfft(found, size) * np.fft.rfft(wanted, size).conj())
    best = int(match.argmax())
    return (best - size if best > size // 2 else best) / SAMPLE_RATE


@pytest.mark.parametrize("form", ["stereo", "files", "waveforms"])
def test_frames_and_sound_are_exact(dialogue, photo, sides, stereo, tmp_path, form):
    given = [stereo]
    if form == "files":
        given = [tmp_path / "a.wav", tmp_path / "b.wav"]
        for side, path in enumerate(given):
            soundfile.write(path, sides[:, side], SAMPLE_RATE)
    elif form == "waveforms":
        given = Conversation(*(Speech(np.ascontiguousarray(side)) for side in sides.T))
    out = tmp_path / "talk.mp4"
    video = dialogue(photo, photo[:, 60:401], given, out, size=HEIGHT, fps=12.5)
    seconds = len(sides) / SAMPLE_RATE
    assert video.num_frames == round(seconds * 12.5) == len(list(VideoReader(out)))
    width = HEIGHT + round(341 * HEIGHT / 512)
    assert video.size == (width, HEIGHT)
    assert probe_video(out).size == (width + width % 2, HEIGHT)
    assert count_channels(out) == 2
    for side in range(2):
        heard = load(out, side).waveform
        assert len(heard) / SAMPLE_RATE == pytest.approx(seconds, abs=0.05)
        assert abs(lag(heard, sides[:, side])) < 0.003
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]


def test_two_files_have_their_own_speaker_each(dialogue, photo, sides, stereo, tmp_path):
    video = dialogue(
        photo, photo, [stereo], tmp_path / "out.mp4", separate=True, size=HEIGHT, fps=5
    )
    assert [path.name for path in video.paths] == ["out-left.mp4", "out-right.mp4"]
    for side, path in enumerate(video.paths):
        assert len(list(VideoReader(path))) == video.num_frames
        assert probe_video(path).size == (HEIGHT, HEIGHT)
        assert abs(lag(load(path).waveform, sides[:, side])) < 0.003
        silent = load(path).waveform[: SAMPLE_RATE * 9 // 10 or None]
        silent = silent if side else load(path).waveform[SAMPLE_RATE * 11 // 10 :]
        assert np.abs(silent).max() < 0.01
    with pytest.raises(UsageError, match="name"):
        dialogue(photo, photo, [stereo], separate=True)


def test_swapped_people_change_places(dialogue, photo, sides):
    one = photo[:, 30:482]
    talk = Conversation(*(Speech(np.ascontiguousarray(side)) for side in sides.T))
    first = dialogue(photo, one, talk, size=HEIGHT, seed=3, fps=8)
    other = dialogue(one, photo, talk.swapped(), size=HEIGHT, seed=3, fps=8)
    for mine, theirs in zip(first.poses, other.poses[::-1], strict=True):
        assert np.array_equal(mine.points, theirs.points)
    width = round(452 * HEIGHT / 512)
    frames = [list(video.frames)[6] for video in (first, other)]
    assert np.array_equal(frames[0][:, :HEIGHT], frames[1][:, width:])
    assert np.array_equal(frames[0][:, HEIGHT:], frames[1][:, :width])


def test_a_size_out_of_range_is_refused(dialogue, photo, stereo):
    with pytest.raises(UsageError, match="size 10"):
        dialogue(photo, photo, [stereo], size=10)
    with pytest.raises(UsageError, match="'huge'"):
        dialogue(photo, photo, [stereo], expressiveness="huge")


def test_the_command_refuses_a_mix_before_stages_load(tmp_path, photo, sides, capsys):
    from PIL import Image

    from gesticulate.speech import diarise

    if diarise.available():
        pytest.skip("the extra that tells voices apart is installed")
    picture, mono = tmp_path / "a.png", tmp_path / "mono.wav"
    Image.fromarray(photo).save(picture)
    soundfile.write(mono, sides.sum(1), SAMPLE_RATE)
    arguments = ["--left", picture, "--right", picture, "--speech", mono, "-o", tmp_path / "o.mp4"]
    assert main(["dialogue", *map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert "one speaker a channel" in said
    assert "whisperx" in said
    assert not (tmp_path / "o.mp4").exists()
