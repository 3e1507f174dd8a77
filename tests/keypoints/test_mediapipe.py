"""MediaPipe on photos and video: several persons, sizes, hands, following, a quiet stderr."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from gesticulate.examples import demo_photo
from gesticulate.keypoints import layout
from gesticulate.keypoints.mediapipe import MediaPipeEstimator


@pytest.fixture(scope="module")
def estimator() -> MediaPipeEstimator:
    return MediaPipeEstimator()


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return demo_photo()


@pytest.fixture(scope="module")
def person(estimator: MediaPipeEstimator, photo: np.ndarray) -> np.ndarray:
    """[133, 3]: the one person of the photo."""
    persons = estimator.detect(photo)
    assert len(persons) == 1
    return persons[0]


def face_width(person: np.ndarray) -> float:
    return float(np.ptp(person[layout.FACE, 0]))


def test_the_face_is_where_it_is(person: np.ndarray):
    # Read off the enlarged photo by eye.
    face = person[layout.FACE, :2]
    for seen, place in (
        (face[layout.FACE_RIGHT_EYE].mean(axis=0), (203, 101)),
        (face[layout.FACE_LEFT_EYE].mean(axis=0), (246, 103)),
        (face[layout.FACE_NOSE_TIP], (223, 127)),
        (face[layout.FACE_OUTER_LIPS][0], (203, 140)),
        (face[layout.FACE_OUTER_LIPS][6], (245, 140)),
        (face[layout.FACE_CHIN], (225, 178)),
    ):
        assert np.linalg.norm(seen - place) < 5


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_any_size_gives_the_same_person(estimator, photo, person, scale: float):
    seen = estimator.detect(cv2.resize(photo, None, fx=scale, fy=scale))
    assert len(seen) == 1
    back = (seen[0, layout.FACE, :2] + 0.5) / scale - 0.5
    apart = np.linalg.norm(back - person[layout.FACE, :2], axis=1)
    assert apart.mean() < 0.03 * face_width(person)


def test_a_small_person_in_a_wide_picture_is_found(estimator, photo, person):
    frame = np.full((600, 1600, 3), 90, np.uint8)
    frame[300:556, 1200:1456] = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA)
    (seen,) = estimator.detect(frame)
    expected = (person[layout.FACE, :2] + 0.5) / 2 - 0.5 + (1200, 300)
    apart = np.linalg.norm(seen[layout.FACE, :2] - expected, axis=1)
    assert apart.mean() < 0.05 * face_width(person) / 2


@pytest.mark.parametrize(
    ("size", "corner"), [((4000, 300), (3100, 20)), ((3000, 2400), (900, 1500))]
)
def test_a_far_person_in_a_large_picture_is_found(estimator, photo, person, size, corner):
    frame = np.full((size[1], size[0], 3), 90, np.uint8)
    left, top = corner
    frame[top : top + 256, left : left + 256] = cv2.resize(photo, (256, 256))
    (seen,) = estimator.detect(frame)
    expected = (person[layout.FACE, :2] + 0.5) / 2 - 0.5 + corner
    apart = np.linalg.norm(seen[layout.FACE, :2] - expected, axis=1)
    assert apart.mean() < 0.1 * face_width(person) / 2


def test_two_persons_largest_face_first(estimator, photo):
    small = cv2.resize(photo, (300, 300), interpolation=cv2.INTER_AREA)
    frame = np.full((512, 900, 3), 90, np.uint8)
    frame[:300, :300], frame[:, 388:] = small, photo
    persons = estimator.detect(frame)
    assert len(persons) == 2
    assert persons[0, layout.NOSE, 0] > 388
    assert persons[1, layout.NOSE, 0] < 300
    assert face_width(persons[0]) > face_width(persons[1])


def test_following_keeps_to_the_person_that_was_largest(estimator, photo):
    """The other person becomes the larger one, and the first moves: it is still followed."""
    frames = []
    for step in range(6):
        frame = np.full((512, 1000, 3), 90, np.uint8)
        left, right = 380 - 16 * step, 330 + 16 * step
        frame[:left, :left] = cv2.resize(photo, (left, left), interpolation=cv2.INTER_AREA)
        frame[:right, 500 : 500 + right] = cv2.resize(photo, (right, right))
        frames.append(frame)
    poses = estimator.track(iter(frames), fps=25.0)
    assert poses.size == (1000, 512)
    assert (poses.confidence[:, layout.NOSE] > 0).all()
    assert (poses.xy[:, layout.NOSE, 0] < 400).all()
    assert face_width(poses.points[-1]) < face_width(poses.points[0])


def test_an_empty_frame_within_a_video_is_all_zero(estimator, photo):
    frames = [photo, np.full_like(photo, 127), photo]
    poses = estimator.track(frames, fps=25.0)
    assert not poses.points[1].any()
    assert poses.confidence[[0, 2]][:, layout.FACE].all()


def test_stderr_stays_quiet():
    code = (
        "from gesticulate.examples import demo_photo\n"
        "from gesticulate.keypoints.mediapipe import MediaPipeEstimator\n"
        "import sys\n"
        "estimator, photo = MediaPipeEstimator(), demo_photo()\n"
        "estimator.detect(photo)\n"
        "estimator.track([photo, photo[::-1].copy(), photo], 25.0)\n"
        "print('still here', file=sys.stderr)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stderr.strip() == "still here"


def test_importing_is_light():
    code = "import sys, gesticulate.keypoints.mediapipe; print('mediapipe' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("halfbody-024db753", True, True),
        ("halfbody-ea6a8a60", True, True),  # the whole-picture tracker misses the left hand
        ("halfbody-19f93b7a", False, False),  # hands behind the back
    ],
)
def test_hands_on_real_photos(estimator, data_dir, name: str, left: bool, right: bool):
    photo = cv2.imread(str(data_dir / "photos" / f"{name}.jpg"))[..., ::-1]
    (person,) = estimator.detect(np.ascontiguousarray(photo))
    for part, wrist, expected in (
        ("left_hand", layout.LEFT_WRIST, left),
        ("right_hand", layout.RIGHT_WRIST, right),
    ):
        hand = person[layout.PARTS[part]]
        assert bool(hand[:, 2].all()) == expected
        if expected:
            assert np.array_equal(hand[0, :2], person[wrist, :2])
    assert person[layout.LEFT_SHOULDER, 0] > person[layout.RIGHT_SHOULDER, 0]


def test_tracking_many_videos_keeps_no_graphs(estimator, photo):
    """A graph is never wholly given back: one a video would be 200 MB and two threads each."""
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("needs /proc to count native threads")

    def threads() -> int:
        (line,) = (x for x in status.read_text().splitlines() if x.startswith("Threads:"))
        return int(line.split()[1])

    estimator.track([photo], fps=25.0)
    before = threads()
    for _ in range(3):
        estimator.track([photo], fps=25.0)
    assert threads() <= before
