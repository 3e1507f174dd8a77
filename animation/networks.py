"""The diffusion renderer's networks: one reads the photo, one the poses, one denoises.

Hu et al., "Animate Anyone" (CVPR 2024), section 3, with the layers of its public reimplementation:
two UNets of Stable Diffusion 1.5 and the motion modules of AnimateDiff (Guo et al., ICLR 2024).
The UNets are diffusers'; here is what joins them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from .attention import PhotoTokens, ReadTokens, TokenAttention, WriteTokens
from .guider import PoseGuider
from .motion_module import NoMotion, as_trained

LATENT_CHANNELS = 4
# Pixels of the picture that are one of the latents.
LATENT_STEP = 8


@dataclass(frozen=True)
class AnimationOptions:
    """widths: channels of the UNets' levels, each of half the size of the one before. layers:
    residual blocks a level. heads: of every attention. groups: of every group norm.
    token: width of the photo's CLIP embedding. guider: widths of the pose guider.
    motion: with motion modules; without, frames do not see each other (training's first stage).
    max_frames: the longest window, which the motion modules' positions end with.
    """

    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    layers: int = 2
    heads: int = 8
    groups: int = 32
    token: int = 768
    guider: tuple[int, int, int, int] = (16, 32, 96, 256)
    motion: bool = True
    max_frames: int = 32

    @property
    def multiple(self) -> int:
        """Pixels of which the picture's sides must be multiples."""
        return LATENT_STEP * 2 ** (len(self.widths) - 1)


# The public weights' sizes, and what a test runs in milliseconds.
FULL = AnimationOptions()
TINY = AnimationOptions(
    widths=(16, 32), layers=1, heads=2, groups=8, token=16, guider=(4, 4, 8, 8), max_frames=8
)


class AnimationNetwork(nn.Module):
    """All that is trained. Untrained motion modules and guider change nothing: they end in zeros.

    ``reference`` writes the photo's tokens down, ``denoiser`` reads them, ``guider`` turns drawn
    skeletons into features. Both UNets are diffusers models (`enable_gradient_checkpointing`).
    """

    def __init__(self, options: AnimationOptions = FULL) -> None:
        super().__init__()
        self.options = options
        self.reference = _reference(options)
        self.denoiser = _denoiser(options)
        self.guider = PoseGuider(options.guider, options.widths[0])

    def remember(self, photo: Tensor, token: Tensor) -> PhotoTokens:
        """What the denoiser reads of a photo, once for all frames and steps.

        photo: [R, 4, h, w], latents without noise. token: [R, 1, D], its CLIP embedding.
        Returns [R, tokens, C] by the transformers' names.
        """
        tokens: PhotoTokens = {}
        still = torch.zeros(len(photo), device=photo.device, dtype=torch.long)
        self.reference(photo, still, token, cross_attention_kwargs={"photo": tokens})
        return tokens

    def guide(self, pictures: Tensor) -> Tensor:
        """Drawn skeletons [B, F, 3, H, W], RGB 0..1 -> features [B, F, C, h, w], h = H / 8."""
        features = self.guider(rearrange(pictures, "b f c h w -> (b f) c h w"))
        return rearrange(features, "(b f) c h w -> b f c h w", b=len(pictures))

    def forward(
        self,
        noisy: Tensor,
        timestep: Tensor,
        token: Tensor,
        guide: Tensor,
        photo: PhotoTokens | None = None,
    ) -> Tensor:
        """The velocity of noisy latents (v-prediction: Salimans and Ho, ICLR 2022, appendix D).

        noisy: [B, F, 4, h, w]. timestep: [B] or [], 0..999. token: [B, 1, D]; zeros where
        unconditional. guide: [B, F, C, h, w], of `guide`. photo: of `remember` with R <= B samples,
        which the last R of the batch read; None where none does.
        Returns [B, F, 4, h, w].
        """
        frames = noisy.shape[1]
        posed = torch.cat([noisy, guide.to(noisy.dtype)], dim=2)
        velocity = self.denoiser(
            rearrange(posed, "b f c h w -> b c f h w"),
            timestep,
            token.repeat_interleave(frames, dim=0),
            cross_attention_kwargs={"photo": photo, "frames": frames},
        ).sample
        return rearrange(velocity, "b c f h w -> b f c h w")

    def save_memory(self) -> None:
        """Let attention and feed-forward layers take one picture after the other, which a little
        slower holds a fraction of their values at a time."""
        for processor in self.denoiser.attn_processors.values():
            if isinstance(processor, ReadTokens):
                processor.rows = 1
        for name, module in self.denoiser.named_modules():
            if hasattr(module, "set_chunk_feed_forward"):
                # Pictures are the batch of spatial transformers and the sequence of temporal ones.
                module.set_chunk_feed_forward(1, dim=1 if ".motion_modules." in name else 0)


class PosedInput(nn.Conv2d):
    """A UNet's first convolution, which finds the pose's features behind its own channels and
    adds them to its result."""

    def forward(self, input: Tensor) -> Tensor:
        """[N, 4 + C, h, w] -> [N, C, h, w]."""
        return super().forward(input[:, : self.in_channels]) + input[:, self.in_channels :]


def _reference(options: AnimationOptions) -> nn.Module:
    from diffusers import UNet2DConditionModel

    deepest = len(options.widths) - 1
    unet = UNet2DConditionModel(
        down_block_types=("CrossAttnDownBlock2D",) * deepest + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * deepest,
        attention_head_dim=options.heads,
        **_sizes(options),
    )
    # Nobody looks at its picture, only at its tokens.
    unet.conv_norm_out, unet.conv_out = None, nn.Identity()
    _process(unet, WriteTokens)
    return unet


def _denoiser(options: AnimationOptions) -> nn.Module:
    from diffusers import UNetMotionModel

    deepest = len(options.widths) - 1
    unet = UNetMotionModel(
        down_block_types=("CrossAttnDownBlockMotion",) * deepest + ("DownBlockMotion",),
        up_block_types=("UpBlockMotion",) + ("CrossAttnUpBlockMotion",) * deepest,
        num_attention_heads=options.heads,
        motion_num_attention_heads=options.heads,
        motion_max_seq_length=options.max_frames,
        **_sizes(options),
    )
    unet.conv_in = PosedInput(LATENT_CHANNELS, options.widths[0], 3, padding=1)
    for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks):
        for i, module in enumerate(block.motion_modules):
            block.motion_modules[i] = as_trained(module) if options.motion else NoMotion()
    _process(unet, ReadTokens)
    return unet


def _sizes(options: AnimationOptions) -> dict[str, Any]:
    return {
        "block_out_channels": options.widths,
        "layers_per_block": options.layers,
        "norm_num_groups": options.groups,
        "cross_attention_dim": options.token,
    }


def _process(unet: Any, own: type[WriteTokens] | type[ReadTokens]) -> None:
    """Self-attention by ``own``, cross-attention to the token; motion modules as they are."""
    processors = {}
    for name, processor in unet.attn_processors.items():
        transformer, _, which = name.removesuffix(".processor").rpartition(".")
        if ".motion_modules." in name:
            processors[name] = processor
        else:
            processors[name] = own(transformer) if which == "attn1" else TokenAttention()
    unet.set_attn_processor(processors)
