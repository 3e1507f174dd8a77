"""RTMPose through rtmlib with tiny models: pixels, colours, persons, tracking, errors."""

from pathlib import Path

import numpy as np
import pytest

from gesticulate.errors import UsageError, WeightsError
from gesticulate.keypoints import layout
from gesticulate.keypoints.onnx_models import onnx_device
from gesticulate.keypoints.person_detector import PersonDetector
from gesticulate.keypoints.rtmpose import RTMPoseEstimator

tiny = pytest.importorskip("tiny_onnx", reason="needs onnx (extra: test)")

RED, BLUE = (250, 20, 20), (20, 20, 250)
WHOLE = (tiny.SIDE / 2, tiny.SIDE / 2, tiny.SIDE, tiny.SIDE)


def picture(size: tuple[int, int], **squares: tuple[tuple[int, int], tuple[int, int, int]]):
    """[H, W, 3] grey, with 9 x 9 squares of a colour around a point."""
    frame = np.full((size[1], size[0], 3), 60, np.uint8)
    for (x, y), colour in squares.values():
        frame[y - 4 : y + 5, x - 4 : x + 5] = colour
    return frame


@pytest.fixture(scope="module")
def estimator(tmp_path_factory: pytest.TempPathFactory) -> RTMPoseEstimator:
    """Finds the reddest point of a picture that has anything bright in its blue channel."""
    folder = tmp_path_factory.mktemp("onnx")
    return RTMPoseEstimator(
        tiny.red_finder(folder / "pose.onnx"),
        tiny.detector(folder / "persons.onnx", WHOLE),
        device="cpu",
    )


@pytest.mark.parametrize("size", [(120, 120), (200, 90), (90, 200)])
def test_points_come_back_in_pixels_of_the_frame(estimator: RTMPoseEstimator, size):
    place = (int(size[0] * 0.4), int(size[1] * 0.6))
    frame = picture(size, red=(place, RED), blue=((12, 12), BLUE))
    persons = estimator.detect(frame)
    assert persons.shape == (1, layout.NUM_POINTS, 3)
    # A pixel of the input (with rtmlib's 25 % of padding) is this many of the frame.
    pixel = 1.25 * max(max(size) / tiny.HEIGHT, max(size) / tiny.WIDTH)
    assert np.abs(persons[0, :, :2] - place).max() <= 4 + pixel
    assert (persons[0, :, 2] > 0.3).all()


def test_the_pose_model_sees_red_as_red(estimator: RTMPoseEstimator):
    """With the channels swapped the brighter, larger blue square would win."""
    frame = picture((120, 120), red=((30, 40), (200, 40, 40)), blue=((90, 80), (0, 0, 255)))
    assert np.abs(estimator.detect(frame)[0, :, :2] - (30, 40)).max() < 9


def test_the_input_tensor_is_the_plainly_made_one(estimator: RTMPoseEstimator):
    """The tensor against a plain bilinear reading of the RGB picture, channel by channel."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (9, 7, 3))
    frame = np.kron(coarse, np.ones((20, 20, 1), int)).astype(np.uint8)
    box = np.array([20.0, 30.0, 110.0, 150.0])
    made, centre, scale = estimator._pose.preprocess(frame, box)
    assert centre == pytest.approx([65, 90])
    assert scale == pytest.approx([1.25 * 90, 1.25 * 120])

    mean, deviation = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    plain = np.zeros((tiny.HEIGHT, tiny.WIDTH, 3))
    for v in range(tiny.HEIGHT):
        for u in range(tiny.WIDTH):
            x = centre[0] + (u - tiny.WIDTH / 2) * scale[0] / tiny.WIDTH
            y = centre[1] + (v - tiny.HEIGHT / 2) * scale[1] / tiny.HEIGHT
            plain[v, u] = _bilinear(frame, x, y)
    plain = (plain - mean) / deviation
    # OpenCV keeps bilinear weights in five bits: half a step of 1/32 of 255, over the deviation.
    assert np.abs(made - plain).max() < 255 / 32 / 57
    assert np.abs(made - plain).mean() < 0.02


def _bilinear(frame: np.ndarray, x: float, y: float) -> np.ndarray:
    left, top = int(np.floor(x)), int(np.floor(y))
    total = np.zeros(3)
    for dy in (0, 1):
        for dx in (0, 1):
            if 0 <= top + dy < frame.shape[0] and 0 <= left + dx < frame.shape[1]:
                weight = (1 - abs(x - left - dx)) * (1 - abs(y - top - dy))
                total += weight * frame[top + dy, left + dx]
    return total


def test_the_detector_sees_blue_first(tmp_path: Path):
    """YOLOX takes BGR: its first channel is blue."""
    persons = PersonDetector(tiny.detector(tmp_path / "d.onnx", WHOLE, channel=0), "cpu")
    assert len(persons(picture((64, 64), blue=((30, 30), BLUE)))) == 1
    assert len(persons(picture((64, 64), red=((30, 30), RED)))) == 0


def test_only_persons_are_found(tmp_path: Path):
    cars = PersonDetector(tiny.detector(tmp_path / "d.onnx", WHOLE, category=2), "cpu")
    assert cars(picture((64, 64), blue=((30, 30), BLUE))).shape == (0, 4)


def test_boxes_come_back_in_pixels_of_the_frame(tmp_path: Path):
    frame = picture((256, 128), blue=((30, 30), BLUE))  # shrunk to a quarter
    plain = PersonDetector(tiny.detector(tmp_path / "d.onnx", (20, 16, 10, 20)), "cpu")
    assert plain(frame)[0] == pytest.approx([60, 24, 100, 104], abs=0.1)
    sorted_out = PersonDetector(tiny.detector_with_nms(tmp_path / "n.onnx", (15, 6, 25, 26)), "cpu")
    assert sorted_out(frame) == pytest.approx(np.array([[60, 24, 100, 104]]), abs=0.1)


def test_a_person_is_followed_and_lost(estimator: RTMPoseEstimator):
    places = [(40 + 2 * i, 60) for i in range(8)]
    frames = [picture((160, 120), red=(p, RED), blue=((12, 12), BLUE)) for p in places]
    frames.insert(4, picture((160, 120)))
    poses = estimator.track(iter(frames), fps=25.0)
    assert len(poses) == 9
    assert not poses.points[4].any()
    kept = np.delete(poses.xy, 4, axis=0)
    assert np.abs(kept - np.array(places)[:, None]).max() < 9


@pytest.mark.parametrize("points", [17, 134])
def test_a_model_of_other_points_is_refused(tmp_path: Path, points: int):
    path = tiny.red_finder(tmp_path / "pose.onnx", points)
    with pytest.raises(WeightsError, match=r"no whole-body SimCC model.*133"):
        RTMPoseEstimator(path, tiny.detector(tmp_path / "d.onnx", WHOLE))


def test_missing_and_damaged_files_are_named(tmp_path: Path):
    with pytest.raises(WeightsError, match=r"No ONNX model at .*nothing\.onnx"):
        RTMPoseEstimator(tmp_path / "nothing.onnx")
    (tmp_path / "damaged.onnx").write_bytes(b"not a model")
    with pytest.raises(WeightsError, match=r"damaged\.onnx cannot be loaded"):
        RTMPoseEstimator(tmp_path / "damaged.onnx")


def test_nothing_is_printed_on_loading(tmp_path: Path, capfd: pytest.CaptureFixture):
    PersonDetector(tiny.detector(tmp_path / "d.onnx", WHOLE), "cpu")
    assert capfd.readouterr().out == ""


def test_devices():
    assert onnx_device("cpu") == "cpu"
    assert onnx_device("auto") in ("cpu", "cuda")
    with pytest.raises(UsageError, match="Unknown device 'abacus'"):
        onnx_device("abacus")
