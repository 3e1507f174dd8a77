"""Photos of every kind become upright 8-bit RGB."""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from gesticulate.errors import InputError
from gesticulate.video import photo as photo_module
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


# Primaries as x, y of red, green, blue, all with the white D65, and the exponent of the curve.
SPACES = {
    "AdobeRGB": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), 2.19921875),
    "P3": ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), 2.2),
    "sRGB's": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), 1.0),
}


def to_xyz(space: str) -> np.ndarray:
    """[3, 3] linear RGB -> XYZ, whose white is D65."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in SPACES[space][:3]]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    return columns * np.linalg.solve(columns, white)


def profile(space: str) -> bytes:
    """An ICC profile (version 2, matrix and curves) of an RGB space, written by hand: its colorants
    are adapted from D65 to D50 (Bradford), as the ICC demands."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367],
                         [0.0389, -0.0685, 1.0296]])  # fmt: skip
    d65, d50 = np.array([0.95047, 1, 1.08883]), np.array([0.9642, 1, 0.8249])
    adapt = np.linalg.inv(bradford) @ np.diag(bradford @ d50 / (bradford @ d65)) @ bradford
    colorants = (adapt @ to_xyz(space)).T

    def xyz(value):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *np.rint(np.array(value) * 65536).astype(int))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(SPACES[space][3] * 256)) + b"\0\0"
    text = f"Test {space[:4]}".replace("sRGB", "linear").encode() + b"\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    name += bytes(-len(name) % 4)
    tags = {b"desc": name, b"wtpt": xyz(d50), b"cprt": b"text\0\0\0\0none" + bytes(4)}
    for letter, colorant in zip(b"rgb", colorants, strict=True):
        tags[bytes([letter]) + b"XYZ"] = xyz(colorant)
        tags[bytes([letter]) + b"TRC"] = curve
    at, table, body = 132 + 12 * len(tags), b"", b""
    for key, value in tags.items():
        table += key + struct.pack(">II", at + len(body), len(value))
        body += value
    head = bytearray(128)
    head[:4] = struct.pack(">I", at + len(body))
    head[8:12], head[12:24] = b"\2\x20\0\0", b"mntrRGB XYZ "
    head[36:40], head[68:80] = b"acsp", struct.pack(">3i", 63190, 65536, 54061)
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def as_srgb(codes: np.ndarray, space: str) -> np.ndarray:
    """[..., 3] 0..255 in a space -> in sRGB."""
    linear = (codes / 255) ** (round(SPACES[space][3] * 256) / 256)
    linear = np.clip(linear @ (np.linalg.inv(to_xyz("sRGB's")) @ to_xyz(space)).T, 0, 1)
    return 255 * np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("space", ["AdobeRGB", "P3"])
@pytest.mark.parametrize("alpha", [False, True])
def test_profiles_are_converted_to_srgb(tmp_path: Path, space: str, alpha: bool) -> None:
    rng = np.random.default_rng(0)
    # Colours that sRGB has: of others each converter makes its own.
    codes = np.repeat(np.repeat(rng.integers(80, 160, (8, 8, 3)), 8, 0), 8, 1).astype(np.uint8)
    image = Image.fromarray(
        np.dstack([codes, np.full((64, 64), 255, np.uint8)]) if alpha else codes
    )
    read = read_photo(save(tmp_path / "a.png", image, icc_profile=profile(space)))
    expected = as_srgb(codes, space)
    assert np.abs(expected - codes).max() > 4
    assert np.abs(read - expected).max() <= 1.6


def test_grey_and_srgb_profiles(tmp_path: Path, picture: np.ndarray, caplog) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    read = read_photo(save(tmp_path / "a.png", Image.fromarray(picture), icc_profile=srgb))
    assert np.array_equal(read, picture)
    lab = Image.fromarray(picture).convert("RGB")
    lab = ImageCms.profileToProfile(
        lab, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    read = read_photo(save(tmp_path / "lab.tiff", lab))
    assert np.abs(read.astype(int) - picture).mean() < 3
    assert not caplog.text


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_damaged_or_foreign_profile_is_left_out_with_a_word(tmp_path, picture, caplog, mode):
    image = Image.fromarray(picture).convert(mode)
    for data in (b"no profile at all" * 20, profile("P3")[:200]):
        read = read_photo(save(tmp_path / "a.tiff", image, icc_profile=data))
        assert np.array_equal(read, np.asarray(image.convert("RGB")))
        assert "colour profile" in caplog.text
        caplog.clear()


def test_damaged_exif_is_ignored(tmp_path, picture):
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 1
    Image.fromarray(picture).save(stream, "jpeg", exif=exif)
    data = bytearray(stream.getvalue())
    at = data.index(b"Exif\0\0") + 6
    plain = read_photo(save(tmp_path / "plain.jpg", Image.fromarray(picture)))
    for change in (b"XX", b"\xff" * 14, b"II*\0\xff\xff\xff\x7f"):
        data[at : at + len(change)] = change
        (tmp_path / "a.jpg").write_bytes(data)
        assert np.array_equal(read_photo(tmp_path / "a.jpg"), plain)


def test_of_an_animation_the_first_picture_is_taken_with_a_word(tmp_path, picture, caplog):
    first, second = Image.fromarray(picture), Image.fromarray(255 - picture)
    path = save(tmp_path / "a.webp", first, save_all=True, append_images=[second], lossless=True)
    assert np.array_equal(read_photo(path), picture)
    assert "first picture" in caplog.text


def test_too_many_pixels(tmp_path, monkeypatch):
    """A header that says so is enough; nothing as large is decoded."""
    data = bytearray(save(tmp_path / "a.bmp", Image.new("RGB", (80, 80))).read_bytes())
    for side in (14_000, 40_000):
        data[18:26] = struct.pack("<ii", side, side)
        (tmp_path / "huge.bmp").write_bytes(data)
        with pytest.raises(InputError, match=r"more than 170 million pixels.*Scale it down"):
            read_photo(tmp_path / "huge.bmp")
    assert photo_module._MAX_PIXELS < 2 * Image.MAX_IMAGE_PIXELS
