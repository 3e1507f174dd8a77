"""What the full diffusion renderer computes and holds, counted without computing anything.

Networks on torch's meta device have shapes and no data: operations and storages can be followed
there on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from gesticulate.animation.coders import PictureCoders
from gesticulate.animation.networks import LATENT_CHANNELS, AnimationNetwork, AnimationOptions
from gesticulate.animation.sampling import Sampling
from gesticulate.animation.windows import spans


def full_coders() -> PictureCoders:
    """Autoencoder and CLIP at the public ones' sizes, random."""
    from diffusers import AutoencoderKL
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
    )
    clip = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=1024, intermediate_size=4096, projection_dim=768, num_hidden_layers=24,
            num_attention_heads=16, image_size=224, patch_size=14,
        )
    )  # fmt: skip
    return PictureCoders(vae, clip)


@dataclass
class Counts:
    """Operations (a multiplication with its addition is two). reference: once a photo, CLIP and
    encoder included. alone, guided: one step of one window without and with guidance. guide: of
    the window's skeletons, in each step again. decode: of a frame."""

    reference: float
    alone: float
    guided: float
    guide: float
    decode: float

    def parts(self, frames: int, sampling: Sampling) -> dict[str, float]:
        """What a video takes, by part."""
        windows = len(spans(frames, sampling.window, sampling.overlap)) * sampling.steps
        return {
            "photo": self.reference,
            "denoising": windows * (self.guided if sampling.guided else self.alone),
            "skeletons": windows * self.guide,
            "decoding": frames * self.decode,
        }


def count(options: AnimationOptions, size: int, window: int) -> Counts:
    """Count at a picture of size x size, without computing anything."""
    with torch.device("meta"):
        network, coders = AnimationNetwork(options).eval(), full_coders()
        latents = torch.randn(2, window, 4, size // 8, size // 8)
        pictures = torch.randn(1, window, 3, size, size)
        photo, token = torch.randn(1, 4, size // 8, size // 8), torch.randn(1, 1, options.token)
    still = torch.zeros((), dtype=torch.long, device="meta")

    def step(samples: int) -> Callable[[], Any]:
        guide = torch.empty(samples, window, options.widths[0], size // 8, size // 8, device="meta")
        return lambda: network(
            latents[:samples], still, token.expand(samples, -1, -1), guide, tokens
        )

    with torch.no_grad():
        tokens = network.remember(photo, token)
        clip = coders.clip.config.image_size
        seen = torch.randn(1, 3, clip, clip, device="meta")
        return Counts(
            reference=operations(lambda: network.remember(photo, token))
            + operations(lambda: coders.clip(seen))
            + operations(lambda: coders.encode(pictures[:, 0])),
            alone=operations(step(1)),
            guided=operations(step(2)),
            guide=operations(lambda: network.guide(pictures)),
            decode=operations(lambda: coders.decode(latents[:1, 0])),
        )


class Held(TorchDispatchMode):
    """Follows the storages of all tensors that are made within it until nobody holds them.

    peak: the most bytes at a time. given: tensors whose storages do not count.
    """

    def __init__(self, given: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.given = {tensor.untyped_storage()._cdata for tensor in given}
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                storage = leaf.untyped_storage()
                if storage._cdata not in self.given:
                    self.alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.alive = {key: held for key, held in self.alive.items() if not held[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))
        return made


def held_values(
    options: AnimationOptions, size: int, window: int, guided: bool, saving: bool
) -> float:
    """Values that the denoiser holds at its peak, of each picture's latent pixel and channel of
    the first level, counted without computing anything. saving: with `save_memory`."""
    halves = 2 if guided else 1
    with torch.device("meta"):
        network = AnimationNetwork(options).eval()
        noisy = torch.empty(halves, window, LATENT_CHANNELS, size // 8, size // 8)
        guide = torch.empty(halves, window, options.widths[0], size // 8, size // 8)
        photo, token = torch.empty(1, 4, size // 8, size // 8), torch.empty(1, 1, options.token)
        time = torch.zeros((), dtype=torch.long)
    if saving:
        network.save_memory()
    with torch.no_grad(), _fused_attention():
        tokens = network.remember(photo, token)
        given = [*network.parameters(), *network.buffers(), noisy, token, *tokens.values()]
        with Held(given) as held:
            network(noisy, time, token.expand(halves, -1, -1), guide, tokens)
    # The pose's features, which nothing here made.
    peak = held.peak + guide.untyped_storage().nbytes()
    return peak / noisy.itemsize / (noisy[:, :, 0].numel() * options.widths[0])


def held_decoding(size: int, pictures: int) -> float:
    """Values that the autoencoder holds at its peak, of each pixel that it decodes."""
    with torch.device("meta"):
        coders = full_coders()
        latents = torch.empty(pictures, LATENT_CHANNELS, size // 8, size // 8)
    given = [*coders.parameters(), *coders.buffers(), latents]
    with _fused_attention(), Held(given) as held:
        coders.decode(latents)
    return held.peak / latents.itemsize / (pictures * size * size)


@contextmanager
def _fused_attention() -> Iterator[None]:
    """Attention whose weights are never written out, as on a GPU; the meta device's are."""
    own = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = lambda query, *_, **__: torch.empty_like(query)
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = own


def operations(run: Callable[[], Any]) -> float:
    """A multiplication with its addition is two."""
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())
