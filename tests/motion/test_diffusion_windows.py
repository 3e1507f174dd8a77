"""A motion of any length out of windows: what each is told, and how one goes over into the next."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_generators import skeleton_diffusion

from gesticulate.errors import UsageError
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.diffusion.skeleton import SkeletonDiffusionOptions
from gesticulate.motion.diffusion.windows import Windows
from gesticulate.motion.inputs import pose_of
from gesticulate.motion.vectors import to_vectors


@pytest.mark.parametrize("length", [1, 9, 10, 11, 16, 17, 18, 100])
def test_windows_see_what_was_made_before_them_and_hear_their_own_frames(length):
    windows, starts, seen = Windows(10, 3, 2), [], []

    def make(heard, before):
        assert before.shape == (1, 3, 1)
        frames, others = heard
        start = int(frames[0, 0, 0])
        # Behind the end, the last frame's sound is held.
        held = np.minimum(np.arange(start, start + 10), length - 1)
        np.testing.assert_array_equal(frames[0, :, 0], held)
        torch.testing.assert_close(others, frames.expand(-1, -1, 2) + 0.5)
        starts.append(start)
        seen.append(before[0, :, 0].clone())
        return torch.arange(start, start + 10.0)[:, None]

    clock = np.arange(length, dtype=np.float64)[:, None]
    made = windows.fill(make, [clock, clock.repeat(2, 1) + 0.5], torch.tensor([-1.0]))
    np.testing.assert_allclose(made[:, 0], np.arange(length))
    assert starts == windows.starts(length)
    np.testing.assert_array_equal(seen[0], [-1, -1, -1])
    for start, before in zip(starts[1:], seen[1:], strict=True):
        np.testing.assert_allclose(before, np.arange(start - 3, start))


@pytest.mark.parametrize("lookahead", [0, 4, 9])
def test_a_window_fades_into_the_next(lookahead):
    windows = Windows(10, 2, lookahead)
    made = windows.fill(
        lambda heard, before: torch.full((10, 1), float(heard[0][0, 0, 0] > 0)),
        [np.arange(11.0)[:, None]], torch.zeros(1),
    )  # fmt: skip
    assert (np.diff(made[:, 0]) >= 0).all()
    assert made[-1, 0] > 0
    if lookahead == 4:
        fade = made[6:10, 0]
        assert (fade > 0).all()
        assert (fade < 1).all()
        np.testing.assert_allclose(fade + fade[::-1], 1, rtol=1e-6)


@pytest.mark.parametrize("lookahead", [-1, 24, 30])
def test_a_lookahead_that_leaves_nothing_is_refused(tmp_path, lookahead):
    options = dataclasses.replace(SkeletonDiffusionOptions(), lookahead=lookahead)
    with pytest.raises(UsageError, match=f"lookahead of {lookahead} .* windows of 24.* 0 to 23"):
        skeleton_diffusion(tmp_path, options)


def test_a_pose_is_its_vector_and_what_it_shows():
    points = REST[None] + np.linspace(0, 1, 232).reshape(1, 116, 2)
    confidence = np.ones((1, 116), np.float32)
    confidence[0, 70] = 0.1
    vector, seen = pose_of(Motion(points.astype(np.float32), confidence), torch.device("cpu"))
    np.testing.assert_allclose(vector, np.concatenate(to_vectors(points), 1)[0], atol=1e-6)
    assert torch.nonzero(~seen)[:, 0].tolist() == [140, 141]
