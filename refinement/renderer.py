"""The learned renderer: networks choose the puppet's motion and finish its seams."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ..errors import UsageError
from ..keypoints.poses import Poses
from ..warping.inpainting import Inpainting
from ..warping.inputs import RendererInput
from ..warping.layer_cache import PhotoPreparation
from ..warping.matte import Matting
from ..warping.renderer import MAX_WORKERS, Puppet, check_photo, check_poses
from ..warping.scene import Scene, crop_for
from ..warping.side_by_side import side_by_side
from ..weights import locate
from .compose import Composer, CropPaint, crop_paints, crop_pictures
from .edges import edge_maps_numpy
from .face.drawing import face_painter
from .face.network import load_face_refiner
from .network import RendererNetwork, load_renderer

Precision = Literal["auto", "float32", "bfloat16"]
# Frames at a time on an accelerator, and threads that prepare and finish them.
BATCH = 16
FEEDERS = 16


class LearnedRenderer:
    """`Renderer`: needs weights, and is the puppet without training.

    weights: registered name or path of a .safetensors file. face: the same of the face's refiner
    (`face.drawing`); None paints mouth and lids as the puppet does. workers: threads; None for one
    a core, up to 4 (16 beside an accelerator). device: "auto" takes CUDA where there is one.
    precision: of the convolutions; "auto" is bfloat16 where the processor multiplies it
    (`has_bfloat16`). network: one that is already loaded, in place of ``weights``. matting,
    inpainting, cache_dir: how the photo is taken apart, see `warping.layer_cache.PhotoPreparation`.
    Raises: WeightsError where weights are missing or damaged.
    """

    name = "learned"
    takes_apart = True

    def __init__(
        self,
        weights: str = "renderer-lean",
        face: str | None = "face-refiner",
        workers: int | None = None,
        device: str = "auto",
        precision: Precision = "auto",
        network: RendererNetwork | None = None,
        matting: Matting | str | None = None,
        inpainting: Inpainting | str | None = None,
        cache_dir: str | Path | None = None,
    ) -> None:
        self.take_apart = PhotoPreparation(matting, inpainting, cache_dir)
        self.matting, self.inpainting = self.take_apart.matting, self.take_apart.inpainting
        if precision not in ("auto", "float32", "bfloat16"):
            raise UsageError(
                f"precision is {precision!r}. Expected 'auto', 'float32' or 'bfloat16'."
            )
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device)
        on_cpu = self.device.type == "cpu"
        self.workers = workers or min(MAX_WORKERS if on_cpu else FEEDERS, os.cpu_count() or 1)
        if precision == "auto":
            precision = "bfloat16" if has_bfloat16(self.device) else "float32"
        self.dtype = getattr(torch, precision)
        network = load_renderer(locate(weights)) if network is None else copy.deepcopy(network)
        self.network = network.for_inference(self.device, self.dtype)
        # On a processor whatever the device: small squares, drawn while the puppet is.
        on_cpu_dtype = torch.bfloat16 if has_bfloat16(torch.device("cpu")) else torch.float32
        self.face = (
            None if face is None else load_face_refiner(locate(face)).for_inference(on_cpu_dtype)
        )

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> LearnedPhoto:
        """Take the photo apart; see `pipelines.stages.Renderer`."""
        check_photo(photo, photo_pose)
        painting = None if self.face is None else face_painter(self.face)
        layers = self.take_apart(photo, photo_pose.points[0])
        return LearnedPhoto(Puppet(layers, painting), self.network, self.workers)


@dataclass(frozen=True)
class LearnedPhoto:
    """A photo taken apart. network: ready for inference. workers: threads."""

    puppet: Puppet
    network: RendererNetwork
    workers: int

    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        """One frame a pose; see `pipelines.stages.PreparedPhoto`."""
        check_poses(poses, self.puppet.size)
        # What the networks see of the photo depends on how far the person moves.
        crop = crop_for(
            self.puppet.parts.points, poses.points, poses.size, self.network.options.size
        )
        drawing = Drawing(Scene(self.puppet, crop), self.network)
        if drawing.device.type != "cpu":
            yield from drawing.in_batches(poses.points, self.workers)
        else:
            yield from side_by_side(drawing.frame, poses.points, self.workers)


class Drawing:
    """One photo's frames by a network that is ready for inference. Frames are independent."""

    def __init__(self, scene: Scene, network: RendererNetwork) -> None:
        self.scene, self.network = scene, network
        self.composer = Composer(scene.puppet.parts.photo, scene.crop)
        device = next(network.parameters()).device
        self.device = device
        self.fade = torch.from_numpy(self.composer.fade).to(device)
        edges = getattr(network, "edges", None)
        self.thickness = None if edges is None else edges.thickness.detach().cpu().numpy()
        with torch.inference_mode():
            photo = torch.from_numpy(scene.photo).permute(2, 0, 1)[None].to(device) / 255
            self.features = network.encode(photo)

    def frame(self, points: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 RGB of one driving skeleton [133, 3], in the photo's pixels."""
        frame, inputs = self.scene.prior(points)
        if not inputs.gate.any():
            return frame
        return self._finish(frame, self._run(inputs)[0])

    def in_batches(self, points: Iterable[np.ndarray], workers: int) -> Iterator[np.ndarray]:
        """The frames in order, `BATCH` at a time through the network. While a batch is put into
        its frames, the device has the next one."""
        painted = self._painted(side_by_side(self.scene.prior, points, workers))
        return side_by_side(lambda pair: self._finish(*pair), painted, workers)

    def _painted(
        self, priors: Iterator[tuple[np.ndarray, RendererInput]]
    ) -> Iterator[tuple[np.ndarray, CropPaint | np.ndarray]]:
        while batch := list(islice(priors, BATCH)):
            inputs = RendererInput.stack([one for _, one in batch]).to(self.device)
            frames = [frame for frame, _ in batch]
            yield from zip(frames, self._run(inputs), strict=True)

    def _run(self, inputs: RendererInput) -> list[CropPaint] | np.ndarray:
        """What `_finish` puts into each frame of a batch."""
        # Inference mode is a thread's own.
        with torch.inference_mode():
            rendering = self.network(inputs, self.features, self._edges(inputs))
            if self.composer.same:
                return crop_pictures(rendering)
            return crop_paints(rendering, inputs.gate, self.fade)

    def _finish(self, frame: np.ndarray, made: CropPaint | np.ndarray) -> np.ndarray:
        if isinstance(made, CropPaint):
            return self.composer.enlarge(frame, made)
        return self.composer.place(frame, made)

    def _edges(self, inputs: RendererInput) -> list[torch.Tensor] | None:
        """On a CPU, drawn window by window; elsewhere the network draws them."""
        if self.thickness is None or self.device.type != "cpu":
            return None
        sizes = [self.scene.crop.size // part for part in (8, 4, 2)]
        drawn = [edge_maps_numpy(p, self.thickness, sizes) for p in inputs.driven_points.numpy()]
        return [torch.from_numpy(np.stack(maps)) for maps in zip(*drawn, strict=True)]


def has_bfloat16(device: torch.device) -> bool:
    """Whether a processor multiplies bfloat16 itself. CPUs without those instructions would be
    slower by it than by float32; Linux alone tells which have them."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return False
    return bool(flags & {"avx512_bf16", "amx_bf16"})
