import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.evaluation.clips import PoseCache, listed_clips
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses


@pytest.fixture
def folder(tmp_path):
    rows = [f"{kind}/{i}.mp4,{split},{kind}" for i, split, kind in (
        (3, "val", "speech"), (1, "val", "speech"), (2, "val", "sign"), (4, "train", "sign"),
    )]  # fmt: skip
    (tmp_path / "clips.csv").write_text("\n".join(["file,split,kind", *rows]) + "\n")
    return tmp_path


def test_clips_are_sorted_and_chosen(folder):
    files = [clip.file for clip in listed_clips(folder, "val")]
    assert files == ["sign/2.mp4", "speech/1.mp4", "speech/3.mp4"]
    assert [clip.kind for clip in listed_clips(folder, "val", ("sign",))] == ["sign"]
    assert [clip.file for clip in listed_clips(folder, "val", limit=2)] == [files[0], files[2]]


def test_what_is_not_there_is_named(folder, tmp_path):
    with pytest.raises(InputError, match="'test' and kind any"):
        listed_clips(folder, "test")
    with pytest.raises(InputError, match=r"no .*clips\.csv"):
        listed_clips(tmp_path / "none", "val")


class Still:
    """Sees the same pose in every frame, and counts the videos it saw."""

    def __init__(self):
        self.seen = 0

    def track(self, frames, fps):
        self.seen += 1
        count = len(list(frames))
        return Poses(np.ones((count, layout.NUM_POINTS, 3)), (8, 8), fps)


def test_poses_are_estimated_once(tmp_path):
    estimator = Still()
    cache = PoseCache(tmp_path / "poses", lambda: estimator)
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    first = cache("speech/1.mp4", frames, 30)
    again = cache("speech/1.mp4", [], 30)
    assert estimator.seen == 1
    assert len(first) == len(again) == 3
    np.testing.assert_array_equal(first.points, again.points)
    PoseCache(None, lambda: estimator)("speech/1.mp4", frames, 30)
    assert estimator.seen == 2
