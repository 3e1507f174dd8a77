"""What stands before and behind the diffusion: CLIP's pictures, latents' scale, tiles."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessor

from gesticulate import examples
from gesticulate.animation.coders import PictureCoders, tiny_coders


class Noted(torch.nn.Module):
    """A CLIP that keeps what it was shown."""

    dtype = torch.float32

    def __init__(self, clip) -> None:
        super().__init__()
        self.config = clip.config
        self.seen = torch.empty(0)

    def forward(self, pictures):
        self.seen = pictures
        return type("Made", (), {"image_embeds": pictures.flatten(1)[:, :4]})


@pytest.fixture
def own() -> PictureCoders:
    torch.manual_seed(0)
    return tiny_coders(16)


@pytest.mark.parametrize("size", [(512, 512), (300, 500), (100, 90)])
def test_clip_sees_the_photo_as_in_its_training(own, size):
    """Against transformers' own preparation of a photo that was stretched to CLIP's square."""
    photo = np.asarray(Image.fromarray(examples.demo_photo()).resize(size))
    own.clip.config.image_size = 224
    own.clip = Noted(own.clip)
    own.token(torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255)
    stretched = Image.fromarray(photo).resize((224, 224))
    wanted = CLIPImageProcessor()(stretched, return_tensors="pt").pixel_values
    error = (own.clip.seen - wanted).abs()
    # But for the rounding to whole levels, of which one is 0.015 here, in rows and then columns.
    assert error.mean() < 0.007
    assert error.max() < 0.2


def test_latents_have_the_autoencoders_scale(own):
    """Stable Diffusion's 0.18215, on the mean, of pictures in -1..1."""
    picture = torch.rand(1, 3, 64, 48)
    with torch.no_grad():
        mean = own.vae.encode(2 * picture - 1).latent_dist.mean
        assert torch.allclose(own.encode(picture), 0.18215 * mean)
        latents = torch.randn(1, 4, 8, 6)
        shown = own.vae.decode(latents / 0.18215).sample / 2 + 0.5
        assert torch.allclose(own.decode(latents), shown.clamp(0, 1))


def test_saving_memory_decodes_a_picture_and_a_tile_at_a_time(own, monkeypatch):
    shapes = []
    decode = own.vae.decoder.forward

    def noted(latents):
        shapes.append(tuple(latents.shape))
        return decode(latents)

    monkeypatch.setattr(own.vae.decoder, "forward", noted)
    small, large = torch.randn(2, 4, 80, 80), torch.randn(2, 4, 96, 60)
    whole = own.decode(large)
    own.save_memory()
    shapes.clear()
    own.decode(small)
    assert shapes == [(1, 4, 80, 80)] * 2, "no tiles up to 640 pixels, which would show"
    shapes.clear()
    tiled = own.decode(large)
    assert len(shapes) == 4
    assert max(h * w for _, _, h, w in shapes) <= 80 * 80
    assert tiled.shape == whole.shape == (2, 3, 768, 480)
