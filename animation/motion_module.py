"""The motion modules: attention along time, as AnimateDiff's weights were trained.

Guo et al., "AnimateDiff" (ICLR 2024). The layers are diffusers'; here is what differs from them.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from einops import rearrange
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class MotionModule(AnimateDiffTransformer3D):
    """diffusers' motion module with a norm for each frame, which begins by changing nothing, and
    which the UNet's `enable_gradient_checkpointing` reaches."""

    gradient_checkpointing = False

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """As diffusers': [B * F, C, h, w] and ``num_frames``, F -> as much."""
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return checkpoint(super().forward, *args, use_reentrant=False, **kwargs)
        return super().forward(*args, **kwargs)


class FrameNorm(nn.GroupNorm):
    """Group norm of each frame for itself, as AnimateDiff's weights were trained with; diffusers
    normalises all frames of a window together."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, F, h, w]."""
        frames = super().forward(rearrange(input, "b c f h w -> (b f) c h w"))
        return rearrange(frames, "(b f) c h w -> b c f h w", b=len(input))


class NoMotion(nn.Module):
    """In place of a motion module."""

    def forward(self, hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        return hidden_states


def as_trained(module: AnimateDiffTransformer3D) -> MotionModule:
    """The module that diffusers built, made one of ours in place."""
    module.__class__ = MotionModule
    norm = module.norm
    module.norm = FrameNorm(norm.num_groups, norm.num_channels, norm.eps)
    nn.init.zeros_(module.proj_out.weight)
    nn.init.zeros_(module.proj_out.bias)
    return module
