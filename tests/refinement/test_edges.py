"""Edge heatmaps against eqs. 4-7 written out pixel by pixel."""

import math

import numpy as np
import pytest
import torch

from gesticulate.keypoints import layout
from gesticulate.refinement.edges import (
    EDGE_GROUP,
    EDGES,
    GROUPS,
    NUM_EDGES,
    EdgeHeatmaps,
    edge_maps_numpy,
    initial_thickness,
)


def some_points(seed: int = 0) -> np.ndarray:
    """[133, 3]: a person's worth of short and long edges, partly out of the crop, some unseen."""
    rng = np.random.default_rng(seed)
    points = np.empty((layout.NUM_POINTS, 3), np.float32)
    points[:, :2] = rng.uniform(-1.2, 1.2, (layout.NUM_POINTS, 2))
    for part in (layout.FACE, layout.LEFT_HAND, layout.RIGHT_HAND):
        points[part, :2] = rng.uniform(-0.9, 0.9, 2) + rng.normal(0, 0.1, points[part, :2].shape)
    points[:, 2] = 1
    points[rng.choice(layout.NUM_POINTS, 12), 2] = 0.05
    points[layout.FACE.start + 40] = points[layout.FACE.start + 41]  # an edge of no length
    return points


def plain_maps(points: np.ndarray, thickness: np.ndarray, size: int) -> np.ndarray:
    """[6, size, size] in double precision, one pixel and one edge at a time."""
    maps = np.zeros((len(GROUPS), size, size))
    for row in range(size):
        for column in range(size):
            p = np.array([-1 + 2 * column / (size - 1), -1 + 2 * row / (size - 1)])
            for edge, (i, j) in enumerate(EDGES):
                if min(points[i, 2], points[j, 2]) < 0.1:
                    continue
                a, b = points[i, :2].astype(float), points[j, :2].astype(float)
                length = (b - a) @ (b - a)
                t = (p - a) @ (b - a) / length if length else 0  # eq. 6
                nearest = a if t <= 0 else b if t >= 1 else (1 - t) * a + t * b  # eq. 5
                value = math.exp(-thickness[edge] * ((p - nearest) ** 2).sum())  # eq. 4
                group = EDGE_GROUP[edge]
                maps[group, row, column] = max(maps[group, row, column], value)  # eq. 7
    return maps


def test_edges_are_face_arms_and_hands():
    assert EDGES.shape == (NUM_EDGES, 2)
    assert EDGE_GROUP.shape == (NUM_EDGES,)
    assert np.bincount(EDGE_GROUP).tolist() == [31, 12, 20, 5, 20, 20]
    whole = {frozenset(edge) for edge in layout.EDGES}
    assert {frozenset(edge) for edge in EDGES.tolist()} <= whole
    assert len({frozenset(edge) for edge in EDGES.tolist()}) == NUM_EDGES
    assert set(np.unique(EDGES)) == set(layout.MOTION_POINTS.tolist())
    for side, name in ((layout.LEFT_HAND, "left_hand"), (layout.RIGHT_HAND, "right_hand")):
        own = EDGES[GROUPS.index(name) == EDGE_GROUP]
        assert own.min() == side.start
        assert own.max() == side.stop - 1


def test_maps_follow_the_equations():
    points = some_points()
    thickness = initial_thickness() * np.random.default_rng(1).uniform(0.3, 3, NUM_EDGES)
    module = EdgeHeatmaps()
    with torch.no_grad():
        module.log_thickness.copy_(torch.from_numpy(np.log(thickness)))
        found = module(torch.from_numpy(points)[None], 24)[0].numpy()
    np.testing.assert_allclose(found, plain_maps(points, thickness, 24), atol=2e-5)


def test_frames_of_a_batch_do_not_touch_each_other():
    module = EdgeHeatmaps()
    batch = torch.from_numpy(np.stack([some_points(1), some_points(2)]))
    together = module(batch, 32)
    assert together.shape == (2, 6, 32, 32)
    for index in range(2):
        assert torch.equal(together[index], module(batch[index : index + 1], 32)[0])


def test_an_unseen_person_draws_nothing():
    points = torch.from_numpy(some_points())[None].clone()
    points[..., 2] = 0.09
    module = EdgeHeatmaps()
    maps = module(points, 16)
    assert maps.abs().max() == 0
    maps.sum().backward()
    assert module.log_thickness.grad.abs().max() == 0


def test_gradient_of_the_thickness():
    """Against differences of the equations. Edges of one thickness would tie around the point
    that they share, where the maximum has no derivative."""
    points = some_points(3)
    weights = np.random.default_rng(4).uniform(size=(6, 10, 10))
    start = np.log(initial_thickness() * np.random.default_rng(5).uniform(0.3, 1, NUM_EDGES))
    module = EdgeHeatmaps()
    with torch.no_grad():
        module.log_thickness.copy_(torch.from_numpy(start))
    maps = module(torch.from_numpy(points)[None], 10)
    (maps[0] * torch.from_numpy(weights)).sum().backward()
    gradient = module.log_thickness.grad.numpy()
    for group in range(len(GROUPS)):
        edge = np.flatnonzero(group == EDGE_GROUP)[0] + gradient[group == EDGE_GROUP].argmin()
        step = np.zeros(NUM_EDGES)
        step[edge] = 1e-4
        above = (plain_maps(points, np.exp(start + step), 10) * weights).sum()
        below = (plain_maps(points, np.exp(start - step), 10) * weights).sum()
        assert gradient[edge] < -0.01
        assert gradient[edge] == pytest.approx((above - below) / 2e-4, rel=2e-3)


def test_fixed_lines_have_nothing_to_learn():
    module = EdgeHeatmaps(learnable=False)
    assert not list(module.parameters())
    assert set(module.state_dict()) == set(EdgeHeatmaps().state_dict()) == {"log_thickness"}
    points = torch.from_numpy(some_points())[None]
    assert torch.equal(module(points, 32), EdgeHeatmaps()(points, 32).detach())


def test_the_resolutions_show_the_same_picture():
    """Pixel i of n is at -1 + 2 i / (n - 1): every second pixel of 33 is a pixel of 17."""
    points = torch.from_numpy(some_points())[None]
    module = EdgeHeatmaps()
    torch.testing.assert_close(module(points, 33)[..., ::2, ::2], module(points, 17))


@pytest.mark.parametrize("seed", range(4))
def test_the_quick_twin_draws_the_same(seed):
    points = some_points(seed)
    if seed == 3:
        points[:, 2] = 0  # nobody there
    module = EdgeHeatmaps()
    with torch.no_grad():
        module.log_thickness += torch.linspace(-1, 1, NUM_EDGES)
    quick = edge_maps_numpy(points, module.thickness.detach().numpy(), (32, 64, 128))
    for size, maps in zip((32, 64, 128), quick, strict=True):
        exact = module(torch.from_numpy(points)[None], size)[0].detach().numpy()
        assert maps.shape == (6, size, size)
        assert maps.dtype == np.float32
        seen = exact > 1 / 512
        np.testing.assert_allclose(maps[seen], exact[seen], atol=1e-4)
        assert maps[~seen].max(initial=0) <= 1 / 512
