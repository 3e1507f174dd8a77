"""Two runs in two threads of one process: each makes what it makes alone, and hears of itself."""

import logging
import threading
from contextlib import ExitStack

import numpy as np
import pytest
from threadpoolctl import threadpool_limits
from tiny_renderer import TINY, randomise

from gesticulate.keypoints.mediapipe import MediaPipeEstimator
from gesticulate.motion.contextual import ContextualGenerator
from gesticulate.pipelines.gesture_video import GestureVideoPipeline
from gesticulate.pipelines.log import collected_warnings, remarks
from gesticulate.refinement.network import RendererNetwork
from gesticulate.refinement.renderer import LearnedRenderer
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.warping.renderer import PuppetRenderer
from gesticulate.warping.side_by_side import side_by_side

_log = logging.getLogger("gesticulate.somewhere")


def at_once(*runs) -> list:
    """What each run returns, in threads that begin together."""
    results = [None] * len(runs)
    start = threading.Barrier(len(runs))

    def work(number):
        start.wait()
        results[number] = runs[number]()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(runs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.slow
def test_two_pipelines_make_the_bytes_that_each_makes_alone(photo, speech, tmp_path):
    """Beside each other, the first to end gave numpy and torch other numbers of threads for the
    rest of the second, and with them another rounding."""
    speech = Speech(speech.waveform[: SAMPLE_RATE // 2])
    silence = Speech(np.zeros_like(speech.waveform))
    network = randomise(RendererNetwork(TINY))
    renderers = PuppetRenderer(workers=2), LearnedRenderer(network=network, device="cpu", workers=2)
    pipelines = [
        GestureVideoPipeline(MediaPipeEstimator(), MelEncoder(), ContextualGenerator(), renderer)
        for renderer in renderers
    ]

    def run(number, name):
        out = tmp_path / f"{name}{number}.mp4"
        sound = (silence, speech)[number]
        video = pipelines[number](photo, sound, out, size=96 + 32 * number, seed=number)
        return out.read_bytes(), video.poses.points, video.notes

    with threadpool_limits(2, user_api="blas"):
        alone = [run(number, "alone") for number in range(2)]
        together = at_once(*(lambda number=number: run(number, "both") for number in range(2)))
    for one, other in zip(alone, together, strict=True):
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])
        assert one[2] == other[2]
    nobody = "No voice was found in the sound: the person rests."
    assert [nobody in notes for *_, notes in together] == [True, False]


def test_a_run_hears_its_own_threads_and_no_other_run():
    turn = threading.Barrier(2)

    def run(name):
        shown = []
        with remarks(shown.append), collected_warnings() as notes:
            turn.wait()
            _log.info("%s looks", name)
            list(side_by_side(lambda frame: _log.warning("%s %d", name, frame), range(3), 2))
            turn.wait()
        return sorted(shown), sorted(notes)

    found = at_once(lambda: run("one"), lambda: run("two"))
    for name, (shown, notes) in zip(("one", "two"), found, strict=True):
        assert notes == [f"{name} {frame}" for frame in range(3)]
        assert shown == sorted([f"{name} looks", *(f"Warning: {note}" for note in notes)])


def test_overlapping_runs_leave_the_log_as_it_was():
    package = logging.getLogger("gesticulate")
    before = package.level, list(package.handlers)
    first, second = ExitStack(), ExitStack()
    for run in (first, second):
        run.enter_context(remarks(print))
    first.close()
    assert package.level == logging.INFO
    second.close()
    assert (package.level, package.handlers) == before
