"""Adding noise and taking it away, against plain loops over the formulas."""

import numpy as np
import pytest
import torch

from gesticulate.motion.diffusion.noise import (
    NoiseOptions,
    SamplerOptions,
    betas,
    draw,
    guide,
    guided,
    sample,
    training_scheduler,
)

OPTIONS = [
    NoiseOptions(),
    NoiseOptions(40, "linear", prediction="epsilon"),
    NoiseOptions(40, "linear", prediction="v_prediction"),
]


def remaining(options):
    """Share of the signal's variance after each step, [steps]."""
    return np.cumprod(1 - betas(options))


def split(options, x, told, kept):
    """What a network told of noisy x as its clean part and its noise."""
    signal, spread = kept**0.5, (1 - kept) ** 0.5
    if options.prediction == "sample":
        return told, (x - signal * told) / spread
    if options.prediction == "epsilon":
        return (x - spread * told) / signal, told
    return signal * x - spread * told, spread * x + signal * told


def network(options):
    """Something like a denoiser: it shrinks towards a wave, the more the noisier."""
    kept = torch.from_numpy(remaining(options)).float()

    def predict(x, step):
        a = kept[step][:, None, None]
        wave = torch.linspace(-1, 1, x.shape[-1]).sin()
        clean = wave + 0.3 * a * torch.tanh(x)
        if options.prediction == "sample":
            return clean
        error = (x - a.sqrt() * clean) / (1 - a).sqrt()
        if options.prediction == "epsilon":
            return error
        return a.sqrt() * error - (1 - a).sqrt() * clean

    return predict


def test_the_public_schedule():
    # Read from a run of the public code of Democratizing.
    expected = [0.9987, 0.717, 0.244, 0.0208, 5.9e-11]
    found = remaining(NoiseOptions())[[0, 24, 49, 74, 99]]
    np.testing.assert_allclose(found, expected, rtol=5e-3)


def test_as_little_remains_of_linear_schedules_of_any_length():
    for steps in (250, 500, 1000):
        assert 1e-5 < remaining(NoiseOptions(steps, "linear"))[-1] < 1e-4


@pytest.mark.parametrize("options", OPTIONS)
def test_added_noise_has_its_share(options):
    scheduler = training_scheduler(options)
    clean, added = torch.randn(3, 5, 4), torch.randn(3, 5, 4)
    steps = torch.tensor([0, 10, options.steps - 1])
    made = scheduler.add_noise(clean, added, steps)
    kept = torch.from_numpy(remaining(options)).float()[steps][:, None, None]
    torch.testing.assert_close(made, kept.sqrt() * clean + (1 - kept).sqrt() * added)


@pytest.mark.parametrize("options", OPTIONS)
def test_ddpm_is_the_plain_loop(options):
    """Ho et al. 2020, equations 6 and 7 and algorithm 2, with the small variance."""
    predict, start = network(options), torch.randn(2, 6, 4)
    made = sample(
        predict, start, options, SamplerOptions("ddpm", options.steps),
        torch.Generator().manual_seed(5),
    )  # fmt: skip
    noise = torch.Generator().manual_seed(5)
    b, kept = betas(options), remaining(options)
    x = start.double()
    for t in range(options.steps - 1, -1, -1):
        before = kept[t - 1] if t else 1.0
        told = predict(x.float(), torch.full((2,), t)).double()
        clean, _ = split(options, x, told, kept[t])
        mean = before**0.5 * b[t] / (1 - kept[t]) * clean
        mean = mean + (1 - b[t]) ** 0.5 * (1 - before) / (1 - kept[t]) * x
        x = mean
        if t:
            variance = (1 - before) / (1 - kept[t]) * b[t]
            x = x + variance**0.5 * torch.randn(start.shape, generator=noise)
    torch.testing.assert_close(made, x.float(), atol=2e-4, rtol=2e-3)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("count", [8, 15, 18])
def test_ddim_is_the_plain_loop(options, count):
    """Song et al. 2021, equation 12 without noise, at steps as far apart as whole numbers allow."""
    predict, start = network(options), torch.randn(2, 6, 4)
    made = sample(predict, start, options, SamplerOptions("ddim", count), torch.Generator())
    kept = remaining(options)
    x = start.double()
    times = np.arange(options.steps, 0, -options.steps / count).round().astype(int) - 1
    for t, following in zip(times, [*times[1:], None], strict=True):
        before = 1.0 if following is None else kept[following]
        told = predict(x.float(), torch.full((2,), t)).double()
        clean, error = split(options, x, told, kept[t])
        x = before**0.5 * clean + (1 - before) ** 0.5 * error
    torch.testing.assert_close(made, x.float(), atol=2e-4, rtol=2e-3)


@pytest.mark.parametrize("options", OPTIONS)
def test_few_steps_of_the_solver_end_where_many_of_ddim_do(options):
    predict, start = network(options), torch.randn(2, 6, 4)
    exact = sample(
        predict, start, options, SamplerOptions("ddim", options.steps), torch.Generator()
    )
    quick = sample(predict, start, options, SamplerOptions("dpm", 12), torch.Generator())
    coarse = sample(predict, start, options, SamplerOptions("dpm", 2), torch.Generator())
    assert (quick - exact).abs().mean() < 0.06
    assert (quick - exact).abs().mean() < (coarse - exact).abs().mean()


@pytest.mark.parametrize("name", ["dpm", "ddim", "ddpm"])
@pytest.mark.parametrize("count", [10, 12, 15, 18, 20])
def test_a_known_sample_is_found(name, count):
    """A network that knows the clean sample leads to it, whatever the sampler, also where its steps
    do not divide those of the training."""
    clean = torch.randn(2, 6, 4)
    options = NoiseOptions()
    made = sample(
        lambda x, t: clean, torch.randn(2, 6, 4), options, SamplerOptions(name, count),
        torch.Generator().manual_seed(0),
    )  # fmt: skip
    torch.testing.assert_close(made, clean, atol=1e-4, rtol=1e-4)


def test_guidance_of_one_is_none():
    heard, unheard = torch.randn(1, 5, 3), torch.randn(1, 5, 3)
    torch.testing.assert_close(guide(heard, unheard, 1.0), heard)
    torch.testing.assert_close(guide(heard, unheard, 0.0), unheard)
    each = guide(heard, unheard, torch.tensor([1.0, 0.0, 3.0]))
    torch.testing.assert_close(each[..., 0], heard[..., 0])
    torch.testing.assert_close(each[..., 2], 3 * heard[..., 2] - 2 * unheard[..., 2])


def test_guidance_asks_for_both_at_once():
    heard, unheard, asked = torch.randn(1, 5, 3), torch.randn(3), []

    def tell(noisy, step, speech):
        asked.append(len(noisy))
        return noisy * step[:, None, None] + speech

    noisy, step = torch.randn(1, 5, 3), torch.tensor([2])
    made = guided(tell, heard, unheard, 2.5)(noisy, step)
    torch.testing.assert_close(made, 2 * noisy + unheard + 2.5 * (heard - unheard))
    plain = guided(tell, heard, unheard, torch.ones(3))(noisy, step)
    torch.testing.assert_close(plain, 2 * noisy + heard)
    assert asked == [2, 1]


def test_noise_is_drawn_from_its_seed():
    a, b = (draw((3, 2), torch.Generator().manual_seed(1), torch.device("cpu")) for _ in range(2))
    assert torch.equal(a, b)
