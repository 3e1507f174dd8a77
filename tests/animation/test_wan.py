"""Wan-Animate driven by our skeletons, with a tiny randomly initialised pipeline."""

from itertools import pairwise

import diffusers.pipelines.wan.pipeline_wan_animate as pipeline_wan_animate
import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanAnimatePipeline,
    WanAnimateTransformer3DModel,
)
from drawn_person import draw_person
from huggingface_hub import constants
from PIL import Image
from stage_contracts import check_renderer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

from gesticulate.animation.crop import Crop
from gesticulate.animation.region import PersonRegion
from gesticulate.animation.wan import (
    WanAnimateRenderer,
    WanSampling,
    check_device,
    drawn_size,
    embed,
    load,
    segments,
)
from gesticulate.animation.wan_pictures import face_box, face_picture, skeleton_picture
from gesticulate.errors import InputError, UsageError, WeightsError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.warping.matte import default_matting

# Segments of 5 frames, each of which goes on from the last frame of the one before.
SAMPLING = WanSampling(steps=1, pixels=48 * 64, segment=5)
CROP = Crop(0, 0, 48, 64, (48, 64))


def tiny_pipeline() -> WanAnimatePipeline:
    torch.manual_seed(0)
    words = {"<pad>": 0, "</s>": 1, "<unk>": 2, "people": 3, "move": 4}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vision = CLIPVisionConfig(
        hidden_size=4, projection_dim=4, num_hidden_layers=2, num_attention_heads=2, image_size=4,
        intermediate_size=16, patch_size=1,
    )  # fmt: skip
    text = UMT5Config(
        vocab_size=5, d_model=32, d_kv=8, d_ff=32, num_layers=2, num_heads=2, is_gated_act=True
    )
    transformer = WanAnimateTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, text_dim=32,
        ffn_dim=32, num_layers=2, image_dim=4, rope_max_seq_len=32, motion_encoder_size=16,
        motion_encoder_channel_sizes={"4": 16, "8": 16, "16": 16}, motion_style_dim=8,
        motion_dim=4, motion_encoder_dim=16, face_encoder_hidden_dim=16, face_encoder_num_heads=2,
        inject_face_latents_blocks=2,
    )  # fmt: skip
    return WanAnimatePipeline(
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
        ),
        text_encoder=UMT5EncoderModel(text).eval(),
        vae=AutoencoderKLWan(
            base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
            temperal_downsample=[False, True, True],
        ),
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0
        ),
        image_processor=CLIPImageProcessor(crop_size=4, size=4),
        image_encoder=CLIPVisionModel(vision),
        transformer=transformer,
    )  # fmt: skip


@pytest.fixture(scope="module")
def person():
    return draw_person(48, 64)


@pytest.fixture(scope="module")
def renderer() -> WanAnimateRenderer:
    return WanAnimateRenderer(sampling=SAMPLING, device="cpu", pipe=tiny_pipeline())


def moving(pose: Poses, count: int) -> Poses:
    """The pose with wrists and hands that wander."""
    points = np.repeat(pose.points, count, axis=0)
    points[:, [9, 10, *range(91, 133)], 0] += 3 * np.arange(count)[:, None]
    return Poses(points, pose.size, 25.0)


def test_contract(renderer, person):
    check_renderer(renderer, person.photo, person.pose)


@pytest.mark.parametrize(("segment", "overlap", "count"), [(5, 1, 10), (13, 5, 23)])
def test_a_stream_of_segments_is_the_pipelines_own_long_video(segment, overlap, count, person):
    """The pipeline, asked for the whole length at once, goes through the same segments."""
    sampling = WanSampling(steps=1, pixels=48 * 64, segment=segment, overlap=overlap)
    renderer = WanAnimateRenderer(sampling=sampling, device="cpu", pipe=tiny_pipeline())
    poses = moving(person.pose, count)
    ours = list(renderer.prepare(person.photo, person.pose).render(poses))
    assert len(ours) == count
    size = drawn_size(poses.size, SAMPLING.pixels)
    assert size == poses.size, "drawn in the photo's own size, so nothing is lost by enlarging"
    matte = default_matting().matte(person.photo)
    region = PersonRegion(matte, person.pose.points[0], poses.points)
    side = renderer.pipe.transformer.config.motion_encoder_size
    faces = renderer.faces(person.photo, person.pose).render(poses)
    whole = renderer.pipe(
        image=Image.fromarray(person.photo).resize(size, Image.Resampling.LANCZOS),
        pose_video=[
            Image.fromarray(skeleton_picture(p, size)) for p in poses.scaled(size).points
        ],
        face_video=[
            Image.fromarray(face_picture(frame, points, side))
            for frame, points in zip(faces, poses.points, strict=True)
        ],
        prompt_embeds=renderer.prompts[0], width=size[0], height=size[1],
        segment_frame_length=segment, prev_segment_conditioning_frames=overlap,
        num_inference_steps=1,
        generator=torch.Generator().manual_seed(0),
    ).frames[0]  # fmt: skip
    assert whole.shape == (count, size[1], size[0], 3)
    for made, frame, points in zip(ours, whole, poses.points, strict=True):
        mask = region.mask(points)
        assert (mask == 255).any()
        # But for the rounding to whole levels.
        assert np.abs(made - frame * 255)[mask == 255].max() < 0.6
        assert np.array_equal(made[mask == 0], person.photo[mask == 0])
    middles = [frame[20:40].astype(float).mean() for frame in ours]
    assert np.ptp(middles) > 0.1, "frames must differ"


def test_low_memory_streams_the_blocks_and_draws_the_same(person, monkeypatch):
    poses = moving(person.pose, 6)
    asked = []
    offload = WanAnimatePipeline.enable_group_offload

    def noted(pipe, device, use_stream, **options):
        asked.append((device.type, use_stream))
        # Only CUDA has streams.
        offload(pipe, device, **options)

    monkeypatch.setattr(WanAnimatePipeline, "enable_group_offload", noted)
    frames = []
    for low_memory in (False, True):
        own = WanAnimateRenderer(
            sampling=SAMPLING, device="cpu", low_memory=low_memory, pipe=tiny_pipeline()
        )
        frames.append(list(own.prepare(person.photo, person.pose).render(poses)))
    assert asked == [("cpu", True)]
    assert np.array_equal(*frames)


def test_a_folder_as_it_is_published_is_loaded(tmp_path, person):
    """In diffusers' format; the autoencoder stays in float32."""
    tiny_pipeline().save_pretrained(tmp_path)
    pipe = load(str(tmp_path))
    assert pipe.vae.dtype == torch.float32
    assert pipe.transformer.dtype == pipe.text_encoder.dtype == torch.bfloat16
    renderer = WanAnimateRenderer(sampling=SAMPLING, device="cpu", pipe=pipe)
    assert (
        len(list(renderer.prepare(person.photo, person.pose).render(moving(person.pose, 6)))) == 6
    )


def test_guidance_tells_the_frames(person):
    """Above 1 the pipeline is also shown what it should not draw: no face, no prompt."""
    poses = moving(person.pose, 3)
    frames = []
    for guidance in (1.0, 4.0):
        sampling = WanSampling(steps=1, guidance=guidance, pixels=48 * 64, segment=5)
        renderer = WanAnimateRenderer(sampling=sampling, device="cpu", pipe=tiny_pipeline())
        frames.append(list(renderer.prepare(person.photo, person.pose).render(poses)))
    assert not np.array_equal(*frames)


def test_frames_come_before_the_end_is_known(renderer, person):
    """Memory must not grow with the length: after a segment, only that was drawn."""
    drawn = 0

    class Counted:
        def render(self, poses):
            nonlocal drawn
            for _ in range(len(poses)):
                drawn += 1
                yield person.photo

    before, renderer.faces = renderer.faces, lambda photo, photo_pose: Counted()
    try:
        frames = renderer.prepare(person.photo, person.pose).render(moving(person.pose, 40))
        next(frames)
        assert drawn == SAMPLING.segment
        for _ in range(5):
            next(frames)
        assert drawn == 2 * SAMPLING.segment - SAMPLING.overlap
    finally:
        renderer.faces = before
        frames.close()


@pytest.mark.parametrize(("count", "runs"), [(1, 1), (5, 1), (6, 2), (9, 2), (10, 3)])
def test_segments_overlap_and_cover_every_frame(renderer, person, count, runs):
    poses = moving(person.pose, count)
    prepared = renderer.prepare(person.photo, person.pose)
    cut = list(segments(prepared.guides(poses), SAMPLING))
    assert [len(run) for run in cut] == [5] * runs
    for before, after in pairwise(cut):
        assert before[-1] is after[0]


def test_a_seed_gives_the_same_frames(renderer, person):
    poses = moving(person.pose, 2)
    one, two = (list(renderer.prepare(person.photo, person.pose).render(poses)) for _ in range(2))
    assert np.array_equal(one, two)


def test_skeletons_and_faces_follow_the_poses(renderer, person):
    points = moving(person.pose, 2).points.copy()
    points[1, layout.FACE, :2] += 3
    poses = Poses(points, person.pose.size)
    first, second, *_ = renderer.prepare(person.photo, person.pose).guides(poses)
    for before, after in zip(first, second, strict=True):
        assert np.abs(np.asarray(before, float) - np.asarray(after)).mean() > 0.5


def test_embedding_is_the_pipelines(monkeypatch):
    pipe = tiny_pipeline()
    # Its own needs the package ftfy.
    monkeypatch.setattr(pipeline_wan_animate, "prompt_clean", str)
    wanted, _ = pipe.encode_prompt("people move", None, False, max_sequence_length=512)
    torch.testing.assert_close(embed(pipe.tokenizer, pipe.text_encoder, "people move"), wanted)


def test_pictures_follow_the_models_convention():
    points = np.zeros((layout.NUM_POINTS, 3), np.float32)
    points[layout.RIGHT_SHOULDER], points[layout.LEFT_SHOULDER] = (100, 100, 1), (300, 100, 1)
    points[layout.RIGHT_ELBOW] = 100, 300, 1
    picture = skeleton_picture(points, (800, 800))
    # Neck to right shoulder is the first limb, red; the upper arm is the third, both at 60 %.
    assert picture[100, 150].tolist() == [153, 0, 0]
    assert picture[200, 100].tolist() == [153, 102, 0]
    assert picture[100, 100].tolist() == [255, 170, 0]
    # Three pixels to each side at 800 pixels: 800 // 200 - 1.
    assert picture[200, 103].any()
    assert not picture[200, 105].any()
    assert not skeleton_picture(points * [1, 1, 0.1], (800, 800)).any()
    # The face is told by the other video alone.
    points[layout.FACE] = 400, 500, 1
    assert np.array_equal(skeleton_picture(points, (800, 800)), picture)
    points[layout.LEFT_HAND] = 500, 500, 1
    assert skeleton_picture(points, (800, 800))[500, 500].tolist() == [0, 0, 255]


def test_the_face_box_grows_by_a_third_and_upwards():
    face = np.zeros((68, 2))
    face[0], face[1:] = (100, 100), (200, 200)
    left, right, top, bottom = face_box(face, (400, 400))
    gain = 100 * (1.3**0.5 - 1)
    assert (left, right) == (int(100 - gain / 2), int(200 + gain / 2))
    assert (top, bottom) == (int(100 - 0.75 * gain), int(200 + 0.25 * gain))
    points = np.zeros((layout.NUM_POINTS, 3))
    assert face_picture(np.full((50, 50, 3), 9, np.uint8), points - 99, 16).max() == 0


@pytest.mark.parametrize(
    ("size", "pixels", "drawn"),
    [
        ((1280, 720), 832 * 480, (848, 480)),
        ((512, 512), 832 * 480, (512, 512)),
        ((300, 200), 832 * 480, (304, 192)),
        ((9, 9), 832 * 480, (16, 16)),
    ],
)
def test_sizes(size, pixels, drawn):
    assert drawn_size(size, pixels) == drawn


def test_refusals(person, renderer, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"CUDA GPU with about 48 GB.*--preset puppet"):
        check_device("cpu", low_memory=False)
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="none is here"):
            WanAnimateRenderer()
    with pytest.raises(WeightsError, match=r"Could not load Wan-Animate.*hf download"):
        load(str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="not in the cache, and HF_HUB_OFFLINE is set"):
        load("nobody/nothing")
    for said, wrong in (
        ("segment is 6", {"segment": 6}),
        ("steps is 0", {"steps": 0}),
        ("guidance is 0.5", {"guidance": 0.5}),
        ("pixels is 100", {"pixels": 100}),
    ):
        with pytest.raises(ValueError, match=said):
            WanSampling(**wrong)
    faceless = Poses(person.pose.points * [1, 1, 0], person.pose.size)
    with pytest.raises(InputError, match="no face"):
        list(renderer.prepare(person.photo, faceless).render(faceless))
