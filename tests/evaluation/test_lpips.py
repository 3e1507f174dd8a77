import io
import pickle

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gesticulate.errors import WeightsError
from gesticulate.evaluation.lpips import Lpips, lpips, lpips_and_maps
from gesticulate.evaluation.lpips_weights import cached_path, convert, load_weights
from gesticulate.evaluation.ssim import ssim


@pytest.fixture(scope="module")
def picture():
    """A picture with edges and texture, [96, 96, 3] uint8."""
    rng = np.random.default_rng(0)
    image = np.full((96, 96, 3), 90, np.uint8)
    for _ in range(30):
        center, radius = rng.integers(0, 96, 2).tolist(), int(rng.integers(4, 20))
        cv2.circle(image, center, radius, rng.integers(0, 256, 3).tolist(), -1)
    return image


@pytest.fixture(scope="module")
def random_model():
    torch.manual_seed(0)
    model = Lpips().eval()
    for head in model.heads:
        nn.init.uniform_(head.weight, 0, 1)
    return model.requires_grad_(False)


def alexnet(convs) -> list:
    """torchvision's `alexnet().features`, with the taps of the `lpips` package."""
    return [
        convs[0], nn.ReLU(), "tap", nn.MaxPool2d(3, 2), convs[1], nn.ReLU(), "tap",
        nn.MaxPool2d(3, 2), convs[2], nn.ReLU(), "tap", convs[3], nn.ReLU(), "tap",
        convs[4], nn.ReLU(), "tap",
    ]  # fmt: skip


def vgg16(convs) -> list:
    """torchvision's `vgg16().features` from its published configuration "D", with the taps of the
    `lpips` package: after the layers 3, 8, 15, 22 and 29."""
    configuration = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512"
    layers, rest = [], iter(convs)
    for width in configuration.split():
        layers += [nn.MaxPool2d(2, 2)] if width == "M" else [next(rest), nn.ReLU()]
        assert width == "M" or layers[-2].out_channels == int(width)
    for layer in (29, 22, 15, 8, 3):
        layers.insert(layer + 1, "tap")
    return layers


def plain(model: Lpips, layers: list, a: torch.Tensor, b: torch.Tensor) -> float:
    """Equation 1 of the paper over a list of layers, one line a step."""
    x, y = ((p - model.shift) / model.scale for p in (a, b))
    total, level = 0.0, 0
    for layer in layers:
        if layer != "tap":
            x, y = layer(x), layer(y)
            continue
        _, channels, height, width = x.shape
        weight = model.heads[level].weight.view(channels)
        for row in range(height):
            for column in range(width):
                u, v = x[0, :, row, column], y[0, :, row, column]
                gap = u / (u.norm() + 1e-10) - v / (v.norm() + 1e-10)
                total += float((weight * gap**2).sum()) / (height * width)
        level += 1
    return total


def test_against_the_plain_formula(random_model):
    torch.manual_seed(1)
    a, b = torch.rand(2, 1, 3, 64, 72) * 2 - 1
    expected = plain(random_model, alexnet(random_model.convs), a, b)
    assert float(random_model(a, b)) == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_vgg_against_the_plain_formula():
    torch.manual_seed(1)
    model = Lpips("vgg").eval()
    for head in model.heads:
        nn.init.uniform_(head.weight, 0, 1)
    a, b = torch.rand(2, 1, 3, 32, 40) * 2 - 1
    expected = plain(model, vgg16(model.convs), a, b)
    assert float(model(a, b)) == pytest.approx(expected, rel=1e-4)
    # The published parameter count of VGG16's convolutions.
    assert sum(value.numel() for value in model.convs.parameters()) == 14_714_688


def test_equal_pictures_have_no_distance(random_model, picture):
    assert lpips(random_model, picture, picture) == 0


def test_it_is_symmetric(random_model, picture):
    other = cv2.GaussianBlur(picture, (0, 0), 2)
    forth, back = lpips(random_model, picture, other), lpips(random_model, other, picture)
    assert forth == pytest.approx(back, rel=1e-5)
    assert forth > 0


def test_the_map_has_its_weight_where_the_pictures_differ(random_model, picture):
    other = picture.copy()
    other[60:90, 60:90] = 255
    (same, distance), maps = lpips_and_maps(random_model, [picture, other], picture)
    assert same == pytest.approx(0, abs=1e-9)
    assert distance == pytest.approx(lpips(random_model, other, picture), rel=1e-5)
    assert maps.shape == (2, 96, 96)
    values = maps[1]
    assert values.mean() == pytest.approx(distance, rel=0.3)
    assert values[60:90, 60:90].mean() > 2 * values[:30, :30].mean()


def test_gradients_reach_the_picture(random_model):
    picture = torch.zeros(1, 3, 64, 64, requires_grad=True)
    random_model(picture, torch.rand(1, 3, 64, 64)).sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0


def test_missing_and_damaged_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match="lpips_weights"):
        load_weights(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="no safetensors file"):
        load_weights(tmp_path / "bad.safetensors")
    save_file({"convs.0.bias": torch.zeros(64)}, tmp_path / "part.safetensors")
    with pytest.raises(WeightsError, match="does not fit"):
        Lpips.pretrained(tmp_path / "part.safetensors")


def test_conversion_turns_the_kernels(random_model):
    convs, heads = random_model.convs, random_model.heads
    tree = {"AlexNet_0": {}}
    for level in range(5):
        tree["AlexNet_0"][f"Conv_{level}"] = {
            "kernel": convs[level].weight.permute(2, 3, 1, 0).numpy(),
            "bias": convs[level].bias.numpy(),
        }
        head = heads[level].weight.permute(2, 3, 1, 0).numpy()
        tree[f"NetLinLayer_{level}"] = {"Conv_0": {"kernel": head}}
    state = convert(io.BytesIO(pickle.dumps(tree)))
    for name, value in state.items():
        torch.testing.assert_close(torch.from_numpy(value), random_model.state_dict()[name])
    assert len(state) == 15


def test_conversion_takes_every_network():
    model = Lpips("vgg")
    tree = {"VGG16_0": {}}
    for index, conv in enumerate(model.convs):
        kernel = conv.weight.detach().permute(2, 3, 1, 0).numpy()
        tree["VGG16_0"][f"Conv_{index}"] = {"kernel": kernel, "bias": conv.bias.detach().numpy()}
    for level, head in enumerate(model.heads):
        kernel = head.weight.detach().permute(2, 3, 1, 0).numpy()
        tree[f"NetLinLayer_{level}"] = {"Conv_0": {"kernel": kernel}}
    state = convert(io.BytesIO(pickle.dumps(tree)))
    assert set(state) == set(model.state_dict()) - {"shift", "scale"}
    torch.testing.assert_close(torch.from_numpy(state["convs.12.weight"]), model.convs[12].weight)


class Malice:
    def __reduce__(self):
        return print, ("ran",)


def test_a_checkpoint_may_run_no_code(capsys):
    with pytest.raises(WeightsError, match=r"builtins\.print"):
        convert(io.BytesIO(pickle.dumps(Malice())))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_published_weights_order_pictures_as_people_do(picture, net):
    if not cached_path(net).is_file():
        pytest.skip("no LPIPS weights: python -m gesticulate.evaluation.lpips_weights")
    model = Lpips.pretrained(net=net)
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (0.5, 1, 2, 4)]
    distances = [lpips(model, picture, other) for other in blurred]
    assert distances == sorted(distances)
    # The metric's point: a small shift is near for people and far for SSIM.
    shifted = np.roll(picture, 1, axis=1)
    assert lpips(model, picture, shifted) < lpips(model, picture, blurred[2])
    assert ssim(picture, shifted) < ssim(picture, blurred[1])
