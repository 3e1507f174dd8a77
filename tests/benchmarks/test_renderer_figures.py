"""The speed benchmark's figures at tiny sizes: they measure what they say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from choices import make_renderers
from drawn_person import draw_person
from driven_photos import DrivenPhoto
from onnx_engine import onnx_runner
from renderer_engines import convolutions_of
from renderer_figures import (
    Job,
    _drawing,
    counts,
    engines,
    parts,
    peak,
    renderer_of,
    stage,
)
from tiny_renderer import TINY, randomise

from gesticulate.errors import UsageError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.refinement.network import RendererNetwork, save_renderer


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A drawn person who raises an arm, and a tiny network."""
    folder = tmp_path_factory.mktemp("driven")
    person = draw_person(128, 128)
    points = np.repeat(person.pose.points, 12, axis=0)
    arm = [layout.LEFT_ELBOW, layout.LEFT_WRIST, *range(91, 112)]
    points[:, arm, 1] -= np.linspace(0, 11, 12)[:, None]
    DrivenPhoto(person.photo, person.pose, Poses(points, person.pose.size)).save(folder)
    torch.manual_seed(0)
    weights = folder / "tiny.safetensors"
    save_renderer(weights, randomise(RendererNetwork(TINY)))
    return Job("", weights=str(weights), folder=str(folder), frames=3, threads=1)


@pytest.mark.parametrize("renderer", ["puppet", "learned"])
def test_every_renderer_has_a_rate(job, renderer):
    done = stage(replace(job, renderer=renderer))
    assert done["one"] > 0
    assert np.isfinite(done["rate"])


def test_the_public_model_is_a_renderer(job):
    driven = DrivenPhoto.load(Path(job.folder))
    poses = replace(driven.poses, points=driven.poses.points[:2])
    frames = list(
        renderer_of(replace(job, renderer="tps"))
        .prepare(driven.photo, driven.photo_pose)
        .render(poses)
    )
    assert [frame.shape for frame in frames] == [(128, 128, 3)] * 2
    assert frames[0].dtype == np.uint8


def test_parts_make_up_a_frame(job):
    done = parts(job)
    known = done["puppet and inputs"] + done["edges"] + done["network"]
    assert done["into the frame (the rest)"] == pytest.approx(done["whole frame"] - known)
    assert done["network"] > done["dense motion"] > 0


def test_counts_are_those_of_the_layers(job):
    network = RendererNetwork(TINY)
    done = counts(job)
    assert (
        done["refiner"]["parameters"] == sum(p.numel() for p in network.refiner.parameters()) / 1e6
    )
    # The first convolution alone: 24 channels to 8, 3 x 3, at half of 64 pixels.
    assert done["refiner"]["GMAC"] > 24 * 8 * 9 * 32**2 / 1e9
    half = counts(replace(job, precision="bfloat16"))
    assert half["refiner"]["activations"] == pytest.approx(done["refiner"]["activations"] / 2)
    assert half["refiner"]["GMAC"] == done["refiner"]["GMAC"]


def test_the_public_model_does_what_its_paper_needs(job):
    """134.7 GMAC a frame of 256 pixels."""
    assert counts(replace(job, renderer="tps"))["tps"]["GMAC"] == pytest.approx(134.7, abs=0.1)


def test_the_ceiling_is_above_what_the_network_reaches(job):
    assert peak(job)["convolution"] > 1
    assert engines(job)["ms"] > 0


def test_onnx_runtime_counts_the_same(job):
    drawing, points = _drawing(job)
    samples = [convolutions_of(drawing, drawing.scene.prior(p)[1])[1] for p in points[2:4]]
    convolutions, given = convolutions_of(drawing, drawing.scene.prior(points[3])[1])
    with torch.no_grad():
        expected = [value.numpy() for value in convolutions(*given)]
    for one, other in zip(onnx_runner(convolutions, given, 1)(), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
    coarse = onnx_runner(convolutions, given, 1, samples)()
    assert not np.array_equal(coarse[2], expected[2])
    assert np.abs(coarse[2] - expected[2]).mean() < 0.1 * np.abs(expected[2]).mean()


def test_renderers_by_name(job):
    made = make_renderers(["puppet", f"mine={job.weights}"])
    assert [one.name for one in made.values()] == ["puppet", "learned"]
    assert list(made) == ["puppet", "mine"]
    with pytest.raises(UsageError, match="'puppet'"):
        make_renderers(["puppet", "puppet"])


def test_the_whole_network_is_one_graph(job):
    """What compilers and CUDA graphs need: nothing in it waits for a value."""
    drawing, points = _drawing(job)
    inputs = drawing.scene.prior(points[3])[1]
    whole = torch.compile(drawing.network, backend="eager", fullgraph=True)
    with torch.no_grad():
        made = whole(inputs, drawing.features).frame
        expected = drawing.network(inputs, drawing.features).frame
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=0)
