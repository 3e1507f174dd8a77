"""Windows cover a video of any length without seams, and steps over a stream are exact."""

import itertools

import numpy as np
import pytest
import torch
from animation_counts import Held

from gesticulate.animation.sampling import Sampling, sample
from gesticulate.animation.schedule import noise_schedule
from gesticulate.animation.windows import shares, spans

LENGTHS = [1, 5, 23, 24, 25, 43, 44, 45, 60, 64, 100, 251]


def drift(noisy, windows, timestep):
    """A prediction that each frame makes for itself."""
    return 0.3 * noisy + 0.001 * timestep


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("overlap", [0, 1, 4, 12])
def test_every_frame_is_covered_by_whole_windows(frames, overlap):
    windows = spans(frames, 24, overlap)
    assert windows[0][0] == 0
    assert windows[-1][1] == frames
    assert {stop - start for start, stop in windows} == {min(frames, 24)}
    for (_, stop), (start, _) in itertools.pairwise(windows):
        assert stop - start >= overlap


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("overlap", [0, 1, 4, 12])
def test_shares_sum_to_one_and_rise_smoothly(frames, overlap):
    windows = spans(frames, 24, overlap)
    total = np.zeros(frames)
    for number, (start, stop) in enumerate(windows):
        own = shares(windows, number)
        assert (own > 0).all()
        total[start:stop] += own
        if overlap >= 4:
            assert np.abs(np.diff(own)).max(initial=0) < 0.4
    assert np.allclose(total, 1, atol=1e-6)


def test_the_ends_are_open():
    """No window joins the last frames to the first ones, and the ends count in full."""
    windows = spans(60, 24, 4)
    assert [start for start, _ in windows] == sorted(start for start, _ in windows)
    assert shares(windows, 0)[0] == 1
    assert shares(windows, len(windows) - 1)[-1] == 1


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("frames", [3, 8, 9, 30])
def test_what_each_frame_says_for_itself_has_no_seams(frames, at_once):
    """Windows must not be seen where the prediction does not depend on them."""
    sampling = Sampling(steps=4, guidance=1, window=8, overlap=3, windows=at_once)
    made = torch.stack(list(sample(drift, frames, (3, 2), sampling, seed=5)))
    schedule = noise_schedule()
    schedule.set_timesteps(4)
    generator = torch.Generator().manual_seed(5)
    plain = torch.stack([torch.randn(4, 2, 3, generator=generator) for _ in range(frames)])
    for timestep in schedule.timesteps:
        velocity = drift(plain, None, int(timestep))
        plain = schedule.step(velocity, timestep, plain).prev_sample
    assert torch.allclose(made, plain, atol=1e-5)


def test_steps_behind_each_other_are_steps_over_the_whole_video():
    """The prediction depends on all of a window here, as the network's does."""

    def mixed(noisy, windows, timestep):
        return 0.5 * noisy.mean(1, keepdim=True) + 0.2 * noisy + 1e-4 * timestep

    sampling = Sampling(steps=5, guidance=1, window=8, overlap=3)
    streamed = torch.stack(list(sample(mixed, 29, (2, 2), sampling, seed=1)))
    schedule = noise_schedule()
    schedule.set_timesteps(5)
    generator = torch.Generator().manual_seed(1)
    whole = torch.stack([torch.randn(4, 2, 2, generator=generator) for _ in range(29)])
    windows = spans(29, 8, 3)
    for timestep in schedule.timesteps:
        velocity = torch.zeros_like(whole)
        for number, (start, stop) in enumerate(windows):
            weight = torch.from_numpy(shares(windows, number)).view(-1, 1, 1, 1)
            velocity[start:stop] += weight * mixed(whole[None, start:stop], None, int(timestep))[0]
        whole = schedule.step(velocity, timestep, whole).prev_sample
    assert torch.allclose(streamed, whole, atol=1e-5)


def test_the_first_frames_come_before_the_last_are_begun():
    asked = []

    def noted(noisy, windows, timestep):
        asked.extend(stop for _, stop in windows)
        return drift(noisy, windows, timestep)

    frames = sample(noted, 10_000, (2, 2), Sampling(steps=4, guidance=1, window=8, overlap=2))
    next(frames)
    assert max(asked) <= 4 * 8


def test_memory_does_not_grow_with_length():
    """In bytes of all tensors that are alive at a time."""

    def peak(frames: int) -> int:
        with Held() as held:
            sampling = Sampling(steps=3, guidance=1, window=8, overlap=2)
            made = sum(1 for _ in sample(drift, frames, (16, 16), sampling))
        assert made == frames
        return held.peak

    frame = 4 * 4 * 16 * 16
    assert peak(60) > 8 * frame
    assert peak(240) <= peak(60) + frame


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"guidance": 0.5}, {"overlap": 13}, {"windows": 0}]
)
def test_options_that_mean_nothing_are_refused(options):
    with pytest.raises(ValueError, match="expected"):
        Sampling(**options)
