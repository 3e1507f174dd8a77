"""The diffusion renderer at tiny size: contract, sizes, what stays the photo's, memory, devices."""

import copy
import re

import cv2
import numpy as np
import pytest
import torch
from drawn_person import draw_person
from nod_generator import NodGenerator
from stage_contracts import check_renderer

from gesticulate import examples
from gesticulate.animation import memory
from gesticulate.animation import renderer as animation_renderer
from gesticulate.animation.checkpoint import save_animation
from gesticulate.animation.crop import crop_for
from gesticulate.animation.networks import FULL
from gesticulate.animation.region import PersonRegion
from gesticulate.animation.renderer import AnimationRenderer, DrawnPoses
from gesticulate.animation.sampling import Sampling
from gesticulate.errors import UsageError
from gesticulate.keypoints import layout
from gesticulate.keypoints.drawing import draw
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


def raised(pose: Poses, frames: int, pixels: float = 12.0) -> Poses:
    """The left arm goes up, from the photo's pose."""
    points = np.repeat(pose.points, frames, axis=0)
    lift = np.linspace(0, pixels, frames)[:, None]
    points[:, [7, 9], 1] -= lift
    points[:, layout.LEFT_HAND, 1] -= lift
    return Poses(points, pose.size)


def test_contract(renderer, drawn):
    check_renderer(renderer, drawn.photo, drawn.pose)


@pytest.mark.parametrize("size", [(240, 260), (150, 333), (400, 231)])
def test_any_size_goes_in_and_comes_out(renderer, size):
    person = draw_person(*size)
    frames = list(renderer.render(person.photo, person.pose, raised(person.pose, 6)))
    assert [frame.shape for frame in frames] == [(size[1], size[0], 3)] * 6
    assert not np.array_equal(frames[-1], person.photo)


def test_background_that_nothing_moves_over_stays_the_photos(renderer, drawn):
    frames = list(renderer.render(drawn.photo, drawn.pose, raised(drawn.pose, 5)))
    far = cv2.dilate((drawn.matte > 0.05).astype(np.uint8), np.ones((91, 91))) == 0
    assert far.mean() > 0.05
    for frame in frames:
        assert np.array_equal(frame[far], drawn.photo[far])


def test_a_still_person_is_the_photo(renderer, drawn):
    poses = Poses(np.repeat(drawn.pose.points, 3, axis=0), drawn.pose.size)
    for frame in renderer.render(drawn.photo, drawn.pose, poses):
        assert np.array_equal(frame, drawn.photo)


def test_the_seed_tells_the_frames(network, coders, drawn):
    def first(seed: int) -> np.ndarray:
        renderer = AnimationRenderer(
            sampling=FEW, size=64, seed=seed, device="cpu", network=network, coders=coders
        )
        return next(renderer.render(drawn.photo, drawn.pose, raised(drawn.pose, 5)))

    assert np.array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_beside_a_gpu_threads_give_the_same_frames_in_order(renderer, drawn):
    """They draw skeletons and put frames together while it computes."""
    poses = raised(drawn.pose, 9)
    alone = list(renderer.render(drawn.photo, drawn.pose, poses))
    renderer.workers = 3
    together = list(renderer.render(drawn.photo, drawn.pose, poses))
    assert np.array_equal(alone, together)


def test_a_gpus_precision_draws_nearly_the_same(network, coders, drawn, monkeypatch):
    """bfloat16 networks between float16 coders, as `precision` has it for CUDA."""
    frames = []
    for types in ((torch.float32, torch.float32), (torch.bfloat16, torch.float16)):
        monkeypatch.setattr(animation_renderer, "precision", lambda device, types=types: types)
        own = AnimationRenderer(
            sampling=FEW, size=64, device="cpu", network=copy.deepcopy(network),
            coders=copy.deepcopy(coders),
        )  # fmt: skip
        assert (own.dtype, own.coded) == types
        made = own.render(drawn.photo, drawn.pose, raised(drawn.pose, 5))
        frames.append(np.stack(list(made)).astype(int))
    apart = np.abs(frames[0] - frames[1])
    assert 0 < apart.max() < 40
    assert apart.mean() < 1


def test_low_memory_gives_the_same_frames(network, coders, drawn):
    def frames(low_memory: bool) -> np.ndarray:
        renderer = AnimationRenderer(
            sampling=FEW, size=64, low_memory=low_memory, device="cpu",
            network=copy.deepcopy(network), coders=copy.deepcopy(coders),
        )  # fmt: skip
        return np.stack(list(renderer.render(drawn.photo, drawn.pose, raised(drawn.pose, 7))))

    apart = np.abs(frames(True).astype(int) - frames(False).astype(int))
    assert apart.max() <= 1


def test_frames_come_before_the_last_pose_is_drawn(renderer, drawn, monkeypatch):
    """A stream: what is drawn and held does not grow with the length."""
    asked, held = [], []
    call = DrawnPoses.__call__

    def noted(self, span):
        asked.append(span[1])
        made = call(self, span)
        held.append(len(self._drawn))
        return made

    monkeypatch.setattr(DrawnPoses, "__call__", noted)
    frames = renderer.render(drawn.photo, drawn.pose, raised(drawn.pose, 40))
    next(frames)
    assert max(asked) < 24
    for _ in range(20):
        next(frames)
    assert max(held) < 24


def test_poses_are_drawn_where_the_person_is_in_the_crop(drawn):
    """Drawn in the crop, the skeleton lies on the person as it does in the photo."""
    crop = crop_for(drawn.pose.points[0], drawn.pose.points, drawn.matte, 128, 64)
    points = crop.points(drawn.pose.points)
    cpu = torch.device("cpu")
    poses = DrawnPoses(points, crop.size, cpu, torch.float32, keep=cpu, workers=2)
    picture = (255 * poses((0, 1))[0].permute(1, 2, 0)).round().to(torch.uint8).numpy()
    assert np.array_equal(picture, draw(points[0], crop.size, full_dots=True))
    matte = crop.cut(drawn.matte)
    lit = picture.any(axis=2)
    assert (matte[lit] > 0.5).mean() > 0.9


@pytest.mark.parametrize("size", [(240, 260), (500, 200), (200, 500), (64, 64)])
def test_crops_hold_the_person_in_whole_multiples(size):
    person = draw_person(*size)
    points = person.pose.points[0]
    crop = crop_for(points, raised(person.pose, 4).points, person.matte, 512, 64)
    assert crop.size[0] % 64 == crop.size[1] % 64 == 0
    assert 0.6 < crop.size[0] * crop.size[1] / 512**2 < 1.6
    assert abs(crop.width / crop.size[0] - crop.height / crop.size[1]) * max(crop.size) < 2
    inside = crop.points(points)[points[:, 2] > 0]
    assert (inside[:, :2] >= -1).all()
    assert (inside[:, :2] <= crop.size).all()
    # What is cut out and put back, opaque, is where it was.
    frame = np.zeros_like(person.photo)
    whole = np.full((crop.size[1], crop.size[0]), 255, np.uint8)
    crop.paste(frame, crop.cut(person.photo), whole)
    there = frame.any(axis=2)
    error = cv2.absdiff(frame, person.photo)[there].mean()
    assert error < 4


def test_a_crop_stays_within_the_photo_and_fades_where_it_ends_inside():
    person = draw_person(512, 512)
    points = person.pose.points
    crop = crop_for(points[0], points, person.matte, 512, 64)
    assert crop.x >= 0
    assert crop.y >= 0
    assert crop.x + crop.width <= 512
    assert crop.y + crop.height <= 512
    columns = np.flatnonzero((person.matte > 0.5).any(axis=0))
    assert crop.x <= columns[0]
    assert crop.x + crop.width >= columns[-1]
    fade = crop.fade((512, 512))
    assert fade.shape == (crop.size[1], crop.size[0])
    middle = fade[len(fade) // 2]
    assert middle[len(middle) // 2] == 255
    assert (middle[0] == 0) == (crop.x > 0)
    assert (middle[-1] == 0) == (crop.x + crop.width < 512)


def test_the_mask_follows_hands_and_fades(drawn):
    points = raised(drawn.pose, 5, 40).points
    region = PersonRegion(drawn.matte, drawn.pose.points[0], points)
    mask = region.mask(points[-1])
    hand = np.round(points[-1, layout.LEFT_HAND, :2].mean(0)).astype(int)
    assert mask[hand[1], hand[0]] == 255
    assert (mask[drawn.matte > 0.5] == 255).mean() > 0.97
    assert mask[0, 0] == 0
    steps = np.abs(np.diff(mask.astype(int), axis=1)).max()
    assert 0 < steps < 100


def test_somebody_else_in_the_photo_stays(drawn):
    matte = drawn.matte.copy()
    matte[5:60, 5:30] = 1
    points = raised(drawn.pose, 5).points
    mask = PersonRegion(matte, drawn.pose.points[0], points).mask(points[-1])
    assert not mask[5:60, 5:30].any()
    assert (mask[drawn.matte > 0.5] == 255).mean() > 0.97


def test_without_a_gpu_it_says_what_it_needs(network, coders):
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UsageError, match=r"needs a GPU.*11 GB.*--preset contextual"):
        AnimationRenderer()
    with pytest.raises(UsageError, match="cuda is not here"):
        AnimationRenderer(device="cuda", network=network, coders=coders)


@pytest.mark.parametrize("preset", ["animate-anyone", "wan-animate", "contextual"])
@pytest.mark.parametrize("device", ["cuda", "nonsense"])
def test_a_device_that_is_not_here_is_said(preset, device):
    """Whichever stage would meet it first; renderers that need a GPU also name the one that does
    not."""
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UsageError) as caught:
        GestureVideoPipeline.from_preset(preset, device=device)
    message = str(caught.value)
    assert "not here" in message or "none is here" in message
    if preset != "contextual" and device == "cuda":
        assert re.search(r"needs a.* GPU with about .* GB.*warp renderer.*--preset", message)


def test_too_little_memory_is_said_before_it_is_taken(network, coders, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 1e6)
    with pytest.raises(UsageError, match=r"would take about .* GB .* 0\.0 GB are free"):
        AnimationRenderer(sampling=FEW, device="cpu", network=network, coders=coders)


def test_a_gpus_free_memory_is_what_nobody_has_and_what_torch_keeps_unused(monkeypatch):
    """Of the current GPU where the device has no number."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: {None: (5, 9), 1: (3, 9)}[index])
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 4)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1)
    assert memory.free_memory(torch.device("cuda")) == 8
    assert memory.free_memory(torch.device("cuda:1")) == 6


def test_a_gpu_too_small_is_told_what_low_memory_would_take(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 6e9)
    gpu = torch.device("cuda")
    with pytest.raises(UsageError, match=r"about 10\.8 GB .* on cuda, where 6\.0 GB are free\. "
                                         r"--low-memory takes about 4\.8 GB"):  # fmt: skip
        memory.check_memory(10e9, 4e9, gpu)
    with pytest.raises(UsageError, match=r"Take fewer pixels .* --preset contextual"):
        memory.check_memory(10e9, 9e9, gpu)
    with pytest.raises(UsageError, match=r"Take fewer pixels .* --preset contextual"):
        memory.check_memory(7e9, None, gpu)
    memory.check_memory(5e9, None, gpu)


def test_the_estimate_grows_with_what_takes_memory():
    def gigabytes(low_memory: bool = False, size: int = 512, **sampling) -> float:
        chosen = Sampling(**sampling)
        return memory.activations(FULL, (size, size), chosen, 2, low_memory) / 1e9

    assert 3 < gigabytes() < 12
    assert gigabytes(low_memory=True) < 0.7 * gigabytes()
    assert gigabytes(guidance=1.0) < gigabytes()
    assert gigabytes(size=768) > 2 * gigabytes()
    assert gigabytes(windows=2) > 1.5 * gigabytes()


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
        def render(self, photo, photo_pose, poses):
            seen.append((photo_pose, poses))
            return super().render(photo, photo_pose, poses)

    renderer = Noted(sampling=FEW, size=64, device="cpu", network=network, coders=coders)
    pipeline = GestureVideoPipeline(Known(), MelEncoder(), generator, renderer)
    speech = Speech(np.zeros(int(0.4 * SAMPLE_RATE), np.float32))
    assert len(list(pipeline(person.photo, speech).frames)) == 10
    photo_pose, poses = seen[0]
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
