"""The diffusion renderer's networks against independent, plain versions of their parts."""

import dataclasses
import math

import pytest
import torch
from animation_counts import Held
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from einops import rearrange
from torch.nn import functional

from gesticulate.animation.networks import FULL, TINY, AnimationNetwork
from gesticulate.animation.sampling import GuidedVelocity, Sampling, sample
from gesticulate.animation.schedule import noise_schedule

TRANSFORMER = "down_blocks.0.attentions.0"
HEADS = TINY.heads


def plain_attention(state, name, queries, context):
    """softmax(Q K^T / sqrt(d)) V, written out. queries: [B, L, C], context: [B, M, D]."""
    q = queries @ state[f"{name}.to_q.weight"].T
    k = context @ state[f"{name}.to_k.weight"].T
    v = context @ state[f"{name}.to_v.weight"].T
    q, k, v = (rearrange(x, "b l (h d) -> b h l d", h=HEADS) for x in (q, k, v))
    weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), dim=-1)
    made = rearrange(weights @ v, "b h l d -> b l (h d)")
    return made @ state[f"{name}.to_out.0.weight"].T + state[f"{name}.to_out.0.bias"]


def plain_norm(state, name, x):
    return functional.layer_norm(
        x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-5
    )


def plain_feed_forward(state, name, x):
    inner = x @ state[f"{name}.net.0.proj.weight"].T + state[f"{name}.net.0.proj.bias"]
    value, gate = inner.chunk(2, dim=-1)
    made = value * functional.gelu(gate)
    return made @ state[f"{name}.net.2.weight"].T + state[f"{name}.net.2.bias"]


def plain_transformer(state, pictures, token, photo):
    """A spatial transformer whose frames with a photo also look at its tokens.

    pictures: [N, C, h, w]. token: [N, 1, D]. photo: a tensor [M, C] or None for each picture.
    """
    name = f"{TRANSFORMER}.transformer_blocks.0"
    normal = functional.group_norm(
        pictures, TINY.groups, state[f"{TRANSFORMER}.norm.weight"],
        state[f"{TRANSFORMER}.norm.bias"], 1e-6,
    )  # fmt: skip
    x = functional.conv2d(
        normal, state[f"{TRANSFORMER}.proj_in.weight"], state[f"{TRANSFORMER}.proj_in.bias"]
    )
    x = rearrange(x, "n c h w -> n (h w) c")
    normed = plain_norm(state, f"{name}.norm1", x)
    rows = []
    for own, other in zip(normed, photo, strict=True):
        context = own if other is None else torch.cat([own, other])
        rows.append(plain_attention(state, f"{name}.attn1", own[None], context[None])[0])
    x = x + torch.stack(rows)
    x = x + plain_attention(state, f"{name}.attn2", plain_norm(state, f"{name}.norm2", x), token)
    x = x + plain_feed_forward(state, f"{name}.ff", plain_norm(state, f"{name}.norm3", x))
    x = rearrange(x, "n (h w) c -> n c h w", h=pictures.shape[2])
    return pictures + functional.conv2d(
        x, state[f"{TRANSFORMER}.proj_out.weight"], state[f"{TRANSFORMER}.proj_out.bias"]
    )


@pytest.mark.parametrize("saving", [False, True])
@pytest.mark.parametrize("readers", [0, 1, 2])
def test_reference_attention_is_the_papers(network, readers, saving):
    """Two samples of three frames; the last ``readers`` samples read a photo each."""
    made = AnimationNetwork(TINY)
    made.load_state_dict(network.state_dict())
    if saving:
        made.save_memory()
    torch.manual_seed(1)
    pictures, token = torch.randn(6, 16, 4, 3), torch.randn(6, 1, TINY.token)
    tokens = torch.randn(readers, 12, 16)
    name = f"{TRANSFORMER}.transformer_blocks.0"
    kwargs = {"photo": {name: tokens} if readers else None, "frames": 3}
    transformer = made.denoiser.down_blocks[0].attentions[0]
    photo = [None] * (6 - 3 * readers) + [one for one in tokens for _ in range(3)]
    plain = plain_transformer(network.denoiser.state_dict(), pictures, token, photo)
    # With gradients the token's attention is computed in full, without them in short.
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            own = transformer(pictures, token, cross_attention_kwargs=kwargs, return_dict=False)[0]
        assert torch.allclose(own, plain, atol=1e-5)


def plain_motion(state, name, frames):
    """AnimateDiff's motion module: frames [F, C, h, w], each normalised for itself, then two
    self-attentions along time at every place."""
    height, width = frames.shape[2:]
    normal = functional.group_norm(
        frames, TINY.groups, state[f"{name}.norm.weight"], state[f"{name}.norm.bias"], 1e-6
    )
    x = rearrange(normal, "f c h w -> (h w) f c")
    x = x @ state[f"{name}.proj_in.weight"].T + state[f"{name}.proj_in.bias"]
    block = f"{name}.transformer_blocks.0"
    count, channels = x.shape[1:]
    at = torch.arange(count)[:, None] * torch.exp(
        torch.arange(0, channels, 2) * (-math.log(10000.0) / channels)
    )
    position = torch.stack([at.sin(), at.cos()], dim=-1).flatten(1)
    for number in (1, 2):
        normed = plain_norm(state, f"{block}.norm{number}", x) + position
        x = x + plain_attention(state, f"{block}.attn{number}", normed, normed)
    x = x + plain_feed_forward(state, f"{block}.ff", plain_norm(state, f"{block}.norm3", x))
    x = x @ state[f"{name}.proj_out.weight"].T + state[f"{name}.proj_out.bias"]
    return frames + rearrange(x, "(h w) f c -> f c h w", h=height, w=width)


@pytest.mark.parametrize("saving", [False, True])
def test_motion_modules_are_animatediffs(network, saving):
    made = AnimationNetwork(TINY)
    made.load_state_dict(network.state_dict())
    if saving:
        made.save_memory()
    name = "down_blocks.1.motion_modules.0"
    module = made.denoiser.get_submodule(name)
    torch.manual_seed(2)
    frames = torch.randn(2, 5, 32, 3, 2)
    own = module(rearrange(frames, "b f c h w -> (b f) c h w"), num_frames=5)
    plain = torch.cat([plain_motion(network.denoiser.state_dict(), name, one) for one in frames])
    assert torch.allclose(own, plain, atol=1e-5)


def plain_unet():
    """A Stable Diffusion UNet of diffusers, with its own attention."""
    return UNet2DConditionModel(
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=TINY.widths, layers_per_block=1, norm_num_groups=TINY.groups,
        attention_head_dim=TINY.heads, cross_attention_dim=TINY.token,
    ).eval()  # fmt: skip


def plain_blocks(unet):
    """Transformer blocks in the order in which the public code pairs writers with readers: by
    falling width, and of one width as they stand in the network."""
    found = [module for module in unet.modules() if isinstance(module, BasicTransformerBlock)]
    return sorted(found, key=lambda block: -block.norm1.normalized_shape[0])


def plain_reader(block, tokens, alone):
    """A transformer block's pass in which the batch reads tokens [B, L, C] of the photo, but for
    its first ``alone`` pictures."""

    def forward(states, encoder_hidden_states=None, **_):
        normed = block.norm1(states)
        seen = torch.cat([normed, tokens.expand(len(normed), -1, -1)], dim=1)
        read = block.attn1(normed, encoder_hidden_states=seen)
        read[:alone] = block.attn1(normed[:alone])
        states = states + read
        states = states + block.attn2(
            block.norm2(states), encoder_hidden_states=encoder_hidden_states
        )
        return states + block.ff(block.norm3(states))

    return forward


def test_the_whole_denoiser_reads_the_photo_as_the_public_one(network):
    """Without motion modules, against two UNets of diffusers joined as the public code joins its
    own: which block reads which, where the pose comes in, and what the unconditional half sees."""
    still = AnimationNetwork(dataclasses.replace(TINY, motion=False)).eval()
    still.load_state_dict(network.state_dict(), strict=False)
    reference, denoiser = plain_unet(), plain_unet()
    reference.load_state_dict(network.reference.state_dict(), strict=False)
    own = still.denoiser.state_dict()
    denoiser.load_state_dict(own)
    torch.manual_seed(9)
    photo, token = torch.randn(1, 4, 8, 6), torch.randn(1, 1, TINY.token)
    noisy, guide = torch.randn(2, 3, 4, 8, 6), torch.randn(2, 3, TINY.widths[0], 8, 6)
    tokens = torch.cat([torch.zeros_like(token), token])
    written = {}
    for i, block in enumerate(plain_blocks(reference)):
        block.norm1.register_forward_hook(lambda _, __, made, i=i: written.__setitem__(i, made))
    with torch.no_grad():
        reference(photo, 0, token)
        for i, block in enumerate(plain_blocks(denoiser)):
            block.forward = plain_reader(block, written[i], alone=3)
        denoiser.conv_in.register_forward_hook(lambda _, __, made: made + guide.flatten(0, 1))
        plain = denoiser(noisy.flatten(0, 1), 700, tokens.repeat_interleave(3, dim=0)).sample
        made = still(noisy, torch.tensor(700), tokens, guide, still.remember(photo, token))
    assert len(written) == 4
    assert torch.allclose(made.flatten(0, 1), plain, atol=1e-5)
    with torch.no_grad():
        unread = still(noisy, torch.tensor(700), tokens, guide)
    assert torch.allclose(made[0], unread[0], atol=1e-6)
    assert not torch.allclose(made[1], unread[1], atol=1e-3)


def test_the_reference_writes_what_its_attentions_see(network):
    """The tokens are those of an ordinary Stable Diffusion UNet of the same weights, at t = 0."""
    plain = plain_unet()
    missing, unexpected = plain.load_state_dict(network.reference.state_dict(), strict=False)
    assert not unexpected
    assert {name.split(".")[0] for name in missing} == {"conv_norm_out", "conv_out"}
    seen = {}
    for name, module in plain.named_modules():
        if name.endswith(".norm1") and ".attentions." in name:
            module.register_forward_hook(
                lambda _, __, made, name=name: seen.__setitem__(name.removesuffix(".norm1"), made)
            )
    torch.manual_seed(3)
    photo, token = torch.randn(1, 4, 8, 6), torch.randn(1, 1, TINY.token)
    with torch.no_grad():
        plain(photo, 0, token)
        tokens = network.remember(photo, token)
    assert tokens.keys() == seen.keys()
    for name, made in tokens.items():
        assert torch.allclose(made, seen[name], atol=1e-5)


def test_the_pose_is_added_behind_the_first_convolution(network):
    torch.manual_seed(4)
    latents, pose = torch.randn(3, 4, 8, 6), torch.randn(3, 16, 8, 6)
    first = network.denoiser.conv_in
    made = first(torch.cat([latents, pose], dim=1))
    plain = functional.conv2d(latents, first.weight, first.bias, padding=1) + pose
    assert torch.allclose(made, plain, atol=1e-6)


def test_untrained_motion_and_guider_change_nothing():
    torch.manual_seed(5)
    network = AnimationNetwork(TINY).eval()
    still = AnimationNetwork(dataclasses.replace(TINY, motion=False)).eval()
    missing, unexpected = still.load_state_dict(network.state_dict(), strict=False)
    assert not missing
    assert all(".motion_modules." in name for name in unexpected)
    noisy, token = torch.randn(1, 3, 4, 8, 8), torch.randn(1, 1, TINY.token)
    with torch.no_grad():
        guide = network.guide(torch.rand(1, 3, 3, 64, 64))
        assert not guide.any()
        together = network(noisy, torch.tensor(700), token, guide)
        alone = still(
            rearrange(noisy, "b f c h w -> f b c h w"), torch.tensor(700),
            token.expand(3, -1, -1), guide.transpose(0, 1),
        )  # fmt: skip
    assert torch.allclose(together, rearrange(alone, "f b c h w -> b f c h w"), atol=1e-5)


def test_gradients_reach_all_that_is_trained(network):
    made = AnimationNetwork(TINY).train()
    made.load_state_dict(network.state_dict())
    made.reference.enable_gradient_checkpointing()
    made.denoiser.enable_gradient_checkpointing()
    torch.manual_seed(6)
    token = torch.randn(2, 1, TINY.token)
    tokens = made.remember(torch.randn(2, 4, 8, 8), token)
    guide = made.guide(torch.rand(2, 3, 3, 64, 64))
    time = torch.tensor([10, 900])
    made(torch.randn(2, 3, 4, 8, 8), time, token, guide, tokens).square().mean().backward()
    last = "reference.up_blocks.1.attentions.1."
    idle = {name for name, p in made.named_parameters() if p.grad is None}
    assert idle
    assert all(name.startswith(last) for name in idle)


def test_checkpointing_keeps_few_activations(network):
    """Also in the motion modules, which diffusers' own checkpointing leaves out."""
    torch.manual_seed(10)
    noisy, token = torch.randn(1, 8, 4, 16, 16), torch.randn(1, 1, TINY.token)
    guide = torch.randn(1, 8, TINY.widths[0], 16, 16)
    peaks, gradients = [], []
    for again in (False, True):
        made = AnimationNetwork(TINY).train()
        made.load_state_dict(network.state_dict())
        if again:
            made.denoiser.enable_gradient_checkpointing()
        with Held([*made.parameters(), *made.buffers()]) as held:
            made(noisy, torch.tensor(500), token, guide).square().mean().backward()
        peaks.append(held.peak)
        end = made.denoiser.down_blocks[0].motion_modules[0].proj_in.weight
        gradients.append(end.grad)
    assert peaks[1] < 0.4 * peaks[0]
    assert torch.allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize("apart", [False, True])
def test_guidance_is_between_with_and_without_the_photo(network, apart):
    torch.manual_seed(7)
    noisy, token = torch.randn(2, 4, 4, 8, 8), torch.randn(1, 1, TINY.token)
    pictures = torch.rand(8, 3, 64, 64)
    with torch.no_grad():
        tokens = network.remember(torch.randn(1, 4, 8, 8), token)
        windows = [(0, 4), (3, 7)]
        guided = GuidedVelocity(
            network, tokens, token, lambda span: pictures[slice(*span)], 2.5, apart
        )(noisy, windows, 300)
        for number, (start, stop) in enumerate(windows):
            own, guide = noisy[number, None], network.guide(pictures[None, start:stop])
            time = torch.tensor(300)
            with_photo = network(own, time, token, guide, tokens)
            without = network(own, time, torch.zeros_like(token), guide)
            plain = without + 2.5 * (with_photo - without)
            assert torch.allclose(guided[number, None], plain, atol=1e-4)


def test_the_schedule_ends_in_noise_alone():
    """Zero terminal signal, and trailing steps that begin at it."""
    schedule = noise_schedule()
    schedule.set_timesteps(25)
    assert schedule.timesteps.tolist()[:3] == [999, 959, 919]
    assert schedule.timesteps.tolist()[-1] == 39
    assert schedule.alphas_cumprod[-1] == 0
    assert 0.99 < schedule.alphas_cumprod[0] < 1


@pytest.mark.parametrize("steps", [1, 8, 20, 24, 61])
def test_a_perfect_prediction_gives_the_latents_back(steps):
    """Also where the number of steps does not divide a thousand.

    v = sqrt(abar) noise - sqrt(1 - abar) x, whatever the noise: the samplers' signs agree."""
    torch.manual_seed(8)
    true = torch.randn(9, 4, 3, 3)
    schedule = noise_schedule()

    def perfect(noisy, windows, timestep):
        clean = torch.stack([true[slice(*span)] for span in windows])
        kept = schedule.alphas_cumprod[timestep]
        if kept == 0:
            return -clean
        noise = (noisy - kept.sqrt() * clean) / (1 - kept).sqrt()
        return kept.sqrt() * noise - (1 - kept).sqrt() * clean

    sampling = Sampling(steps=steps, guidance=1, window=4, overlap=2)
    made = torch.stack(list(sample(perfect, 9, (3, 3), sampling)))
    assert torch.allclose(made, true, atol=1e-4)


def test_the_full_size_has_the_public_networks_parameters():
    with torch.device("meta"):
        network = AnimationNetwork(FULL)
    counts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()
    }
    assert counts == {"reference": 859508800, "denoiser": 1312730244, "guider": 1086480}
