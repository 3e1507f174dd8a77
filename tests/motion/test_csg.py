"""The public checkpoint of Democratizing: every key has its place, and the network is the same."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from gesticulate.errors import WeightsError
from gesticulate.motion.diffusion.csg import (
    COMPUTED,
    OPTIONS,
    STATISTICS,
    fill_public,
    load_public,
    translate,
)
from gesticulate.motion.diffusion.skeleton_network import SkeletonDenoiser, SkeletonOptions

# Names and shapes in the public checkpoint, as read from an instance of the public network.
FIXED = {
    "audio_learnable": (1024,),
    "input_process.poseEmbedding.weight": (1024, 246),
    "input_process.poseEmbedding.bias": (1024,),
    "concat_to_hidden.0.weight": (4096, 2048),
    "concat_to_hidden.0.bias": (4096,),
    "concat_to_hidden.2.weight": (1024, 4096),
    "concat_to_hidden.2.bias": (1024,),
    "sequence_pos_encoder.pe": (5000, 1, 1024),
    "embed_timestep.sequence_pos_encoder.pe": (5000, 1, 1024),
    "embed_timestep.time_embed.0.weight": (1024, 1024),
    "embed_timestep.time_embed.0.bias": (1024,),
    "embed_timestep.time_embed.2.weight": (1024, 1024),
    "embed_timestep.time_embed.2.bias": (1024,),
    "embed_audio.weight": (1024, 768),
    "embed_audio.bias": (1024,),
    "output_process.poseFinal.weight": (246, 1024),
    "output_process.poseFinal.bias": (246,),
}
LAYER = {
    "self_attn.in_proj_weight": (3072, 1024),
    "self_attn.in_proj_bias": (3072,),
    "self_attn.out_proj.weight": (1024, 1024),
    "self_attn.out_proj.bias": (1024,),
    "linear1.weight": (4096, 1024),
    "linear1.bias": (4096,),
    "linear2.weight": (1024, 4096),
    "linear2.bias": (1024,),
    "norm1.weight": (1024,),
    "norm1.bias": (1024,),
    "norm2.weight": (1024,),
    "norm2.bias": (1024,),
}


def public_checkpoint():
    """All tensors at full size, on the meta device."""
    shapes = FIXED | {
        f"seqTransEncoder.layers.{i}.{name}": shape
        for i in range(16)
        for name, shape in LAYER.items()
    }
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def test_every_key_has_its_place_at_full_size():
    theirs = public_checkpoint()
    assert len(theirs) == 209
    assert sum(v.numel() for k, v in theirs.items() if k not in COMPUTED) == 217_520_374
    ours = translate(theirs)
    # Two names never become one, and only the computed tables are left out.
    assert len(ours) == len(theirs) - len(COMPUTED)
    with torch.device("meta"):
        network = SkeletonDenoiser(OPTIONS)
    own = {k: v.shape for k, v in network.state_dict().items() if k not in STATISTICS}
    assert {k: v.shape for k, v in ours.items()} == own
    fill_public(network, theirs)


def test_a_key_without_a_place_or_missing_is_named():
    theirs = public_checkpoint()
    with torch.device("meta"):
        network = SkeletonDenoiser(OPTIONS)
    with pytest.raises(WeightsError, match=r"'aud_m.weight'"):
        fill_public(network, theirs | {"aud_m.weight": torch.empty(1)})
    extra = {"seqTransEncoder.layers.16.norm1.bias": torch.empty(1024)}
    with pytest.raises(WeightsError, match=r"unexpected \['transformer.layers.16.norm1.bias'\]"):
        fill_public(network, theirs | extra)
    short = {k: v for k, v in theirs.items() if k != "embed_audio.bias"}
    with pytest.raises(WeightsError, match=r"missing \['embed_speech.bias'\]"):
        fill_public(network, short)
    with pytest.raises(WeightsError, match="size mismatch"):
        fill_public(network, theirs | {"audio_learnable": torch.empty(5, device="meta")})
    with pytest.raises(WeightsError, match="other positions"):
        translate({"sequence_pos_encoder.pe": torch.zeros(7, 1, 8)})


class Positions(nn.Module):
    def __init__(self, width):
        super().__init__()
        table = torch.zeros(300, width)
        for place in range(300):
            for i in range(0, width, 2):
                table[place, i] = math.sin(place / 10000 ** (i / width))
                table[place, i + 1] = math.cos(place / 10000 ** (i / width))
        self.register_buffer("pe", table[:, None])


class PublicTwin(nn.Module):
    """The public network's forward pass written out, with the names of its checkpoint; [T, B, D]
    as there."""

    def __init__(self, dims, width, heads, hidden, layers, audio):
        super().__init__()
        self.audio_learnable = nn.Parameter(torch.randn(width))
        self.input_process = nn.ModuleDict({"poseEmbedding": nn.Linear(dims, width)})
        self.concat_to_hidden = nn.Sequential(
            nn.Linear(2 * width, 24), nn.GELU(), nn.Linear(24, width)
        )
        self.sequence_pos_encoder = Positions(width)
        layer = nn.TransformerEncoderLayer(width, heads, hidden, 0.0, "gelu")
        self.seqTransEncoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.embed_timestep = nn.Module()
        self.embed_timestep.sequence_pos_encoder = Positions(width)
        self.embed_timestep.time_embed = nn.Sequential(
            nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.embed_audio = nn.Linear(audio, width)
        self.output_process = nn.ModuleDict({"poseFinal": nn.Linear(width, dims)})

    def forward(self, noisy, step, history, audio):
        token = self.embed_timestep.time_embed(self.embed_timestep.sequence_pos_encoder.pe[step, 0])
        frames = self.input_process["poseEmbedding"](torch.cat([history, noisy], 0))
        heard = self.embed_audio(audio)
        heard = torch.cat([torch.zeros(len(history), *heard.shape[1:]), heard], 0)
        fused = self.concat_to_hidden(torch.cat([frames, heard], 2))
        x = torch.cat([token[None], fused], 0)
        x = self.seqTransEncoder(x + self.sequence_pos_encoder.pe[: len(x)])
        return self.output_process["poseFinal"](x[1 + len(history) :])


class Harmful:
    """What runs code where a file is read carelessly."""

    def __reduce__(self):
        return pytest.fail, ("a file of weights has run code",)


def tiny_pair():
    torch.manual_seed(0)
    twin = PublicTwin(dims=6, width=16, heads=2, hidden=20, layers=2, audio=5).eval()
    options = SkeletonOptions(
        speech_channels=5, dims=6, width=16, heads=2, hidden=20, layers=2, fusion=24,
        speech_layers=0, window=9, history=3, norm_first=False,
    )  # fmt: skip
    return twin, SkeletonDenoiser(options)


def test_the_network_computes_what_the_public_one_does():
    twin, network = tiny_pair()
    fill_public(network, twin.state_dict())
    noisy, history, audio = torch.randn(9, 2, 6), torch.randn(3, 2, 6), torch.randn(9, 2, 5)
    step = torch.tensor([4, 99])
    with torch.no_grad():
        expected = twin(noisy, step, history, audio)
        made = network(
            noisy.transpose(0, 1), step, history.transpose(0, 1),
            network.hear(audio.transpose(0, 1)),
        )  # fmt: skip
    torch.testing.assert_close(made.transpose(0, 1), expected, atol=1e-5, rtol=1e-4)


def test_a_checkpoint_is_read_from_its_file(tmp_path, monkeypatch):
    import gesticulate.motion.diffusion.csg as module

    twin, network = tiny_pair()
    monkeypatch.setattr(module, "OPTIONS", network.options)
    path = tmp_path / "model.pt"
    rest = {"optimizer": {}, "step": 3, "mean_loss": np.float64(0.1)}
    torch.save({"model": twin.state_dict(), **rest}, path)
    loaded = load_public(path, torch.full((6,), 0.5), torch.full((6,), 2.0))
    torch.testing.assert_close(loaded.unheard, twin.audio_learnable.data)
    torch.testing.assert_close(loaded.restore(torch.ones(6)), torch.full((6,), 2.5))
    assert not any(value.is_meta for value in loaded.state_dict().values())
    with pytest.raises(WeightsError, match=r"shape \[7\].* Expected \[6\]"):
        load_public(path, torch.zeros(7), torch.ones(6))
    with pytest.raises(WeightsError, match="No weights at"):
        load_public(tmp_path / "none.pt", torch.zeros(6), torch.ones(6))
    torch.save({"model": Harmful()}, path)
    for content in (path.read_bytes(), b"no checkpoint"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="no checkpoint of PyTorch") as raised:
            load_public(path, torch.zeros(6), torch.ones(6))
        assert "\n" not in str(raised.value)
