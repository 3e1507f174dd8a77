"""Wan-Animate as a renderer: diffusers' `WanAnimatePipeline`, driven by our skeletons.

Cheng et al. 2025, "Wan-Animate: Unified Character Animation and Replacement with Holistic
Replication". The model is told the body by a video of skeletons, and the face by a video of a
face. We have no such video, but a renderer that makes one: the puppet's face crop is what the
face's motion is read from.

`docs/swap-a-renderer.md` takes this file as its example of how a public model becomes a renderer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import UsageError, WeightsError
from ..keypoints.poses import Poses
from ..warping.matte import default_matting
from ..warping.renderer import PuppetRenderer, check_photo, check_poses
from ..weights import reachable
from .crop import Crop
from .region import PersonRegion
from .wan_pictures import face_picture, skeleton_picture

REPOSITORY = "Wan-AI/Wan2.2-Animate-14B-Diffusers"
# Computed from the parameters (17.3 billion in bfloat16) with room for one segment.
_GIGABYTES, _GIGABYTES_STREAMED = 48, 16
# Width and height must be multiples: the autoencoder's 8 times the transformer's patches of 2.
_MULTIPLE = 16
_PROMPT_TOKENS = 512
# Photo, its pose -> what renders poses: the `prepare` of a renderer.
Prepare = Callable[[np.ndarray, Poses], Any]
# Skeleton and face of a frame.
Guide = tuple[Image.Image, Image.Image]


@dataclass(frozen=True)
class WanSampling:
    """How frames are drawn. Defaults are those of Wan-Video/Wan2.2, but for the area."""

    steps: int = 20
    guidance: float = 1.0
    """Classifier-free guidance; above 1 it doubles the time."""
    pixels: int = 832 * 480
    """The area that is drawn, in the photo's shape; the model was trained up to 1280 x 720."""
    segment: int = 77
    """Frames that are drawn at once, a multiple of 4 and one."""
    overlap: int = 1
    """Frames of the segment before that a segment goes on from, 1 or 5."""
    prompt: str = "视频中的人在做动作"
    """"The person in the video moves", the prompt that the model was published with."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.segment % 4 != 1 or self.overlap not in (1, 5) or self.segment <= 2 * self.overlap:
            raise ValueError(
                f"segment is {self.segment} and overlap {self.overlap}; expected a segment of a "
                "multiple of 4 and one, longer than two overlaps, and an overlap of 1 or 5"
            )
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}, expected 1 or more")
        if self.guidance < 1:
            raise ValueError(f"guidance is {self.guidance:g}, expected 1 (none) or more")
        if self.pixels < _MULTIPLE**2:
            raise ValueError(f"pixels is {self.pixels}, expected {_MULTIPLE**2} or more")


class WanAnimateRenderer:
    """`Renderer` by Wan2.2-Animate-14B. The model draws whole pictures; the photo keeps what lies
    away from the person.

    weights: hub name or local folder of the model in diffusers' format. device: "auto" takes CUDA.
    low_memory: stream the model's blocks from main memory. faces: `prepare` of the renderer that
    draws the video that the face is read from; None is the puppet's. pipe: a loaded pipeline,
    which becomes the renderer's own, in place of ``weights``.
    Raises: UsageError without a GPU, or with too small a one; WeightsError where the model is
    neither on this machine nor can be fetched.
    """

    name = "wan-animate"

    def __init__(
        self,
        weights: str = REPOSITORY,
        sampling: WanSampling | None = None,
        device: str = "auto",
        low_memory: bool = False,
        faces: Prepare | None = None,
        pipe: Any = None,
    ) -> None:
        self.sampling = sampling or WanSampling()
        self.faces = faces or PuppetRenderer().prepare
        if pipe is None:
            check_device(device, low_memory)
            pipe = load(weights)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.pipe = pipe
        self.pipe.set_progress_bar_config(disable=True)
        texts = [self.sampling.prompt] + [""] * (self.sampling.guidance > 1)
        encoder = pipe.text_encoder.to("cpu" if low_memory else device)
        self.prompts = [embed(pipe.tokenizer, encoder, text) for text in texts]
        # A quarter of the memory, and not needed again.
        pipe.text_encoder = encoder = None
        if low_memory:
            pipe.enable_group_offload(
                torch.device(device), offload_type="leaf_level", use_stream=True
            )
        else:
            pipe.to(device)

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> WanPhoto:
        """Find the person in the photo; see `pipelines.stages.Renderer`."""
        check_photo(photo, photo_pose)
        size = photo_pose.size
        crop = Crop(0, 0, *size, drawn_size(size, self.sampling.pixels))
        faces = self.faces(photo, photo_pose)
        return WanPhoto(
            self, photo, photo_pose, crop, crop.cut(default_matting().matte(photo)), faces
        )

    def pictures(self, reference: Image.Image, guides: Iterator[Guide]) -> Iterator[np.ndarray]:
        """The model's pictures [h, w, 3] uint8 as a stream, to the end of the last segment.

        reference: the photo, in the size to draw in. guides: as `WanPhoto.guides` makes them.
        """
        noise = torch.Generator().manual_seed(self.sampling.seed)
        before: np.ndarray | None = None
        overlap = self.sampling.overlap
        for run in segments(guides, self.sampling):
            frames = self._draw(reference, run, before, noise)
            for frame in frames if before is None else frames[overlap:]:
                yield np.round(frame * 255).astype(np.uint8)
            before = frames[-overlap:]

    def _draw(
        self,
        reference: Image.Image,
        guides: list[Guide],
        before: np.ndarray | None,
        noise: torch.Generator,
    ) -> np.ndarray:
        """One segment, [T, H, W, 3] in 0..1. before: the frames it begins with."""
        skeletons, faces = zip(*guides, strict=True)
        sampling = self.sampling
        return self.pipe(
            image=reference,
            pose_video=list(skeletons),
            face_video=list(faces),
            width=reference.width,
            height=reference.height,
            prompt_embeds=self.prompts[0],
            negative_prompt_embeds=self.prompts[1] if len(self.prompts) > 1 else None,
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance,
            segment_frame_length=sampling.segment,
            prev_segment_conditioning_frames=sampling.overlap,
            generator=noise,
            output_type="np",
            **({} if before is None else continuation(before, len(guides))),
        ).frames[0]


@dataclass(frozen=True)
class WanPhoto:
    """crop: the whole photo, in the size to draw in. matte: the person, in that size. faces: the
    photo as prepared by `WanAnimateRenderer.faces`."""

    renderer: WanAnimateRenderer
    photo: np.ndarray
    pose: Poses
    crop: Crop
    matte: np.ndarray
    faces: Any

    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        """One frame a pose; see `pipelines.stages.PreparedPhoto`."""
        check_poses(poses, self.pose.size)
        crop, points = self.crop, self.crop.points(poses.points)
        region = PersonRegion(self.matte, crop.points(self.pose.points[0]), points)
        if region.still:
            yield from (self.photo.copy() for _ in range(len(poses)))
            return
        reference = Image.fromarray(crop.cut(self.photo))
        made = self.renderer.pictures(reference, self.guides(poses))
        # The last segment is drawn whole, too, so there may be more pictures than poses.
        for own, picture in zip(points, made, strict=False):
            frame = self.photo.copy()
            crop.paste(frame, picture, region.mask(own))
            yield frame

    def guides(self, poses: Poses) -> Iterator[Guide]:
        """Skeleton and face of each frame, up to the end of the last segment: there the motion
        runs backwards, as the model's authors fill it."""
        sampling = self.renderer.sampling
        count, overlap = len(poses), sampling.overlap
        step = sampling.segment - overlap
        beyond = overlap + step * max(1, -(-(count - overlap) // step)) - count
        order = np.pad(np.arange(count), (0, beyond), "reflect" if count > 1 else "edge")
        padded = poses[order]
        side = self.renderer.pipe.transformer.config.motion_encoder_size
        for points, frame in zip(padded.points, self.faces.render(padded), strict=True):
            yield (
                Image.fromarray(skeleton_picture(self.crop.points(points), self.crop.size)),
                Image.fromarray(face_picture(frame, points, side)),
            )


def continuation(before: np.ndarray, count: int) -> dict[str, Any]:
    """What makes one call of the pipeline go on from frames of the call before.

    The pipeline draws a long video in segments, but hands out none before the last is done. In its
    mode "replace" it keeps what a mask is black over: with the frames before under black and
    nothing (grey) under white, it computes just what it would for its own next segment.
    before: [overlap, H, W, 3] in 0..1. count: frames of the segment.
    """
    height, width = before.shape[1:3]
    nothing = np.full((height, width, 3), 0.5, np.float32)
    keep, draw = (Image.new("L", (width, height), level) for level in (0, 255))
    made = count - len(before)
    return {
        "mode": "replace",
        "background_video": [*before, *[nothing] * made],
        "mask_video": [keep] * len(before) + [draw] * made,
    }


def segments(guides: Iterator[Guide], sampling: WanSampling) -> Iterator[list[Guide]]:
    """Runs of ``segment`` guides, each of which begins with the last ``overlap`` of the one
    before. A stream: at most one run is held."""
    run = list(islice(guides, sampling.segment))
    while len(run) == sampling.segment:
        yield run
        kept = run[-sampling.overlap :]
        run = kept + list(islice(guides, sampling.segment - sampling.overlap))


def drawn_size(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """(width, height) to draw a picture of ``size`` in: of about that many pixels, never larger
    than the picture by more than a patch, both multiples of 16."""
    scale = min(1.0, math.sqrt(pixels / (size[0] * size[1])))
    width, height = (max(1, round(side * scale / _MULTIPLE)) * _MULTIPLE for side in size)
    return width, height


@torch.no_grad()
def embed(tokenizer: Any, text_encoder: torch.nn.Module, text: str) -> Tensor:
    """[1, 512, C]: a prompt as the pipeline embeds it, zero behind its end. (The pipeline's own way
    needs another package, ftfy, to mend texts of unknown origin.)"""
    tokens = tokenizer(
        [text], padding="max_length", max_length=_PROMPT_TOKENS, truncation=True,
        return_attention_mask=True, return_tensors="pt",
    )  # fmt: skip
    device = next(text_encoder.parameters()).device
    ids, mask = tokens.input_ids.to(device), tokens.attention_mask.to(device)
    return text_encoder(ids, mask).last_hidden_state * mask[..., None]


def check_device(device: str, low_memory: bool) -> None:
    """Raises: UsageError where the device cannot hold the model."""
    needed = _GIGABYTES_STREAMED if low_memory else _GIGABYTES
    instead = "Or use the warp renderer, which needs none: --preset puppet."
    if device == "cpu" or not torch.cuda.is_available():
        raise UsageError(
            f"Wan-Animate needs a CUDA GPU with about {needed} GB of memory; "
            f"{'the device is cpu' if device == 'cpu' else 'none is here'}. {instead}"
        )
    has = torch.cuda.get_device_properties(torch.device(device if device != "auto" else "cuda"))
    if has.total_memory < needed * 1e9:
        advice = "" if low_memory else f"low_memory brings it to {_GIGABYTES_STREAMED} GB. "
        raise UsageError(
            f"Wan-Animate needs about {needed} GB of GPU memory; {has.name} has "
            f"{has.total_memory / 1e9:.0f} GB. {advice}{instead}"
        )


def load(weights: str) -> Any:
    """The pipeline with a model in bfloat16 and an autoencoder in float32, in main memory.

    weights: hub name or local folder. Raises: WeightsError where it cannot be had.
    """
    from diffusers import AutoencoderKLWan, WanAnimatePipeline

    try:
        folder = weights if Path(weights).is_dir() else _snapshot(weights)
        vae = AutoencoderKLWan.from_pretrained(folder, subfolder="vae", torch_dtype=torch.float32)
        return WanAnimatePipeline.from_pretrained(folder, vae=vae, torch_dtype=torch.bfloat16)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise WeightsError(
            f"Could not load Wan-Animate from {weights!r} (some 50 GB): {reason}. Fetch it once "
            f"with a network, `hf download {REPOSITORY}`, or name the folder it lies in as the "
            "renderer's option `weights`."
        ) from error


def _snapshot(repository: str) -> str:
    """The folder of a hub's repository: in the cache, or fetched. Raises: OSError."""
    from huggingface_hub import constants, snapshot_download

    try:
        return snapshot_download(repository, local_files_only=True)
    except FileNotFoundError:
        if constants.HF_HUB_OFFLINE:
            raise OSError("it is not in the cache, and HF_HUB_OFFLINE is set") from None
        if not reachable(constants.ENDPOINT):
            raise OSError(
                f"it is not in the cache, and {constants.ENDPOINT} does not answer"
            ) from None
    return snapshot_download(repository)
