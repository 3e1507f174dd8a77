"""FID and FVD: known features, and the networks where they were fetched."""

import io
import pickle

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gesticulate.errors import WeightsError
from gesticulate.evaluation.fid import Inception, fid
from gesticulate.evaluation.fvd import VideoFeatures, fvd
from gesticulate.evaluation.i3d import I3d, SameConv, same_padding
from gesticulate.evaluation.packaged import load_arrays
from gesticulate.evaluation.picture_networks import cached_path, convert_i3d


def test_distances_of_known_features():
    features = np.random.default_rng(0).normal(size=(50, 6))
    for distance in (fid, fvd):
        assert distance(features, features) == pytest.approx(0, abs=1e-9)
        assert distance(features, features + np.array([3, 4, 0, 0, 0, 0])) == pytest.approx(25)


def test_a_missing_network_says_how_to_fetch_it(tmp_path):
    with pytest.raises(WeightsError, match="picture_networks"):
        Inception(tmp_path / "none.pt")
    with pytest.raises(WeightsError, match="47 MB"):
        VideoFeatures(tmp_path / "none.safetensors")


def test_a_pickle_of_more_than_arrays_is_refused():
    assert load_arrays(io.BytesIO(pickle.dumps({"a": 1}))) == {"a": 1}
    with pytest.raises(WeightsError, match="arrays only"):
        load_arrays(io.BytesIO(pickle.dumps(io.BytesIO)))


def test_same_padding_is_tensorflows():
    # 224 with kernel 7 and stride 2 -> 112: five missing, two before and three behind.
    x = torch.zeros(1, 1, 16, 224, 9)
    assert same_padding(x, (7, 7, 3), (2, 2, 1)) == [1, 1, 2, 3, 2, 3]


def test_batch_norms_are_folded_into_the_convolutions():
    random = np.random.default_rng(0)
    kernel = random.normal(size=(1, 3, 3, 4, 5)).astype(np.float32)
    mean, var, bias = random.normal(size=5), random.uniform(0.5, 2, 5), random.normal(size=5)
    norm = {"mean": mean.reshape(1, 1, 1, 1, 5), "var": var.reshape(1, 1, 1, 1, 5)}
    state = convert_i3d(
        {
            "params": {"M": {"B/c": {"Conv_0": {"kernel": kernel}, "BatchNorm_0": {"bias": bias}}}},
            "batch_stats": {"M": {"B/c": {"BatchNorm_0": norm}}},
        }
    )
    assert set(state) == {"M.B_c.weight", "M.B_c.bias"}
    x = torch.randn(1, 4, 2, 6, 6)
    plain = F.conv3d(F.pad(x, [1, 1, 1, 1]), torch.from_numpy(kernel).permute(4, 3, 0, 1, 2))
    shape = (1, 5, 1, 1, 1)
    mean, var, bias = (torch.from_numpy(v).float().reshape(shape) for v in (mean, var, bias))
    expected = F.relu((plain - mean) / (var + 1e-3).sqrt() + bias)
    conv = SameConv(4, 5, (1, 3, 3))
    conv.load_state_dict({n.rpartition(".")[2]: torch.from_numpy(v) for n, v in state.items()})
    torch.testing.assert_close(conv(x), expected, rtol=1e-4, atol=1e-5)


def test_i3d_takes_clips_of_ten_frames():
    with torch.inference_mode():
        assert I3d()(torch.zeros(1, 3, 10, 224, 224)).shape == (1, 400)


@pytest.mark.skipif(not cached_path("i3d").is_file(), reason="I3D was not fetched")
def test_videos_become_a_row_for_every_whole_clip():
    frames = np.random.default_rng(0).integers(0, 256, (33, 96, 64, 3), dtype=np.uint8)
    found = VideoFeatures().features(iter(frames))
    assert found.shape == (2, 400)
    assert np.isfinite(found).all()


@pytest.mark.skipif(not cached_path("inception").is_file(), reason="Inception was not fetched")
def test_pictures_become_features():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 96, 64, 3), dtype=np.uint8)
    found = Inception().features([*pictures, pictures[0]])
    assert found.shape == (4, 2048)
    np.testing.assert_allclose(found[0], found[3], rtol=1e-4, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 0.01
