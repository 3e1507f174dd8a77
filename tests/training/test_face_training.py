"""The face's refiner learns at tiny size, on a drawn face that opens its mouth."""

import json

import numpy as np
import pytest
import torch
from drawn_person import draw_person

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.refinement.face.network import (
    FaceRefinerOptions,
    RegionOptions,
    load_face_refiner,
)
from gesticulate.training.face import surroundings, train_face
from gesticulate.training.face_data import FacePairStream, face_clips
from gesticulate.training.face_options import FaceLosses, FaceTraining
from gesticulate.training.face_reader import SCALE, misreading, train_reader
from gesticulate.training.options import LoopOptions

TINY = FaceRefinerOptions(
    RegionOptions(48, (8, 8, 16), (8, 8, 16), 8, 1), RegionOptions(48, (8, 8, 8), (8, 8, 8), 8, 1)
)
FRAMES = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two clips, one a split, whose lower lip and chin go down and up."""
    root = tmp_path_factory.mktemp("faces")
    drawn = draw_person(300, 320)
    face = drawn.pose.points[0, layout.FACE, :2]
    for name, split in (("a", "train"), ("b", "val")):
        points = np.repeat(face[None], FRAMES, 0).astype(np.float32)
        frames = np.repeat(drawn.photo[None], FRAMES, 0).copy()
        for i in range(FRAMES):
            down = 6 * (1 + np.sin(i / 2))
            points[i, [6, 7, 8, 9, 10, 55, 56, 57, 58, 59, 65, 66, 67], 1] += down
            x, y = face[66].astype(int)
            frames[i, y : y + int(down) + 1, x - 10 : x + 10] = 20
        (root / name).mkdir()
        np.save(root / name / "frames.npy", frames)
        np.savez(root / name / "landmarks.npz", points=points, confidence=np.ones(FRAMES))
        (root / name / "split").write_text(split)
    return root


def stream(folder, **options) -> FacePairStream:
    return FacePairStream(face_clips(folder, "train"), "mouth", 48, 4, 0, **options)


def test_a_frame_drawn_from_itself_is_itself(folder):
    pairs = stream(folder, augment=False)
    pair = pairs.made(pairs.clips[0], 5, 5, [], np.random.default_rng(0))
    # Lips that touch are kept a little apart, which shows in the pixels along them.
    off = (pair.prior - pair.target).abs()
    assert off.mean() < 2e-3
    assert (off < 0.03).float().mean() > 0.99
    torch.testing.assert_close(pair.photos[:, 0], pair.target, atol=1e-6, rtol=0)
    torch.testing.assert_close(pair.between, pair.between_rest, atol=0.3, rtol=0)


def test_a_batch_is_a_function_of_its_number(folder):
    first, again, other = stream(folder)[3], stream(folder)[3], stream(folder)[4]
    torch.testing.assert_close(first.prior, again.prior)
    assert first.prior.shape == (4, 3, 48, 48)
    assert not torch.equal(first.target, other.target)


def test_wide_open_mouths_are_drawn_as_often_as_shut_ones(folder):
    pairs = stream(folder, augment=False)
    found = torch.cat([pairs[i].opening[:, 0] for i in range(30)])
    assert (found > found.max() * 0.6).float().mean() > 0.25


def test_what_counts_most_is_about_the_opening(folder):
    pairs = stream(folder, augment=False)[0]
    near = surroundings(pairs)
    assert near.shape == (4, 1, 48, 48)
    assert (near[pairs.between > 0.99] > 0.99).all()
    assert near.mean() < 0.6


def test_the_reader_learns_to_read(folder):
    pairs = stream(folder)
    before = misreading(train_reader(pairs, 0), pairs[99].target, pairs[99].opening)
    after = misreading(train_reader(pairs, 60), pairs[99].target, pairs[99].opening)
    assert after < 0.7 * before
    assert len(SCALE) == 2


@pytest.mark.parametrize("region", ["mouth", "eye"])
def test_it_trains_and_resumes(folder, tmp_path, region):
    def run(steps: int):
        return train_face(
            FaceTraining(
                folder,
                LoopOptions(tmp_path, steps=steps, batch=2, warmup=1, ema=0.5, validate_every=2,
                            checkpoint_every=2),
                region=region, networks=TINY, reader_steps=2, workers=0, val_pairs=8,
                losses=FaceLosses(perceptual=0, adversarial_from=1),
            )
        )  # fmt: skip

    run(2)
    path = run(4)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert "critic_right" in lines[1]["train"]
    assert "prior_loss" in lines[1]["val"]
    network = load_face_refiner(path).region("mouth" if region == "mouth" else "right_eye")
    assert network.leave.weight.abs().max() > 0
    assert (tmp_path / "sheets" / "step-000004.png").exists()


def test_a_folder_without_faces_is_named(tmp_path):
    with pytest.raises(InputError, match="no clip of talking faces"):
        face_clips(tmp_path, "train")
