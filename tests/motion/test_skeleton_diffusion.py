"""The skeleton denoiser, and the generator's use of it."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_generators import CHANNELS, skeleton_diffusion, tiny_skeleton

from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.diffusion.noise import SamplerOptions
from gesticulate.motion.diffusion.skeleton import SkeletonDiffusionOptions
from gesticulate.motion.diffusion.skeleton_network import sinusoids
from gesticulate.motion.inputs import pose_of
from gesticulate.speech.track import SpeechFeatures


@pytest.fixture
def parts():
    torch.manual_seed(1)
    noisy, history = torch.randn(2, 24, 232), torch.randn(2, 4, 232)
    return noisy, torch.tensor([3, 70]), history, torch.randn(2, 24, CHANNELS)


def test_shapes_and_that_every_input_counts(parts):
    noisy, step, history, features = parts
    network = tiny_skeleton()
    with torch.no_grad():
        usual = network(noisy, step, history, network.hear(features))
        assert usual.shape == (2, 24, 232)
        others = {
            "noisy": network(noisy + 0.1, step, history, network.hear(features)),
            "step": network(noisy, step + 5, history, network.hear(features)),
            "history": network(noisy, step, history + 0.1, network.hear(features)),
            "speech": network(noisy, step, history, network.hear(features + 0.1)),
        }
    for name, other in others.items():
        assert (other - usual).abs().max() > 1e-4, name


def test_speech_belongs_to_its_frame(parts):
    """Without attention between frames, speech reaches the frame that it was said in alone."""
    noisy, step, history, features = parts
    network = tiny_skeleton(layers=1, speech_layers=0)
    network.transformer = torch.nn.Identity()
    changed = features.clone()
    changed[:, 7] += 1
    with torch.no_grad():
        moved = network(noisy, step, history, network.hear(changed))
        moved = (moved - network(noisy, step, history, network.hear(features))).abs().amax(-1)
    assert (moved[:, 7] > 1e-4).all()
    assert moved[:, [*range(7), *range(8, 24)]].max() < 1e-6


def test_what_was_hidden_is_the_learned_vector(parts):
    *_, features = parts
    network = tiny_skeleton()
    heard = network.hear(features, torch.tensor([True, False]))
    torch.testing.assert_close(heard[0], network.unheard.expand(24, -1))
    torch.testing.assert_close(heard[1:], network.hear(features[1:]))


def test_gradient_reaches_every_weight(parts):
    noisy, step, history, features = parts
    network = tiny_skeleton().train()
    speech = network.hear(features, torch.tensor([True, False]))
    network(noisy, step, history, speech).square().mean().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


def test_places_are_sines_and_cosines():
    made = sinusoids(torch.tensor([0, 3]), 6)
    rates = [1.0, 10000 ** (-2 / 6), 10000 ** (-4 / 6)]
    expected = [f(3 * rate) for rate in rates for f in (np.sin, np.cos)]
    np.testing.assert_allclose(made[0], [0, 1, 0, 1, 0, 1])
    np.testing.assert_allclose(made[1], expected, rtol=1e-5)


def speech(frames):
    rng = np.random.default_rng(0)
    ones, zeros = np.ones(frames, np.float32), np.zeros(frames, np.float32)
    features = rng.normal(size=(frames, CHANNELS)).astype(np.float32)
    return SpeechFeatures(features, ones, zeros, zeros, 25.0)


def reference(confidence=1.0):
    points = REST[None].astype(np.float32)
    return Motion(points, np.full((1, 116), confidence, np.float32))


def test_guidance_of_one_is_no_guidance(tmp_path):
    options = SkeletonDiffusionOptions(
        SamplerOptions(steps=4), face_guidance=1.0, body_guidance=1.0
    )
    without = skeleton_diffusion(tmp_path, options)
    a = without.generate(speech(40), reference())
    # So little guidance goes the other way, through both branches.
    options = dataclasses.replace(options, face_guidance=1 + 1e-6)
    b = skeleton_diffusion(tmp_path, options).generate(speech(40), reference())
    np.testing.assert_allclose(a.points, b.points, atol=1e-5)
    strong = dataclasses.replace(options, face_guidance=3.0, body_guidance=3.0)
    c = skeleton_diffusion(tmp_path, strong).generate(speech(40), reference())
    assert np.abs(a.points - c.points).max() > 1e-3


def test_samplers_and_lips_can_be_chosen(tmp_path):
    made = []
    for name, steps in (("dpm", 5), ("ddim", 5), ("ddpm", 100)):
        options = SkeletonDiffusionOptions(SamplerOptions(name, steps), expected_lips=name == "dpm")
        made.append(skeleton_diffusion(tmp_path, options).generate(speech(30), reference()).points)
    for points in made:
        assert np.isfinite(points).all()
    assert np.abs(made[0] - made[2]).max() > 1e-4


def test_an_unseen_point_does_not_tell_anything(tmp_path):
    generator = skeleton_diffusion(tmp_path)
    shown, moved = reference(), reference()
    for motion in (shown, moved):
        motion.confidence[0, 80] = 0
    moved.points[0, 80] += 5
    a, b = (generator.generate(speech(40), motion).points for motion in (shown, moved))
    others = [i for i in range(116) if i != 80]
    np.testing.assert_allclose(a[:, others], b[:, others], atol=1e-5)


def test_the_frames_before_a_window_are_those_that_were_made(tmp_path):
    """Long motion feeds back its last frames, into the real network's history."""
    generator = skeleton_diffusion(tmp_path)
    told, made = [], []
    window = generator._window

    def watched(features, history, seen, noise):
        assert features.shape == (1, 24, CHANNELS)
        told.append(history.clone())
        found = window(features, history, seen, noise)
        made.append(found[0].clone())
        return found

    generator._window = watched
    generator.generate(speech(60), reference())
    assert len(told) == 3
    pose = pose_of(reference(), torch.device("cpu")).vector
    torch.testing.assert_close(told[0], pose.expand(1, 4, -1))
    # The last 6 of 24 frames are made again: before them lie 14 to 17 of the first window.
    torch.testing.assert_close(told[1][0], made[0][14:18])
    torch.testing.assert_close(told[2][0], made[1][14:18])
