"""One contract for all pose estimators, and what `auto` takes."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from stage_contracts import check_estimator

from gesticulate.errors import InputError, UsageError
from gesticulate.examples import demo_photo
from gesticulate.keypoints import auto, layout
from gesticulate.keypoints.mediapipe import MediaPipeEstimator
from gesticulate.keypoints.mmpose import MMPoseEstimator
from gesticulate.keypoints.rtmpose import RTMPoseEstimator
from gesticulate.pipelines.stages import PoseEstimator

needs_mmpose = pytest.mark.skipif(find_spec("mmpose") is None, reason="extra mmpose not installed")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return demo_photo()


@pytest.fixture(scope="module")
def mediapipe() -> MediaPipeEstimator:
    return MediaPipeEstimator()


def _upright_person(tiny) -> np.ndarray:
    """[133, 2] whole pixels of the tiny pose model's input: a face from the front, and a body."""
    centre = np.array([tiny.WIDTH, tiny.HEIGHT]) // 2
    rng = np.random.default_rng(0)
    xy = centre + rng.integers(-10, 10, (layout.NUM_POINTS, 2))
    face = xy[layout.FACE]
    face[layout.FACE_RIGHT_EYE] = centre + np.array([-4, -10])
    face[layout.FACE_LEFT_EYE] = centre + np.array([4, -10])
    face[layout.FACE_LEFT_BROW] = centre + np.array([4, -13])
    face[layout.FACE_RIGHT_BROW] = centre + np.array([-4, -13])
    face[layout.FACE_CHIN] = centre
    return xy


@pytest.fixture(scope="module")
def rtmpose(tmp_path_factory: pytest.TempPathFactory) -> RTMPoseEstimator:
    tiny = pytest.importorskip("tiny_onnx", reason="needs onnx (extra: test)")
    folder = tmp_path_factory.mktemp("onnx")
    return RTMPoseEstimator(
        tiny.fixed_pose(folder / "pose.onnx", _upright_person(tiny)),
        # Grey 127 and the grey of the padding are nobody.
        tiny.detector(folder / "persons.onnx", (tiny.SIDE / 2,) * 2 + (tiny.SIDE,) * 2),
        device="cpu",
    )


@pytest.fixture
def estimator(request: pytest.FixtureRequest) -> PoseEstimator:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("estimator", ["mediapipe", "rtmpose"], indirect=True)
def test_contract(estimator: PoseEstimator, photo: np.ndarray):
    check_estimator(estimator, photo)


@pytest.mark.parametrize("estimator", ["mediapipe", "rtmpose"], indirect=True)
@pytest.mark.parametrize(
    "wrong",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)],
)
def test_what_is_no_picture_is_refused(estimator: PoseEstimator, wrong: np.ndarray):
    with pytest.raises(InputError, match="A picture must"):
        estimator.detect(wrong)


@pytest.mark.skipif(find_spec("mmpose") is not None, reason="extra mmpose is installed")
def test_mmpose_without_its_extra_says_how_to_install_it():
    with pytest.raises(UsageError, match=r"pip install 'gesticulate\[mmpose\]'"):
        MMPoseEstimator("config.py", "weights.pth")


def test_auto_without_network_takes_mediapipe_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    estimator, statement = auto.auto("cpu")
    assert isinstance(estimator, MediaPipeEstimator)
    assert statement.startswith("Poses by MediaPipe: RTMPose's weights are not here")
    assert "\n" not in statement


def test_auto_takes_rtmpose_where_its_weights_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The registry is given tiny models under the real names."""
    import hashlib
    import json

    from gesticulate import weights

    tiny = pytest.importorskip("tiny_onnx", reason="needs onnx (extra: test)")
    pose = tiny.fixed_pose(tmp_path / "pose.onnx", _upright_person(tiny))
    persons = tiny.detector(tmp_path / "persons.onnx", (32, 32, 64, 64))
    rows = {
        name: {
            "file": path.name,
            "what": "tiny",
            "licence": "Apache-2.0",
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for name, path in zip(auto.NEEDED_WEIGHTS, (pose, persons), strict=True)
    }
    (tmp_path / "manifest.json").write_text(json.dumps(rows))
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    estimator, statement = auto.auto("cpu")
    assert isinstance(estimator, RTMPoseEstimator)
    assert statement == "Poses by RTMPose: its weights are at hand."
