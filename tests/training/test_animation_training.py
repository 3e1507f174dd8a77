"""The diffusion renderer's training at tiny size, on clips of a drawn person who moves about."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from diffusers import MotionAdapter, UNet2DConditionModel
from drawn_clips import write_dataset
from drawn_person import draw_person
from safetensors.torch import load_file

from gesticulate import cli
from gesticulate.animation.checkpoint import load_animation, save_animation
from gesticulate.animation.coders import tiny_coders
from gesticulate.animation.networks import TINY, AnimationNetwork
from gesticulate.animation.renderer import AnimationRenderer
from gesticulate.animation.sampling import Sampling
from gesticulate.datasets.load import Clips
from gesticulate.errors import InputError, UsageError, WeightsError
from gesticulate.keypoints import layout
from gesticulate.keypoints.drawing import draw
from gesticulate.keypoints.poses import Poses
from gesticulate.training import animation
from gesticulate.training.animation import build, train_animation
from gesticulate.training.animation_data import (
    PosedClips,
    PosedFrames,
    chosen_frames,
    held_out,
    in_order,
    posed_frames,
)
from gesticulate.training.animation_objective import (
    Latents,
    Noise,
    Objective,
    draw_noise,
    encode,
    min_snr,
)
from gesticulate.training.options import AnimationData, AnimationTraining, LoopOptions

SIZE, LENGTH = 64, 12


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder, SIZE, LENGTH)
    return folder


def options_for(dataset, output, **changes):
    data = AnimationData(dataset, size=32, frames=3, stride=2, apart=4, workers=0, val_samples=1)
    loop = LoopOptions(
        output, steps=4, batch=2, learning_rate=1e-3, warmup=100, ema=0.5, validate_every=2,
        checkpoint_every=2,
    )  # fmt: skip
    loop = dataclasses.replace(loop, **changes.pop("loop", {}))
    return AnimationTraining(data, loop, size="tiny", **changes)


@pytest.fixture(scope="module")
def first_stage(dataset, tmp_path_factory):
    """The stage `pairs`, run to its end."""
    output = tmp_path_factory.mktemp("pairs")
    return train_animation(options_for(dataset, output))


def lines(path):
    return [json.loads(line) for line in (path.parent / "metrics.jsonl").read_text().splitlines()]


def changed(before, after):
    """Names of the tensors that differ."""
    other = after.state_dict()
    return {name for name, value in before.state_dict().items() if (value != other[name]).any()}


def test_photo_and_frames_are_apart():
    points = np.ones((100, 133, 3), np.float32)
    points[90:, :, 2] = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        photo, frames = chosen_frames(points, 5, 4, 30, rng)
        assert np.diff(frames).tolist() == [4] * 4
        assert frames[-1] < 100
        assert min(abs(photo - frames[0]), abs(photo - frames[-1])) >= 30
        assert photo < 90, "the photo shows the face"
    # A clip too short for the stride and the distance gives what it has.
    photo, frames = chosen_frames(points[:6], 5, 4, 30, np.random.default_rng(0))
    assert np.diff(frames).tolist() == [1] * 4
    assert photo in (0, 5)


def test_a_sample_shows_its_frames(dataset):
    clips = Clips(dataset)
    row = clips.rows[0]
    sample = posed_frames(clips, row, 2, [5, 7], SIZE)
    pictures = [torch.tensor(p).permute(2, 0, 1) / 255 for p in clips.frames_of(row)]
    torch.testing.assert_close(sample.photo[0], pictures[2])
    torch.testing.assert_close(sample.target[0], torch.stack([pictures[5], pictures[7]]))
    drawing = draw(clips.poses_of(row).points[7], (SIZE, SIZE), full_dots=True)
    assert np.array_equal(sample.drawings[0, 1].permute(1, 2, 0) * 255, drawing)
    turned = posed_frames(clips, row, 2, [5, 7], SIZE, mirror=True)
    torch.testing.assert_close(turned.target, sample.target.flip(-1))
    # Left and right change colours, but the person stands where the picture shows it.
    shape, other = (x.drawings[0, 1].amax(0) > 0 for x in (sample, turned))
    assert (shape == other.flip(-1)).float().mean() > 0.97
    with pytest.raises(InputError, match="ends before frame 99"):
        posed_frames(clips, row, 2, [99], SIZE)


def test_batches_depend_on_their_step_alone(dataset):
    options = options_for(dataset, dataset).data
    one, two = (PosedClips(options, 3, batch=2, seed=5) for _ in range(2))
    list(in_order(one, 0, 2))
    (late,) = in_order(one, 2, 3)
    for a, b in ((late.photo, two[2].photo), (late.drawings, two[2].drawings)):
        assert torch.equal(a, b)
    assert not torch.equal(late.photo, two[3].photo)
    assert not torch.equal(late.photo, PosedClips(options, 3, 2, 5, process=1)[2].photo)
    with pytest.raises(InputError, match="at least 13 frames"):
        PosedClips(options, LENGTH + 1, batch=2, seed=5)


def test_min_snr_is_its_formula():
    alphas = torch.tensor([0.0, 0.5, 0.9, 0.999])
    snr = alphas / (1 - alphas)
    wanted = torch.minimum(snr + 1, torch.tensor(5.0)) / (snr + 1)
    torch.testing.assert_close(min_snr(alphas, 5.0), wanted)
    assert min_snr(alphas, 5.0)[0] == 1, "the last time, all noise, is learned from"
    assert (min_snr(alphas, 0) == 1).all()


def test_the_loss_is_the_velocitys_error(dataset):
    """Against the definition, by hand: x = a x0 + s e, v = a e - s x0."""
    network = AnimationNetwork(dataclasses.replace(TINY, motion=False)).eval()
    torch.nn.init.normal_(network.guider.conv_out.weight)
    coders = tiny_coders(TINY.token)
    options = options_for(dataset, dataset).data
    frames = PosedClips(options, 1, batch=3, seed=1)[0]
    latents = encode(coders, frames, torch.device("cpu"))
    assert latents.target.shape == (3, 1, 4, 4, 4)
    noise = Noise(
        torch.randn(3, 1, 4, 4, 4), torch.tensor([10, 500, 999]), torch.tensor([False, True, False])
    )
    with torch.no_grad():
        terms = Objective(network, 5.0)(latents, noise)
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        root = (1 - betas).cumprod(0).sqrt()
        # Lin et al., WACV 2024, algorithm 1: the last is moved to 0, the first stays.
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
        losses = []
        for i in range(3):
            a, s = root[noise.time[i]].float(), (1 - root[noise.time[i]] ** 2).sqrt().float()
            x, e = latents.target[i : i + 1], noise.noise[i : i + 1]
            token = latents.token[i : i + 1] * (0 if noise.hidden[i] else 1)
            photo = None
            if not noise.hidden[i]:
                photo = network.remember(latents.photo[i : i + 1], token)
            guide = network.guide(latents.drawings[i : i + 1])
            made = network(a * x + s * e, noise.time[i], token, guide, photo)
            weight = min(1.0, 5 * float(s) ** 2)
            losses.append(weight * (made - (a * e - s * x)).square().mean())
    torch.testing.assert_close(terms["loss"], torch.stack(losses).mean(), rtol=1e-3, atol=1e-5)


def test_noise_follows_its_seed():
    shape = (4, 2, 4, 8, 8)
    one, two = (draw_noise(shape, 0.0, 0.5, (3, 0, 7)) for _ in range(2))
    assert torch.equal(one.noise, two.noise)
    assert torch.equal(one.time, two.time)
    assert not torch.equal(one.noise, draw_noise(shape, 0.0, 0.5, (3, 0, 8)).noise)
    assert draw_noise(shape, 0.0, 1.0, (1,)).hidden.all()
    # Offset noise is the same all over a sample's frames, by channel.
    moved = draw_noise(shape, 0.5, 0.5, (3, 0, 7)).noise - one.noise
    torch.testing.assert_close(moved, moved[:, :1, :, :1, :1].expand(shape))
    assert moved.abs().max() > 0.1


def test_pairs_train_all_but_the_motion(first_stage, dataset):
    made = lines(first_stage)
    assert [line["step"] for line in made] == [2, 4]
    assert all(np.isfinite(line["train"]["loss"]) for line in made)
    assert {"loss", "error", "l1"} <= made[-1]["val"].keys()
    assert len(list((first_stage.parent / "sheets").glob("*.png"))) == 2
    trained = load_animation(first_stage)
    assert not trained.options.motion
    options = options_for(dataset, first_stage.parent)
    torch.manual_seed(options.loop.seed)
    begun = build(options, trained.options).half().float()
    names = changed(begun, trained)
    for part in ("denoiser.conv_in", "denoiser.conv_out", "reference.conv_in", "guider.conv_out"):
        assert f"{part}.weight" in names
    assert not [name for name in names if name.startswith("reference.up_blocks.1.")]


def test_motion_trains_the_motion_alone(first_stage, dataset, tmp_path):
    options = options_for(dataset, tmp_path, stage="motion", init=str(first_stage))
    options = dataclasses.replace(options, loop=dataclasses.replace(options.loop, steps=2))
    with pytest.warns(UserWarning, match="untrained: the motion modules"):
        trained = load_animation(train_animation(options))
    assert trained.options.motion
    first = load_animation(first_stage)
    names = changed(first, trained)
    assert not names, "what the first stage trained has changed"
    ends = [
        v for n, v in trained.state_dict().items() if n.endswith("motion_modules.0.proj_out.weight")
    ]
    assert ends
    assert all(end.abs().max() > 0 for end in ends), "they begin as zero"


def test_the_averaged_weights_are_kept(first_stage):
    """Of the last checkpoint: not the learned ones, but the average that followed them."""
    (checkpoint,) = first_stage.parent.glob("checkpoint-*")
    learned = load_file(checkpoint / "model.safetensors")
    averaged = torch.load(checkpoint / "custom_checkpoint_0.pkl", weights_only=True)
    kept = load_animation(first_stage).state_dict()
    name = "denoiser.conv_in.weight"
    assert torch.equal(kept[name], averaged[f"module.{name}"].half().float())
    assert not torch.equal(kept[name], learned[f"network.{name}"].half().float())


def test_the_command_trains_both_stages(dataset, tmp_path, capsys):
    """From the presets, as docs/train-animation.md tries a data set, and back into a renderer."""
    tiny = [
        "--data.folder", str(dataset), "--size", "tiny", "--data.size", "32", "--data.workers", "0",
        "--data.val-samples", "1", "--loop.precision", "no", "--loop.steps", "1",
    ]  # fmt: skip
    pairs, motion = tmp_path / "pairs", tmp_path / "motion"
    first = ["--config", "train-animation", "--init", "None", "--loop.output", str(pairs)]
    assert cli.main(["train", "animation", *first, *tiny]) == 0
    second = [
        "--config", "train-animation-motion", "--init", str(pairs / "animation.safetensors"),
        "--motion-init", "None", "--data.frames", "3", "--loop.output", str(motion),
    ]  # fmt: skip
    with pytest.warns(UserWarning, match="untrained: the motion modules"):
        assert cli.main(["train", "animation", *second, *tiny]) == 0
    assert capsys.readouterr().out.count("step 1 of 1: loss") == 2
    renderer = AnimationRenderer(
        sampling=Sampling(steps=1, guidance=1, window=4, overlap=1), size=64, device="cpu",
        network=load_animation(motion / "animation.safetensors"), coders=tiny_coders(TINY.token),
    )  # fmt: skip
    person = draw_person(96, 104)
    poses = Poses(np.repeat(person.pose.points, 2, axis=0), person.pose.size)
    poses.points[1, layout.LEFT_HAND, 1] -= 5
    assert len(list(renderer.prepare(person.photo, person.pose).render(poses))) == 2


def test_resuming_is_as_never_stopping(first_stage, dataset, tmp_path):
    options = options_for(dataset, tmp_path)
    train_animation(dataclasses.replace(options, loop=dataclasses.replace(options.loop, steps=2)))
    whole, resumed = load_animation(first_stage), load_animation(train_animation(options))
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_checkpointing_gives_the_same_gradients(dataset):
    coders = tiny_coders(TINY.token)
    frames = PosedClips(options_for(dataset, dataset).data, 3, batch=2, seed=1)[0]
    latents = encode(coders, frames, torch.device("cpu"))
    noise = draw_noise(latents.target.shape, 0.05, 0.0, (1,))
    gradients = []
    for again in (False, True):
        torch.manual_seed(0)
        options = options_for(dataset, dataset, gradient_checkpointing=again)
        network = build(options, TINY).train()
        Objective(network, 5.0)(latents, noise)["loss"].backward()
        gradients.append({n: p.grad for n, p in network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], value, rtol=1e-4, atol=1e-6)


def test_every_trained_parameter_takes_part(dataset):
    """One that never gets a gradient would make several GPUs wait for each other."""
    frames = PosedClips(options_for(dataset, dataset).data, 1, batch=2, seed=1)[0]
    latents = encode(tiny_coders(TINY.token), frames, torch.device("cpu"))
    noise = draw_noise(latents.target.shape, 0.05, 0.0, (1,))
    network = build(options_for(dataset, dataset), dataclasses.replace(TINY, motion=False))
    Objective(network, 5.0)(latents, noise)["loss"].backward()
    idle = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert not idle


def test_motion_begins_as_an_adapters(first_stage, dataset, tmp_path):
    adapter = MotionAdapter(
        block_out_channels=TINY.widths, motion_layers_per_block=TINY.layers,
        motion_num_attention_heads=TINY.heads, motion_norm_num_groups=TINY.groups,
        motion_max_seq_length=TINY.max_frames,
    )  # fmt: skip
    adapter.save_pretrained(tmp_path / "adapter")
    options = options_for(
        dataset,
        tmp_path,
        stage="motion",
        init=str(first_stage),
        motion_init=str(tmp_path / "adapter"),
    )
    begun = build(options, TINY)
    wanted = adapter.state_dict()
    got = {n: v for n, v in begun.denoiser.state_dict().items() if ".motion_modules." in n}
    assert got.keys() == wanted.keys()
    assert all(torch.equal(got[name], value) for name, value in wanted.items())


def test_both_networks_begin_as_a_stable_diffusion(dataset, tmp_path):
    unet = UNet2DConditionModel(
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=TINY.widths, layers_per_block=TINY.layers,
        attention_head_dim=TINY.heads, norm_num_groups=TINY.groups, cross_attention_dim=TINY.token,
    )  # fmt: skip
    unet.save_pretrained(tmp_path / "unet")
    # The folder of the whole model, or of its UNet.
    for source in (tmp_path, tmp_path / "unet"):
        begun = build(options_for(dataset, tmp_path, init=str(source)), TINY)
        for part in (begun.reference, begun.denoiser):
            own = part.state_dict()
            common = [name for name in unet.state_dict() if name in own]
            assert len(common) > 0.9 * len(unet.state_dict())
            assert all(torch.equal(own[name], unet.state_dict()[name]) for name in common)
    wide = dataclasses.replace(TINY, widths=(16, 64))
    with pytest.raises(WeightsError, match="not of the size"):
        build(options_for(dataset, tmp_path, init=str(tmp_path)), wide)


def test_refusals(first_stage, dataset, tmp_path):
    for said, changes in (
        ("multiple of 16", {"data": {"size": 40}}),
        ("at most 8 frames", {"data": {"frames": 9}, "stage": "motion", "init": "x.safetensors"}),
        ("needs --init", {"stage": "motion"}),
    ):
        options = options_for(dataset, tmp_path)
        data = dataclasses.replace(options.data, **changes.pop("data", {}))
        with pytest.raises(UsageError, match=said):
            train_animation(dataclasses.replace(options, data=data, **changes))
    other = AnimationNetwork(dataclasses.replace(TINY, widths=(16, 16)))
    save_animation(tmp_path / "other.safetensors", other)
    options = options_for(dataset, tmp_path, init=str(tmp_path / "other.safetensors"))
    with pytest.raises(WeightsError, match="other sizes"):
        build(options, TINY)
    for name in ("motion_init", "init"):
        changes = {"init": str(first_stage)} | {name: str(tmp_path / "nowhere")}
        options = options_for(dataset, tmp_path, stage="motion", **changes)
        with pytest.raises(WeightsError, match=r"Could not (load|begin)"):
            build(options, TINY)


def test_what_is_missing_is_said_before_the_networks_are_built(dataset, tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError("two thousand million weights for nothing")

    monkeypatch.setattr(animation, "build", never)
    options = options_for(dataset, tmp_path, coders=tmp_path / "nowhere")
    full = dataclasses.replace(
        options, size="full", data=dataclasses.replace(options.data, size=64)
    )
    with pytest.raises(WeightsError, match=r"4 files missing.*sd-vae-ft-mse/config.json"):
        train_animation(full)
    gone = dataclasses.replace(options.data, folder=tmp_path / "gone")
    with pytest.raises(InputError, match=r"gone holds no dataset"):
        train_animation(dataclasses.replace(options, data=gone))


def test_held_out_samples_are_of_the_split_val(dataset):
    options = dataclasses.replace(options_for(dataset, dataset).data, val_samples=3)
    (sample,) = held_out(options, 2)
    assert isinstance(sample, PosedFrames)
    assert sample.target.shape == (1, 2, 3, 32, 32)
    assert isinstance(encode(tiny_coders(8), sample, torch.device("cpu")), Latents)
