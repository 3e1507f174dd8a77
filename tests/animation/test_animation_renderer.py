"""The diffusion renderer at tiny size: contract, sizes, what stays the photo's, memory, devices."""

import copy

import cv2
import numpy as np
import pytest
import torch
from drawn_person import draw_person
from nod_generator import NodGenerator
from stage_contracts import check_renderer

from gesticulate import examples
from gesticulate.animation import renderer as animation_renderer
from gesticulate.animation.checkpoint import save_animation
from gesticulate.animation.renderer import AnimationRenderer, DrawnPoses
from gesticulate.animation.sampling import Sampling
from gesticulate.errors import UsageError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.gesture_video import GestureVideoPipeline
from gesticulate.pipelines.options import Settings
from gesticulate.pipelines.plan import plan
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.track import SAMPLE_RATE, Speech

FEW = Sampling(steps=2, guidance=1.5, window=4, overlap=1)


@pytest.fixture
def renderer(network, coders):
    return AnimationRenderer(
        sampling=FEW, size=64, device="cpu", network=copy.deepcopy(network), coders=coders
    )


def test_contract(renderer, drawn):
    check_renderer(renderer, drawn.photo, drawn.pose)


@pytest.mark.parametrize("size", [(240, 260), (150, 333), (400, 231)])
def test_any_size_goes_in_and_comes_out(renderer, size, raised):
    person = draw_person(*size)
    frames = list(renderer.prepare(person.photo, person.pose).render(raised(person.pose, 6)))
    assert [frame.shape for frame in frames] == [(size[1], size[0], 3)] * 6
    assert not np.array_equal(frames[-1], person.photo)


def test_background_that_nothing_moves_over_stays_the_photos(renderer, drawn, raised):
    frames = list(renderer.prepare(drawn.photo, drawn.pose).render(raised(drawn.pose, 5)))
    far = cv2.dilate((drawn.matte > 0.05).astype(np.uint8), np.ones((91, 91))) == 0
    assert far.mean() > 0.05
    for frame in frames:
        assert np.array_equal(frame[far], drawn.photo[far])


def test_a_still_person_is_the_photo(renderer, drawn):
    poses = Poses(np.repeat(drawn.pose.points, 3, axis=0), drawn.pose.size)
    for frame in renderer.prepare(drawn.photo, drawn.pose).render(poses):
        assert np.array_equal(frame, drawn.photo)


def test_the_seed_tells_the_frames(network, coders, drawn, raised):
    def first(seed: int) -> np.ndarray:
        renderer = AnimationRenderer(
            sampling=FEW, size=64, seed=seed, device="cpu", network=network, coders=coders
        )
        return next(renderer.prepare(drawn.photo, drawn.pose).render(raised(drawn.pose, 5)))

    assert np.array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_beside_a_gpu_threads_give_the_same_frames_in_order(renderer, drawn, raised):
    """They draw skeletons and put frames together while it computes."""
    poses = raised(drawn.pose, 9)
    alone = list(renderer.prepare(drawn.photo, drawn.pose).render(poses))
    renderer.workers = 3
    together = list(renderer.prepare(drawn.photo, drawn.pose).render(poses))
    assert np.array_equal(alone, together)


def test_a_gpus_precision_draws_nearly_the_same(network, coders, drawn, monkeypatch, raised):
    """bfloat16 networks between float16 coders, as `precision` has it for CUDA."""
    frames = []
    for types in ((torch.float32, torch.float32), (torch.bfloat16, torch.float16)):
        monkeypatch.setattr(animation_renderer, "precision", lambda device, types=types: types)
        own = AnimationRenderer(
            sampling=FEW, size=64, device="cpu", network=copy.deepcopy(network),
            coders=copy.deepcopy(coders),
        )  # fmt: skip
        assert (own.dtype, own.coded) == types
        made = own.prepare(drawn.photo, drawn.pose).render(raised(drawn.pose, 5))
        frames.append(np.stack(list(made)).astype(int))
    apart = np.abs(frames[0] - frames[1])
    assert 0 < apart.max() < 40
    assert apart.mean() < 1


def test_low_memory_gives_the_same_frames(network, coders, drawn, raised):
    def frames(low_memory: bool) -> np.ndarray:
        renderer = AnimationRenderer(
            sampling=FEW, size=64, low_memory=low_memory, device="cpu",
            network=copy.deepcopy(network), coders=copy.deepcopy(coders),
        )  # fmt: skip
        return np.stack(
            list(renderer.prepare(drawn.photo, drawn.pose).render(raised(drawn.pose, 7)))
        )

    apart = np.abs(frames(True).astype(int) - frames(False).astype(int))
    assert apart.max() <= 1


def test_frames_come_before_the_last_pose_is_drawn(renderer, drawn, monkeypatch, raised):
    """A stream: what is drawn and held does not grow with the length."""
    asked, held = [], []
    call = DrawnPoses.__call__

    def noted(self, span):
        asked.append(span[1])
        made = call(self, span)
        held.append(len(self._drawn))
        return made

    monkeypatch.setattr(DrawnPoses, "__call__", noted)
    frames = renderer.prepare(drawn.photo, drawn.pose).render(raised(drawn.pose, 40))
    next(frames)
    assert max(asked) < 24
    for _ in range(20):
        next(frames)
    assert max(held) < 24


def test_the_command_lines_wishes_reach_the_stage(network, coders, tmp_path):
    """As a preset chooses it, with --device and --low-memory."""
    save_animation(tmp_path / "tiny.safetensors", network, coders)
    preset = tmp_path / "mine.yaml"
    preset.write_text(
        "# Tiny.\nestimator: {name: mediapipe}\nspeech: {name: mel}\nmotion: {name: contextual}\n"
        "renderer:\n  name: animation\n  options:\n"
        f"    weights: {tmp_path / 'tiny.safetensors'}\n    size: 64\n"
        "    sampling: {steps: 3, guidance: 1, window: 4, overlap: 1}\n"
    )
    pipeline = GestureVideoPipeline.from_preset(
        preset, device="cpu", low_memory=True, estimator=object(), motion=NodGenerator()
    )
    renderer = pipeline.renderer
    assert isinstance(renderer, AnimationRenderer)
    assert renderer.low_memory
    assert renderer.device.type == "cpu"
    assert renderer.sampling == Sampling(steps=3, guidance=1, window=4, overlap=1)


@pytest.mark.parametrize("name", ["animate-anyone", "animate-anyone-fast"])
def test_a_dry_run_tells_of_the_weights_and_the_gpu(name, drawn, tmp_path):
    settings = Settings(preset=name)
    told = plan(drawn.photo, examples.demo_speech(), tmp_path / "a.mp4", settings)
    assert told.time is None
    text = told.text()
    assert "fetched from the Hugging Face hub" in text
    assert "gesticulate convert animation" in text
    assert "the renderer needs one" in text


def test_a_dry_run_knows_files_and_folders_of_ones_own(drawn, tmp_path):
    (tmp_path / "here").mkdir()
    for weights, said in (
        (tmp_path / "here", f"{tmp_path / 'here'}\n"),
        (tmp_path / "gone", f"{tmp_path / 'gone'} (missing)"),
        (tmp_path / "gone.safetensors", "gone.safetensors (missing)"),
    ):
        preset = tmp_path / "mine.yaml"
        preset.write_text(
            "estimator: {name: mediapipe}\nspeech: {name: mel}\nmotion: {name: contextual}\n"
            f"renderer: {{name: animation, options: {{weights: {weights}}}}}\n"
        )
        settings = Settings(preset=str(preset))
        told = plan(drawn.photo, examples.demo_speech(), tmp_path / "a.mp4", settings)
        assert said in told.text()


def test_windows_longer_than_the_weights_know_are_refused(network, coders):
    with pytest.raises(UsageError, match="window is 24"):
        AnimationRenderer(sampling=Sampling(), device="cpu", network=network, coders=coders)


class Stranger(NodGenerator):
    """Moves like somebody with arms half as long again and a larger face."""

    def generate(self, speech, reference, **options):
        motion = super().generate(speech, reference, **options)
        motion.points[1:, layout.MOTION_ARMS] *= 1.5
        motion.points[1:, layout.MOTION_FACE] *= 1.5
        return motion


@pytest.mark.parametrize("generator", [NodGenerator(), Stranger()])
def test_the_pipeline_hands_it_poses_of_the_photos_own_bones(generator, network, coders):
    """Whatever the motion, the skeletons it draws fit the photo: retargeting is the pipeline's."""
    person = draw_person(256, 272)
    seen = []

    class Known:
        """Finds the drawn person."""

        name = "known"

        def detect(self, frame):
            return person.pose.scaled((frame.shape[1], frame.shape[0])).points

        def track(self, frames, fps):
            raise NotImplementedError

    class Noted(AnimationRenderer):
        def prepare(self, photo, photo_pose):
            seen.append(photo_pose)
            return super().prepare(photo, photo_pose)

    renderer = Noted(sampling=FEW, size=64, device="cpu", network=network, coders=coders)
    pipeline = GestureVideoPipeline(Known(), MelEncoder(), generator, renderer)
    speech = Speech(np.zeros(int(0.4 * SAMPLE_RATE), np.float32))
    video = pipeline(person.photo, speech)
    assert len(list(video.frames)) == 10
    (photo_pose,), poses = seen, video.poses
    assert np.allclose(poses.points[0], photo_pose.points[0], atol=1e-3)

    def bone(points, a, b):
        return np.linalg.norm(points[..., a, :2] - points[..., b, :2], axis=-1)

    for a, b in ((6, 8), (8, 10), (5, 7), (7, 9)):
        own = bone(photo_pose.points[0], a, b)
        # Arms may look shorter, turned towards the camera, and a little longer than in the photo.
        assert (bone(poses.points, a, b) <= 1.2 * own).all()
    cheeks = layout.FACE.start, layout.FACE.start + 16
    wide = bone(poses.points, *cheeks) / bone(photo_pose.points[0], *cheeks)
    # The head leans forward by a tenth at the most.
    assert np.abs(wide - 1).max() < 0.12
