"""The diffusion renderer: photo + skeletons -> frames by latent diffusion."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from ..errors import UsageError
from ..keypoints.drawing import draw
from ..keypoints.poses import Poses
from ..warping.matte import default_matting
from ..warping.renderer import check_photo, check_poses
from ..warping.side_by_side import side_by_side
from .coders import PictureCoders
from .crop import Crop, crop_for
from .loading import PUBLIC, load_weights
from .memory import (
    DECODED_AT_ONCE,
    DECODED_SAVING,
    ONE_PICTURE,
    activations,
    check_memory,
    choose_device,
    weight_bytes,
)
from .networks import LATENT_STEP, AnimationNetwork
from .region import PersonRegion
from .sampling import GuidedVelocity, Sampling, sample
from .windows import Span

# Threads that draw skeletons and put frames together, beside an accelerator.
WORKERS = 8


class AnimationRenderer:
    """`Renderer` by the AnimateAnyone networks.

    weights: "animate-anyone", a .safetensors file, or a folder of the public files
    (`loading.load_weights`). sampling: steps, guidance and windows. size: the networks' picture
    has about size x size pixels, in the person's shape. seed: of the noise. low_memory: half
    of the memory in more time. device: "auto" takes a GPU and demands one.
    network, coders: loaded ones, which the renderer makes its own, in place of ``weights``.
    Raises: UsageError where there is no GPU or not enough memory; WeightsError where weights are
    missing or damaged.
    """

    name = "animation"

    def __init__(
        self,
        weights: str = PUBLIC,
        sampling: Sampling | None = None,
        size: int = 512,
        seed: int = 0,
        low_memory: bool = False,
        device: str = "auto",
        network: AnimationNetwork | None = None,
        coders: PictureCoders | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.dtype, self.coded = precision(self.device)
        self.workers = 1 if self.device.type == "cpu" else min(WORKERS, os.cpu_count() or 1)
        if network is None or coders is None:
            network, coders = load_weights(weights, self.dtype)
        self.network = network.to(self.dtype).eval().requires_grad_(False)
        self.coders = coders.to(self.coded)
        self.sampling, self.seed, self.low_memory = sampling or Sampling(), seed, low_memory
        self.side = size
        self._check_options()
        self._check_memory((size, size))
        if low_memory:
            self.network.save_memory()
            self.coders.save_memory()
        self._resident(low_memory).to(self.device)

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> AnimationPhoto:
        """Find the person in the photo; see `pipelines.stages.Renderer`."""
        check_photo(photo, photo_pose)
        return AnimationPhoto(self, photo, photo_pose.points[0], default_matting().matte(photo))

    def pictures(self, photo: np.ndarray, points: np.ndarray, crop: Crop) -> Iterator[np.ndarray]:
        """The networks' pictures [H, W, 3] uint8 as a stream. photo: as large. points: [T, 133, 3]
        in its pixels."""
        self._check_memory(crop.size, loaded=True)
        tokens, token = self._look_at(photo)
        keep = self.device if not self.low_memory else torch.device("cpu")
        drawn = DrawnPoses(points, crop.size, self.device, self.dtype, keep, self.workers)
        velocity = GuidedVelocity(
            self.network, tokens, token, drawn, self.sampling.guidance, apart=self.low_memory
        )
        latent_size = crop.size[0] // LATENT_STEP, crop.size[1] // LATENT_STEP
        latents = sample(velocity, len(points), latent_size, self.sampling, self.seed, self.device)
        done = 0
        while batch := list(
            islice(latents, DECODED_SAVING if self.low_memory else DECODED_AT_ONCE)
        ):
            yield from to_pictures(self.coders.decode(torch.stack(batch)))
            done += len(batch)
            drawn.forget(done)

    @torch.no_grad()
    def _look_at(self, photo: np.ndarray) -> tuple[dict[str, Tensor], Tensor]:
        """What the reference network and CLIP make of the photo, once for all frames."""
        whole = to_tensor(photo[None], self.device, self.coded)
        with self._visiting(self.coders.clip):
            token = self.coders.token(whole).to(self.dtype)
        latents = self.coders.encode(whole).to(self.dtype)
        with self._visiting(self.network.reference):
            return self.network.remember(latents, token), token

    @contextmanager
    def _visiting(self, module: nn.Module) -> Iterator[None]:
        """A module that is needed once a photo: in low memory, on the device only meanwhile."""
        module.to(self.device)
        yield
        if self.low_memory and self.device.type != "cpu":
            module.to("cpu")

    def _resident(self, low_memory: bool) -> nn.ModuleList:
        """What stays on the device."""
        each_step = [self.network.denoiser, self.network.guider, self.coders.vae]
        once = [self.network.reference, self.coders.clip]
        return nn.ModuleList(each_step if low_memory else each_step + once)

    def _check_options(self) -> None:
        options = self.network.options
        if self.sampling.window > options.max_frames:
            raise UsageError(
                f"The renderer's window is {self.sampling.window} frames; these weights know "
                f"{options.max_frames} at most."
            )
        if self.side < options.multiple:
            raise UsageError(f"The renderer's size is {self.side}, expected {options.multiple} up.")

    def _check_memory(self, size: tuple[int, int], loaded: bool = False) -> None:
        """size: (width, height) of the networks' picture. loaded: the weights are on the device."""
        options, itemsize = self.network.options, self.dtype.itemsize
        needed = activations(options, size, self.sampling, itemsize, self.low_memory)
        if self.device.type == "cpu":
            check_memory(needed, None, self.device)
            return
        saving = activations(options, size, self.sampling, itemsize, low_memory=True)
        # In low memory, the reference network comes while nothing is denoised.
        photo = activations(options, size, ONE_PICTURE, itemsize, low_memory=True)
        saving = max(saving, photo + weight_bytes([self.network.reference], itemsize))
        if self.low_memory:
            needed = saving
        if not loaded:
            needed += weight_bytes(self._resident(self.low_memory), itemsize)
            saving += weight_bytes(self._resident(low_memory=True), itemsize)
        check_memory(needed, None if self.low_memory else saving, self.device)


@dataclass(frozen=True)
class AnimationPhoto:
    """photo: [H, W, 3] uint8. pose: [133, 3] in its pixels. matte: [H, W] in 0..1, the person."""

    renderer: AnimationRenderer
    photo: np.ndarray
    pose: np.ndarray
    matte: np.ndarray

    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        """One frame a pose; see `pipelines.stages.PreparedPhoto`."""
        check_poses(poses, (self.photo.shape[1], self.photo.shape[0]))
        renderer, multiple = self.renderer, self.renderer.network.options.multiple
        crop = crop_for(self.pose, poses.points, self.matte, renderer.side, multiple)
        picture, points = crop.cut(self.photo), crop.points(poses.points)
        region = PersonRegion(
            crop.cut(self.matte), crop.points(self.pose), points, crop.fade(poses.size)
        )
        if region.still:
            # The photo as it is, with the sharpness that latents would take from it.
            yield from (self.photo.copy() for _ in range(len(poses)))
            return

        def finish(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
            own, made = pair
            frame = self.photo.copy()
            crop.paste(frame, made, region.mask(own))
            return frame

        made = renderer.pictures(picture, points, crop)
        # While a frame is put together, the device has the next ones.
        yield from side_by_side(finish, zip(points, made, strict=True), renderer.workers)


class DrawnPoses:
    """Skeletons drawn when a window asks for them, and kept until their frames are finished.

    points: [T, 133, 3] in pixels of a picture of ``size`` (width, height). device, dtype: of what
    is handed out. keep: the device on which pictures wait. workers: threads that draw.
    """

    def __init__(
        self,
        points: np.ndarray,
        size: tuple[int, int],
        device: torch.device,
        dtype: torch.dtype,
        keep: torch.device,
        workers: int = 1,
    ) -> None:
        self.points, self.size, self.device, self.dtype = points, size, device, dtype
        self.keep, self.workers = keep, workers
        self._drawn: dict[int, Tensor] = {}

    def __call__(self, span: Span) -> Tensor:
        """[F, 3, H, W], RGB 0..1, of the frames of a span."""
        new = [i for i in range(*span) if i not in self._drawn]
        pictures = side_by_side(self._draw, new, self.workers)
        for i, picture in zip(new, pictures, strict=True):
            self._drawn[i] = torch.from_numpy(picture).to(self.keep)
        stack = torch.stack([self._drawn[i] for i in range(*span)]).to(self.device)
        return rearrange(stack, "f h w c -> f c h w").to(self.dtype) / 255

    def _draw(self, i: int) -> np.ndarray:
        return draw(self.points[i], self.size, full_dots=True)

    def forget(self, before: int) -> None:
        """Drop the frames before one."""
        for i in [i for i in self._drawn if i < before]:
            del self._drawn[i]


def precision(device: torch.device) -> tuple[torch.dtype, torch.dtype]:
    """Of the diffusion's networks, and of those around them, whose last bits are seen."""
    if device.type == "cpu":
        return torch.float32, torch.float32
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16, torch.float16
    return torch.float16, torch.float16


def to_tensor(pictures: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
    """[N, H, W, 3] uint8 -> [N, 3, H, W], 0..1."""
    stack = torch.from_numpy(pictures).to(device)
    return rearrange(stack, "n h w c -> n c h w").to(dtype) / 255


def to_pictures(pictures: Tensor) -> np.ndarray:
    """[N, 3, H, W], 0..1 -> [N, H, W, 3] uint8."""
    stack = (255 * pictures.float()).round().to(torch.uint8)
    return rearrange(stack, "n c h w -> n h w c").cpu().numpy()
