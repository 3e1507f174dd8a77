"""What stands before and behind the diffusion: pictures to latents and back, and CLIP's embedding.

The networks are public ones that nobody trains here: the autoencoder of Stable Diffusion
(Rombach et al., CVPR 2022) and CLIP's image encoder (Radford et al., ICML 2021).
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

# CLIP's own pictures: Radford et al., the published preprocessing.
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# Pixels of a tile. Of smaller ones each would have its own brightness.
_TILE = 640


class PictureCoders(nn.Module):
    """vae: diffusers' AutoencoderKL. clip: transformers' CLIPVisionModelWithProjection."""

    def __init__(self, vae: Any, clip: Any) -> None:
        super().__init__()
        self.vae, self.clip = vae, clip
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """[N, 3, H, W], RGB 0..1 -> latents [N, 4, H / 8, W / 8] of about unit variance."""
        mean = self.vae.encode(2 * pictures.to(self.vae.dtype) - 1).latent_dist.mean
        return mean * self.vae.config.scaling_factor

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents [N, 4, h, w] -> [N, 3, 8 h, 8 w], RGB 0..1."""
        scaled = latents.to(self.vae.dtype) / self.vae.config.scaling_factor
        return (self.vae.decode(scaled).sample / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def token(self, photos: Tensor) -> Tensor:
        """[N, 3, H, W], RGB 0..1 -> CLIP's image embedding [N, 1, D].

        Stretched to CLIP's square, as the public weights saw it in training.
        """
        size = self.clip.config.image_size
        small = functional.interpolate(
            photos.float(), (size, size), mode="bicubic", antialias=True, align_corners=False
        ).clamp(0, 1)
        mean, std = (
            torch.tensor(values, device=small.device).view(3, 1, 1)
            for values in (_CLIP_MEAN, _CLIP_STD)
        )
        normal = ((small - mean) / std).to(self.clip.dtype)
        return rearrange(self.clip(normal).image_embeds, "n d -> n 1 d")

    def save_memory(self) -> None:
        """Let the autoencoder take one picture at a time, and larger ones than it was trained
        with in tiles, whose seams are blended."""
        self.vae.enable_slicing()
        self.vae.enable_tiling()
        self.vae.tile_sample_min_size, self.vae.tile_latent_min_size = _TILE, _TILE // 8


def tiny_coders(token: int) -> PictureCoders:
    """Random ones of a few thousand parameters, for trying a training or a test. token: D."""
    from diffusers import AutoencoderKL
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 4, 4),
        norm_num_groups=2,
        latent_channels=4,
    )
    clip = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=16,
            projection_dim=token,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=32,
            patch_size=16,
        )
    )
    return PictureCoders(vae, clip)
