"""Photos taken apart and kept: used when they fit, and never when they are damaged."""

from dataclasses import replace

import numpy as np
import pytest

from gesticulate.errors import UsageError
from gesticulate.warping.layer_cache import PhotoPreparation, key, load_layers, save_layers
from gesticulate.warping.renderer import PuppetRenderer


@pytest.fixture
def points(drawn):
    return drawn.pose.points[0]


@pytest.fixture(scope="module")
def kept(drawn, tmp_path_factory):
    """A folder with the drawn person, taken apart."""
    folder = tmp_path_factory.mktemp("cache")
    PuppetRenderer(cache_dir=str(folder)).prepare(drawn.photo, drawn.pose)
    return folder


@pytest.fixture
def copied(kept, tmp_path):
    (entry,) = kept.iterdir()
    (tmp_path / entry.name).write_bytes(entry.read_bytes())
    return tmp_path / entry.name


def test_a_kept_photo_is_not_taken_apart_again(drawn, points, copied):
    marked = replace(load_layers(copied), background=np.zeros_like(drawn.photo))
    save_layers(copied, marked)
    layers = PhotoPreparation(cache_dir=copied.parent)(drawn.photo, points)
    assert not layers.background.any()


def test_it_gives_the_same_frames(drawn, kept):
    fresh, loaded = (
        next(PuppetRenderer(cache_dir=folder).prepare(drawn.photo, drawn.pose).render(drawn.pose))
        for folder in (None, kept)
    )
    assert np.array_equal(fresh, loaded)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_a_damaged_file_is_made_again(drawn, points, copied, share):
    good = copied.read_bytes()
    at = int(share * len(good))
    copied.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
    layers = PhotoPreparation(cache_dir=copied.parent)(drawn.photo, points)
    assert np.array_equal(load_layers(copied).background, layers.background)
    assert [path.name for path in copied.parent.iterdir()] == [copied.name]


def test_half_a_file_and_anothers_photo_are_made_again(drawn, points, copied):
    good = load_layers(copied)
    copied.write_bytes(copied.read_bytes()[:5000])
    prepared = PhotoPreparation(cache_dir=copied.parent)
    assert np.array_equal(prepared(drawn.photo, points).background, good.background)
    save_layers(copied, replace(good, photo=255 - good.photo))
    assert np.array_equal(prepared(drawn.photo, points).photo, drawn.photo)


def test_the_name_stands_for_photo_and_pose(drawn, points):
    photo = drawn.photo.copy()
    photo[0, 0, 0] ^= 1
    moved = points.copy()
    moved[0, 0] += 1e-3
    names = {key(drawn.photo, points), key(photo, points), key(drawn.photo, moved)}
    assert len(names) == 3
    assert key(drawn.photo.copy(), points.copy()) in names


def test_a_folder_that_cannot_be_written_to_is_no_error(drawn, points, tmp_path, caplog):
    (tmp_path / "file").touch()
    layers = PhotoPreparation(cache_dir=tmp_path / "file" / "cache")(drawn.photo, points)
    assert np.array_equal(layers.photo, drawn.photo)
    assert "cannot be kept" in caplog.text


def test_a_cache_of_ones_own_matting_is_refused():
    with pytest.raises(UsageError, match="cache_dir"):
        PuppetRenderer(matting="gesticulate.warping.matte:ModNet", cache_dir="cache")
