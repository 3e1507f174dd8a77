"""The renderer's training at tiny size, on clips of a drawn person who moves about."""

import dataclasses
import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from drawn_clips import write_dataset
from drawn_person import draw_person
from tiny_renderer import TINY

from gesticulate.cli import main
from gesticulate.configs import load, names
from gesticulate.datasets.load import Clips
from gesticulate.errors import InputError, WeightsError
from gesticulate.keypoints import layout
from gesticulate.refinement.network import (
    FULL,
    RendererNetwork,
    RendererOptions,
    load_renderer,
    save_renderer,
)
from gesticulate.refinement.unet import RefinerOptions
from gesticulate.training.frames import (
    REGIONS,
    Batches,
    DrivenPhoto,
    FrameStream,
    driven_frames,
    mirrored,
    recoloured,
    same_light,
)
from gesticulate.training.options import (
    LoopOptions,
    RendererLosses,
    RendererTraining,
    SceneOptions,
)
from gesticulate.training.renderer import build, train_renderer
from gesticulate.training.renderer_figures import validation_frames
from gesticulate.training.renderer_losses import (
    DrawingNetwork,
    Objective,
    pixel_losses,
)
from gesticulate.training.scenes import photo_frames, planned_photos, prepare_photos
from gesticulate.warping.dense_motion import DenseMotionOptions

SIZE, FRAMES = 128, 8
# Losses that need no weights from outside.
LOSSES = RendererLosses(perceptual=0, perceptual_regions=0, adversarial_from=2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder, SIZE, FRAMES)
    return folder


@pytest.fixture(scope="module")
def photos(dataset, tmp_path_factory):
    """The prepared photos of the split `train`, and their folder."""
    folder = tmp_path_factory.mktemp("scenes")
    options = SceneOptions(dataset, folder, photos=2)
    planned = planned_photos(options, folder, "train", Clips(dataset))
    assert prepare_photos(dataset, planned, workers=1) == 0
    return planned


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Weights of a network for pictures of 64 pixels."""
    torch.manual_seed(0)
    refiner = RefinerOptions(widths=(8, 8, 8), photo_widths=(8, 8, 8), spade_hidden=8, blocks=1)
    motion = DenseMotionOptions(widths=(8, 16), squeeze=8)
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    save_renderer(path, RendererNetwork(RendererOptions(motion, refiner, 64)))
    return path


def options_for(dataset, photos, output, init, **changes):
    data = SceneOptions(
        dataset, photos[0].path.parent, photos=2, driven=2, workers=0, prepare_workers=1
    )
    loop = LoopOptions(
        output, steps=4, batch=2, learning_rate=1e-3, warmup=100, ema=0.5, validate_every=2,
        checkpoint_every=2,
    )  # fmt: skip
    loop = dataclasses.replace(loop, **changes.pop("loop", {}))
    return RendererTraining(data, loop, init=str(init), losses=LOSSES, **changes)


def stream(dataset, photos, **changes):
    options = SceneOptions(dataset, photos[0].path.parent, driven=2, workers=0)
    return FrameStream(dataclasses.replace(options, **changes), photos, 64, batch=2, seed=3)


def test_frames_come_from_the_crop_video_or_the_clip_itself(dataset):
    clips = Clips(dataset)
    photo = draw_person(SIZE, SIZE).photo.astype(int)
    for row in clips:
        frames = list(clips.frames_of(row))
        assert len(frames) == FRAMES
        assert np.abs(frames[0] - photo).mean() < 3


def test_photos_are_the_first_frame_and_those_with_hands():
    points = np.ones((10, 133, 3), np.float32)
    points[0, layout.FACE, 2] = 0  # no face: no photo
    points[:, 91:, 2] = 0
    points[4, 91:, 2] = points[8, 91:112, 2] = 1
    assert photo_frames(points, 3) == [1, 4, 8]
    points[:, 30, 2] = 0
    assert photo_frames(points, 3) == []


def test_prepared_photos_are_not_prepared_again(dataset, photos):
    assert len(photos) == 4
    before = [photo.path.stat().st_mtime_ns for photo in photos]
    assert prepare_photos(dataset, photos, workers=1) == 0
    assert [photo.path.stat().st_mtime_ns for photo in photos] == before


def test_a_clip_that_is_gone_is_left_out(dataset, photos, tmp_path):
    row = dataclasses.replace(photos[-1].row, path=tmp_path / "gone.mp4")
    missing = dataclasses.replace(photos[-1], row=row, path=tmp_path / "scenes" / "x.npz")
    clips = Clips(dataset)
    with pytest.raises(Exception, match=r"gone\.mp4"):
        list(clips.frames_of(row))
    with pytest.warns(UserWarning, match="gives no photos"):
        assert prepare_photos(dataset, [missing], workers=1) == 1


def test_far_frames_are_drawn_more_often():
    points = np.ones((20, 133, 3), np.float32)
    points[10:, :, 0] += 50
    rng = np.random.default_rng(0)
    drawn = [frame for _ in range(200) for frame in driven_frames(points, 0, 2, rng)]
    assert 0 not in drawn
    assert np.mean(np.array(drawn) >= 10) > 0.85


def test_a_driven_photo_shows_its_true_frame_and_regions(dataset, photos):
    clips = Clips(dataset)
    driven = DrivenPhoto(clips, photos[0], [photos[0].frame, 6], 64)
    still, moved = driven.draw(0), driven.draw(1)
    # Driven by its own pose the photo is the truth, and nothing moves.
    assert (still.inputs.puppet - still.target).abs().mean() < 0.01
    assert still.inputs.gate.max() == 0
    assert moved.inputs.gate.max() == 1
    better = (moved.inputs.puppet - moved.target).abs().mean()
    assert better < 0.7 * (moved.inputs.photo - moved.target).abs().mean()
    area = dict(zip(REGIONS, moved.regions[0].mean(dim=(1, 2)).tolist(), strict=True))
    assert 0 < area["mouth"] < area["face"] < 0.3
    assert 0 < area["hands"] < 0.2
    assert 0 < area["hole"] < 0.2
    assert area["valid"] + area["hole"] == pytest.approx(1)


def test_frames_in_another_light_teach_nothing():
    rng = np.random.default_rng(0)
    photo = rng.integers(60, 200, (32, 32, 3), np.uint8)
    behind = np.ones((32, 32), bool)
    behind[8:24, 8:24] = False
    moved = photo.copy()
    moved[8:24, 4:24] = 0  # A person who moves over less than half of the background.
    assert same_light(photo, moved, behind)
    assert not same_light(photo, photo // 2, behind)
    assert not same_light(photo, photo[::-1].copy(), behind)
    assert same_light(photo, photo // 2, np.zeros((32, 32), bool))


def test_a_data_set_of_fades_is_refused(dataset, photos, monkeypatch):
    monkeypatch.setattr("gesticulate.training.frames._OTHER_LIGHT", -1.0)
    with pytest.raises(InputError, match="same light"):
        stream(dataset, photos)[0]
    with pytest.raises(InputError, match="photo's light"):
        validation_frames(SceneOptions(dataset), photos, 64)


def test_a_step_has_its_batch_whatever_came_before(dataset, photos):
    first, second = stream(dataset, photos), stream(dataset, photos)
    several = [first[step] for step in range(5)]
    again = second[4]
    for a, b in zip(vars(several[4].inputs).values(), vars(again.inputs).values(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(several[4].target, again.target)
    assert not torch.equal(several[3].target, again.target)


def test_worker_processes_draw_the_same_batches(dataset, photos):
    alone = stream(dataset, photos, workers=2)
    ahead = Batches(stream(dataset, photos, workers=2), steps=6)
    for step in (3, 4, 5):
        assert torch.equal(ahead(step).target, alone[step].target)


def test_a_mirrored_batch_is_the_batch_of_the_mirrored_person(dataset, photos):
    frames = DrivenPhoto(Clips(dataset), photos[0], [6], 64).draw(0)
    turned = mirrored(frames)
    assert torch.equal(turned.inputs.photo, frames.inputs.photo.flip(-1))
    left, right = layout.LEFT_WRIST, layout.RIGHT_WRIST
    a, b = turned.inputs.driven_points[0, left], frames.inputs.driven_points[0, right]
    torch.testing.assert_close(a, b * torch.tensor([-1.0, 1, 1]))
    # Sampling the mirrored photo by the mirrored flow is mirroring what the flow samples.
    for part, other in ((1, 1), (2, 3), (7, 6)):
        pictures = [
            torch.nn.functional.grid_sample(one.inputs.photo, one.inputs.flows[:, p],
                                            padding_mode="border", align_corners=True)
            for one, p in ((turned, part), (frames, other))
        ]  # fmt: skip
        torch.testing.assert_close(pictures[0], pictures[1].flip(-1), atol=1e-4, rtol=0)
    twice = mirrored(turned)
    for a, b in zip(vars(twice.inputs).values(), vars(frames.inputs).values(), strict=True):
        assert torch.equal(a, b)


def test_light_changes_photo_and_truth_alike(dataset, photos):
    frames = DrivenPhoto(Clips(dataset), photos[0], [photos[0].frame], 64).draw(0)
    lit = recoloured(frames, 0.1, 0.0, np.random.default_rng(0))
    assert (lit.target - frames.target).abs().mean() > 0.01
    assert (lit.inputs.puppet - lit.target).abs().mean() < 0.015
    assert ((lit.inputs.colours == 0) >= (frames.inputs.colours == 0)).all()


def test_exchanged_colours_are_the_same_for_all_pictures_and_keep_grey_grey(dataset, photos):
    frames = DrivenPhoto(Clips(dataset), photos[0], [photos[0].frame], 64).draw(0)
    grey = torch.linspace(0.05, 0.95, 64).expand(1, 3, 64, 64)
    frames.target = grey.clone()
    frames.inputs.puppet = frames.inputs.photo.clone()
    signs = set()
    for seed in range(12):
        lit = recoloured(frames, 0.0, 1.0, np.random.default_rng(seed))
        assert torch.equal(lit.inputs.puppet, lit.inputs.photo)
        assert (lit.inputs.photo - frames.inputs.photo).abs().mean() > 0.01
        # Without another gain a channel, grey stays grey; its order is kept, or reversed.
        assert (lit.target - lit.target.mean(dim=1, keepdim=True)).abs().max() < 1e-4
        steps = lit.target[0, 0, 0].diff()
        assert (steps > 0).all() or (steps < 0).all()
        signs.add(bool(steps[0] > 0))
        assert ((lit.inputs.colours == 0) >= (frames.inputs.colours == 0)).all()
    assert signs == {True, False}


def test_change_of_the_puppets_frame_costs_a_share_of_an_error(dataset, photos):
    frames = DrivenPhoto(Clips(dataset), photos[0], [photos[0].frame + 2], 64).draw(0)
    drawn = DrawingNetwork(RendererNetwork(TINY))(frames)
    weights = dataclasses.replace(LOSSES, warped=0.0, restraint=0.0)

    def losses(share, frame):
        made = dataclasses.replace(drawn.rendering, frame=frame)
        objective = Objective(dataclasses.replace(weights, hesitation=share), torch.device("cpu"))
        return objective(dataclasses.replace(drawn, rendering=made), frames, None)

    changed = (frames.inputs.puppet + 0.1).clamp(0, 1)
    pixels = pixel_losses(changed, frames.inputs.puppet, frames.regions)
    expected = sum(getattr(weights, name) * value for name, value in pixels.items())
    with_share, without = losses(0.5, changed), losses(0.0, changed)
    assert float(expected) > 0.1
    torch.testing.assert_close(with_share["change"], expected)
    torch.testing.assert_close(with_share["loss"], without["loss"] + 0.5 * expected)
    assert "change" not in without
    # The puppet's own frame costs no more than its distance to the truth.
    kept = frames.inputs.puppet
    torch.testing.assert_close(losses(0.5, kept)["loss"], losses(0.0, kept)["loss"])


@pytest.fixture(scope="module")
def trained(dataset, photos, tiny, tmp_path_factory):
    return train_renderer(options_for(dataset, photos, tmp_path_factory.mktemp("run"), tiny))


def test_training_writes_weights_figures_and_sheets(trained, tiny):
    network = load_renderer(trained)
    assert network.options.size == 64
    lines = [json.loads(x) for x in (trained.parent / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert {"puppet_l1_frame", "warped_l1_hands", "refined_l1_mouth"} <= lines[0]["val"].keys()
    # The discriminator is heard from step 2 on.
    assert "critic" not in lines[0]["train"]
    assert {"critic", "adversarial"} <= lines[1]["train"].keys()
    sheets = sorted((trained.parent / "sheets").glob("*.png"))
    assert [sheet.name for sheet in sheets] == ["step-000002.png", "step-000004.png"]
    assert cv2.imread(str(sheets[0])).std() > 10
    before = load_renderer(tiny).state_dict()
    assert any(not torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_a_resumed_run_ends_as_an_unbroken_one(dataset, photos, tiny, trained, tmp_path):
    for stop in (2, 4):
        path = train_renderer(options_for(dataset, photos, tmp_path, tiny, loop={"steps": stop}))
    ends = [load_renderer(path).state_dict() for path in (trained, path)]
    # Critic and renderer, their optimisers and the noise go on where they were.
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name]), name
    assert len(list(tmp_path.glob("checkpoint-*"))) == 1


def test_the_warp_is_trained_alone_then_kept(dataset, photos, tiny, tmp_path):
    loop = {"steps": 2}
    path = train_renderer(
        options_for(dataset, photos, tmp_path / "warp", tiny, stage="warp", loop=loop)
    )
    warp = load_renderer(path)
    assert warp.options.refiner is None
    options = options_for(
        dataset, photos, tmp_path / "refine", path, stage="refine", structure="skeleton", loop=loop
    )
    with pytest.warns(UserWarning, match="starting untrained: edges, encoder, refiner"):
        done = load_renderer(train_renderer(options))
    assert done.options.refiner.structure == "skeleton"
    before, after = warp.motion.state_dict(), done.motion.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.startswith(("heads.", "coarse_occlusion.")) for name in moved)


@pytest.mark.parametrize("structure", ["none", "skeleton", "edges"])
def test_gradient_reaches_all_that_is_to_be_trained(dataset, photos, tiny, tmp_path, structure):
    options = options_for(dataset, photos, tmp_path, tiny, structure=structure)
    network = build(options)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # the layers that start at zero hide what is before them
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    module = DrawingNetwork(network).train()
    frames = stream(dataset, photos)[0]
    drawn = module(frames)
    assert (drawn.edges is None) == (structure == "none")
    sum(pixel_losses(drawn.rendering.frame, frames.target, frames.regions).values()).backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None]


def test_without_held_out_clips_the_learned_ones_are_measured(dataset, tiny, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(dataset, mine)
    index = mine / "v001" / "clips.csv"
    index.write_text(index.read_text().replace(",val,", ",train,"))
    clips = Clips(mine)
    planned = planned_photos(SceneOptions(mine, tmp_path / "scenes", photos=1), tmp_path / "scenes",
                             "train", clips)  # fmt: skip
    assert [photo.frame for photo in planned] == [0, 0, 0]
    options = options_for(mine, planned, tmp_path / "run", tiny, loop={"steps": 1})
    with pytest.warns(UserWarning, match="no clip of the split 'val'"):
        assert train_renderer(options).is_file()


def test_the_full_size_is_trained_by_its_one_command(dataset, photos, tmp_path):
    command = (
        f"train renderer --config train-renderer-full --data.folder {dataset} "
        f"--data.scenes {photos[0].path.parent} --data.workers 0 --data.photos 2 "
        f"--data.val-pairs 1 --loop.output {tmp_path} --loop.steps 1 --loop.batch 1 "
        "--loop.precision no "
        "--losses.perceptual 0 --losses.perceptual-regions 0 --losses.adversarial-from 0"
    )
    assert main(command.split()) == 0
    path = tmp_path / "renderer.safetensors"
    assert load_renderer(path).options == FULL
    assert path.stat().st_size <= 48e6
    [line] = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert {"critic", "adversarial", "loss"} <= json.loads(line)["train"].keys()


def test_every_renderer_preset_loads():
    found = [name for name in names() if name.startswith("train-renderer")]
    assert found == ["train-renderer-finetune", "train-renderer-full", "train-renderer-lean"]
    for name in found:
        assert load(name, RendererTraining).loop.weight_decay == 0


def test_missing_lpips_weights_are_told_before_anything_is_prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    options = load("train-renderer-finetune", RendererTraining)
    data = dataclasses.replace(options.data, folder=tmp_path / "none")
    options = dataclasses.replace(options, data=data)
    with pytest.raises(WeightsError, match="lpips_weights"):
        train_renderer(options)
    assert not list(tmp_path.iterdir())
