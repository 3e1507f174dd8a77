"""Photos of every kind become upright 8-bit RGB."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from gesticulate.errors import InputError
from gesticulate.video.photo import read_photo


@pytest.fixture
def picture() -> np.ndarray:
    """[80, 120, 3]: red grows to the right, green downwards."""
    y, x = np.mgrid[0:80, 0:120]
    return np.stack([x * 2, y * 3, np.full_like(x, 60)], -1).astype(np.uint8)


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def test_png_is_exact(tmp_path: Path, picture: np.ndarray) -> None:
    read = read_photo(save(tmp_path / "a.png", Image.fromarray(picture)))
    assert read.dtype == np.uint8
    assert np.array_equal(read, picture)
    assert read.flags.writeable


@pytest.mark.parametrize("suffix", ["jpg", "webp", "bmp", "tiff"])
def test_other_formats(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    read = read_photo(save(tmp_path / f"a.{suffix}", Image.fromarray(picture)))
    assert np.abs(read.astype(int) - picture).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, picture: np.ndarray, orientation: int) -> None:
    """The stored pixels are turned so that the mark turns them back."""
    back = {1: lambda p: p, 2: np.fliplr, 3: lambda p: np.rot90(p, 2), 4: np.flipud,
            5: lambda p: p.swapaxes(0, 1), 6: lambda p: np.rot90(p, 1),
            7: lambda p: np.rot90(p.swapaxes(0, 1), 2), 8: lambda p: np.rot90(p, -1)}  # fmt: skip
    stored = np.ascontiguousarray(back[orientation](picture))
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_photo(save(tmp_path / "a.png", Image.fromarray(stored), exif=exif))
    assert np.array_equal(read, picture)


def test_transparency_becomes_white(tmp_path: Path, picture: np.ndarray) -> None:
    alpha = np.full((80, 120), 255, np.uint8)
    alpha[:40], alpha[40:60] = 0, 128
    rgba = Image.fromarray(np.dstack([picture, alpha]))
    read = read_photo(save(tmp_path / "a.png", rgba))
    assert (read[:40] == 255).all()
    assert np.array_equal(read[60:], picture[60:])
    half = picture[40:60] * (128 / 255) + 255 * (127 / 255)
    assert np.abs(read[40:60] - half).max() <= 1


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (100, 100), 0)
    image.putpalette([0, 0, 0, 200, 30, 40] + [0] * 762)
    image.paste(1, (50, 0, 100, 100))
    read = read_photo(save(tmp_path / "a.png", image, transparency=0))
    assert (read[:, :50] == 255).all()
    assert (read[:, 50:] == (200, 30, 40)).all()


def test_16_bit_colour(tmp_path: Path, picture: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1].astype(np.uint16) * 257)
    assert np.abs(read_photo(tmp_path / "a.png").astype(int) - picture).max() <= 1


def test_16_bit_grey(tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 65535, 100).astype(np.uint16), (70, 1))
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    read = read_photo(tmp_path / "a.png")
    assert read.shape == (70, 100, 3)
    assert np.abs(read[0, :, 0] - grey[0] / 257).max() <= 1


def test_grey_cmyk_and_one_bit(tmp_path: Path, picture: np.ndarray) -> None:
    image = Image.fromarray(picture)
    grey = read_photo(save(tmp_path / "g.png", image.convert("L")))
    assert (grey[..., 0] == grey[..., 2]).all()
    assert np.abs(grey[..., 0].astype(int) - np.asarray(image.convert("L"))).max() == 0
    ink = read_photo(save(tmp_path / "c.tiff", image.convert("CMYK")))
    assert np.abs(ink.astype(int) - picture).mean() < 12
    assert set(np.unique(read_photo(save(tmp_path / "1.png", image.convert("1"))))) <= {0, 255}


def test_bad_files(tmp_path: Path, picture: np.ndarray) -> None:
    with pytest.raises(InputError, match="there is no photo"):
        read_photo(tmp_path / "missing.png")
    with pytest.raises(InputError, match="is a folder"):
        read_photo(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(InputError, match="is empty"):
        read_photo(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("hello" * 100)
    with pytest.raises(InputError, match="not a picture"):
        read_photo(tmp_path / "text.png")
    whole = save(tmp_path / "a.jpg", Image.fromarray(picture)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        read_photo(tmp_path / "cut.jpg")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    with pytest.raises(InputError, match="HEIC"):
        read_photo(tmp_path / "phone.heic")
    small = save(tmp_path / "small.png", Image.fromarray(picture[:50, :63]))
    with pytest.raises(InputError, match=r"63 x 50 pixels; at least 64"):
        read_photo(small)
