"""Training of the diffusion generators at tiny size."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gesticulate.configs import load
from gesticulate.errors import UsageError
from gesticulate.motion.diffusion.checkpoint import load_fine, load_skeleton
from gesticulate.motion.diffusion.csg import OPTIONS as PUBLIC
from gesticulate.motion.diffusion.fine import FineGestureGenerator
from gesticulate.motion.diffusion.noise import (
    NoiseOptions,
    SamplerOptions,
    betas,
    sample,
    training_scheduler,
)
from gesticulate.motion.diffusion.skeleton import SkeletonDiffusionGenerator
from gesticulate.motion.diffusion.vqvae import MotionVQVAE, RawLatents, VQVAEOptions
from gesticulate.training.clips import Batch, WindowSampler
from gesticulate.training.data import load_clips
from gesticulate.training.diffusion import (
    add_noise,
    changes,
    measure,
    measure_vectors,
    squared_error,
    target_of,
    whole,
    whole_importance,
)
from gesticulate.training.diffusion_options import FineGestureTraining, SkeletonDiffusionTraining
from gesticulate.training.fine_gesture import VQVAELosses, train_fine_gesture
from gesticulate.training.options import DataOptions, LoopOptions
from gesticulate.training.skeleton_diffusion import (
    SkeletonLosses,
    build,
    train_skeleton_diffusion,
)


def loop(output, steps=4, **changes):
    base = LoopOptions(output, steps=steps, batch=4, warmup=2, validate_every=2, checkpoint_every=2)
    return dataclasses.replace(base, **changes)


def skeleton_options(dataset, output, **changes):
    return SkeletonDiffusionTraining(
        DataOptions(dataset, window=28), loop(output, ema=0.5, **changes),
        history=4, width=16, heads=2, hidden=32, layers=1, fusion=32,
    )  # fmt: skip


def test_the_public_sizes():
    """The paper's preset builds the public checkpoint's network, but for what is read and made."""
    options = load("train-skeleton-diffusion-paper", SkeletonDiffusionTraining)
    assert (options.loop.learning_rate, options.loop.steps) == (5e-5, 3_000_000)
    assert (options.from_reference, options.hide_speech, options.velocity) == (0.3, 0.1, 0)
    assert not options.importance
    with torch.device("meta"):
        sizes = build(options, 166, "mel").options
    ours = {
        "speech_channels": 166,
        "speech_encoder": "mel",
        "dims": 232,
        "speech_layers": 1,
        "norm_first": True,
    }
    assert sizes == dataclasses.replace(PUBLIC, **ours)


def test_skeleton_training_writes_weights_that_generate(dataset, tmp_path):
    path = train_skeleton_diffusion(skeleton_options(dataset, tmp_path))
    generator = SkeletonDiffusionGenerator(str(path))
    assert generator.network.options.window == 24
    assert generator.network.spread.min() > 0
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert {"loss", "place", "velocity"} <= lines[-1]["val"].keys()


def test_skeleton_training_learns(dataset, tmp_path):
    options = skeleton_options(dataset, tmp_path, steps=90, validate_every=30, learning_rate=5e-3)
    train_skeleton_diffusion(options)
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["train"]["loss"] < 0.9 * lines[0]["train"]["loss"]


def test_a_resumed_run_ends_as_an_unbroken_one(dataset, tmp_path):
    ends = []
    for name, stops in (("whole", [4]), ("broken", [2, 4])):
        for stop in stops:
            options = skeleton_options(dataset, tmp_path / name, steps=stop, warmup=100)
            end = load_skeleton(train_skeleton_diffusion(options))
        ends.append(end.state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_the_loss_ignores_what_was_not_seen():
    made, real = torch.randn(2, 2, 6, 3)
    seen = (torch.rand(2, 6, 3) < 0.5).float()
    spoiled = torch.where(seen > 0, real, 99.0)
    weight = torch.tensor([1.0, 3.0, 0.5])
    expected = (weight * (made - real) ** 2 * seen).sum((1, 2)) / seen.sum((1, 2))
    torch.testing.assert_close(squared_error(made, spoiled, seen, weight), expected.mean())
    # A change counts where both its frames are known.
    change, both = changes(real, seen)
    torch.testing.assert_close(change[:, 2], real[:, 3] - real[:, 2])
    torch.testing.assert_close(both[:, 2], seen[:, 3] * seen[:, 2])


def test_a_history_is_the_frames_before_or_one_of_them(dataset, tmp_path):
    options = skeleton_options(dataset, tmp_path)
    module = SkeletonLosses(build(options, 166, "mel"), options)
    frames = torch.randn(400, 4, 232)
    made = module._history(frames, torch.Generator().manual_seed(0))
    repeated = (made == frames[:, -1:]).all(-1).all(-1)
    assert 0.2 < float(repeated.float().mean()) < 0.4
    assert torch.equal(made[~repeated], frames[~repeated])


@pytest.mark.parametrize("prediction", ["sample", "epsilon", "v_prediction"])
def test_the_target_tells_the_clean_part(prediction):
    """Salimans & Ho 2022, appendix D: clean = signal * noisy - spread * velocity."""
    options = NoiseOptions(40, "linear", prediction=prediction)
    scheduler = training_scheduler(options)
    clean = torch.randn(6, 5, 9, 4)
    noisy, added, steps = add_noise(clean, scheduler, torch.Generator().manual_seed(0))
    kept = torch.from_numpy(np.cumprod(1 - betas(options))).float()[steps][:, None, None, None]
    signal, spread = kept**0.5, (1 - kept) ** 0.5
    told = target_of(scheduler, clean, added, steps)
    found = {
        "sample": told,
        "epsilon": (noisy - spread * told) / signal,
        "v_prediction": signal * noisy - spread * told,
    }[prediction]
    torch.testing.assert_close(found, clean, atol=1e-4, rtol=1e-3)


def test_each_samples_mean_counts_the_same():
    made, real = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    seen = torch.ones(2, 3, 4)
    seen[1, 1:] = 0
    assert float(squared_error(2 * real, real, seen, None)) == pytest.approx(1)
    seen[1] = 0
    assert float(squared_error(made, real, seen, None)) == pytest.approx(0.5)


def test_vectors_are_measured_where_they_are_seen(dataset, tmp_path):
    options = skeleton_options(dataset, tmp_path)
    clips = load_clips(options.data, "train", needs_sound=True)
    sampler = WindowSampler(clips, 28)
    batches = [sampler.batch(i, 16) for i in range(4)]
    network = build(options, batches[0].speech.shape[-1], "mel")
    measure_vectors(network, batches, floor=0.0)
    vectors, seen = (torch.cat(x).flatten(0, 1) for x in zip(*map(whole, batches), strict=True))
    column = vectors[:, 200][seen[:, 200] > 0]
    assert float(network.mean[200]) == pytest.approx(float(column.mean()), abs=1e-5)
    assert float(network.spread[200]) == pytest.approx(float(column.std(correction=0)), rel=1e-3)
    normal = network.normalise(vectors)
    torch.testing.assert_close(network.restore(normal), vectors, atol=1e-5, rtol=1e-4)


def test_a_window_too_short_is_named(dataset, tmp_path):
    options = dataclasses.replace(skeleton_options(dataset, tmp_path), history=28)
    with pytest.raises(UsageError, match="window of 28 frames with a history of 28"):
        build(options, 10, "mel")


def fine_options(dataset, output, steps=4, **changes):
    return FineGestureTraining(
        DataOptions(dataset, window=20), loop(output, steps, ema=0.5), vqvae_steps=4,
        vqvae_width=4, code_dim=4, codes=8, width=16, heads=2, hidden=32, layers=1, **changes,
    )  # fmt: skip


def test_fine_training_writes_weights_that_generate(dataset, tmp_path):
    path = train_fine_gesture(fine_options(dataset, tmp_path))
    generator = FineGestureGenerator(str(path))
    assert generator.network.options.window == 16
    assert generator.network.latent_std.min() >= 1e-3
    # The frozen latents are those of the first stage, which a later run takes as they are.
    vqvae = tmp_path / "vqvae" / "motion-vqvae.safetensors"
    again = fine_options(dataset, tmp_path / "again", vqvae=str(vqvae), steps=2)
    taken = load_fine(train_fine_gesture(again)).latents
    assert isinstance(taken, MotionVQVAE)
    for a, b in zip(taken.state_dict().values(), generator.latents.state_dict().values()):  # noqa: B905
        assert torch.equal(a, b)
    assert not (tmp_path / "again" / "vqvae").exists()


def test_fine_training_goes_without_its_parts(dataset, tmp_path):
    options = fine_options(dataset, tmp_path, vqvae="none", spatial=False, prediction="sample")
    found = load_fine(train_fine_gesture(options))
    assert isinstance(found.latents, RawLatents)
    assert not found.denoiser.options.spatial
    assert found.denoiser.options.noise.prediction == "sample"


def test_the_vqvae_learns_velocity_and_acceleration(dataset, tmp_path):
    """Equation (4) against plain differences of arrays, and a few steps down it."""
    options = fine_options(dataset, tmp_path, continuous=60, importance=True)
    clips = load_clips(options.data, "train", needs_sound=True)
    sampler = WindowSampler(clips, 20, augment=False)
    batch = sampler.batch(0, 8)
    torch.manual_seed(0)
    vqvae = MotionVQVAE(VQVAEOptions(16, 8, 32))
    measure_vectors(vqvae, [batch])
    module = VQVAELosses(vqvae, options).train()
    optimizer = torch.optim.Adam(module.parameters(), 5e-3)
    losses = []
    for step in range(80):
        loss = module(sampler.batch(step, 8), step)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[50:60]) < 0.8 * np.mean(losses[:10])
    with torch.no_grad():
        terms = module.eval()(batch, 0)
        vectors, seen = whole(batch)
        coded = vqvae(vectors, seen)
    error = coded.vectors.numpy() - ((vectors - vqvae.mean) / vqvae.spread).numpy()
    known, weight = seen.numpy(), whole_importance().numpy()
    total = coded.commitment.item()
    for name in ("place", "velocity", "acceleration"):
        expected = (np.abs(error) * known * weight).sum() / known.sum()
        assert terms[name].item() == pytest.approx(expected, rel=1e-4)
        total += expected
        error, known = np.diff(error, axis=1), known[:, 1:] * known[:, :-1]
    assert terms["loss"].item() == pytest.approx(total, rel=1e-4)


def test_what_was_learned_is_sampled():
    """Where speech moves everything, samples of a trained denoiser move with the speech."""
    options = SkeletonDiffusionTraining(
        DataOptions(Path("none"), window=20), LoopOptions(Path("none")),
        history=4, width=32, heads=2, hidden=64, layers=1, fusion=64, dropout=0.0,
    )  # fmt: skip

    def talk(count, seed):
        speech = torch.randn(count, 20, 3, generator=torch.Generator().manual_seed(seed))
        vectors = 0.1 * speech[..., :1] * torch.linspace(-1, 1, 232)
        face, body = vectors[..., :136], vectors[..., 136:]
        yes, nobody = torch.ones(count, dtype=torch.bool), torch.zeros(count, dtype=torch.int64)
        return Batch(
            face, body, torch.ones_like(face), torch.ones_like(body),
            torch.ones(count, 20, dtype=torch.bool), speech, torch.zeros(count, 348), yes, nobody,
            yes,
        )  # fmt: skip

    torch.manual_seed(0)
    network = build(options, 3, "mel")
    measure(network, [talk(64, 1)])
    module = SkeletonLosses(network, options).train()
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    for step in range(120):
        optimizer.zero_grad()
        module(talk(12, 100 + step), step)["loss"].backward()
        optimizer.step()
    module.eval()
    batch = talk(8, 2)
    real = network.normalise(whole(batch)[0])
    with torch.no_grad():
        for speech, least, most in ((batch.speech, 0.7, 1), (talk(8, 3).speech, -0.3, 0.3)):
            heard = network.hear(speech[:, 4:])
            made = sample(
                lambda x, t, heard=heard: network(x, t, real[:, :4], heard),
                torch.randn(real[:, 4:].shape), network.options.noise, SamplerOptions("dpm", 10),
                torch.Generator(),
            )  # fmt: skip
            found = torch.corrcoef(torch.stack([made.flatten(), real[:, 4:].flatten()]))[0, 1]
            assert least < found < most
