"""Every motion generator of the house, with tiny random weights."""

from pathlib import Path

import torch

from gesticulate.motion.checkpoint import save_generator, save_tokenizers
from gesticulate.motion.contextual import ContextualGenerator
from gesticulate.motion.dialogue.checkpoint import save_pair
from gesticulate.motion.dialogue.diffusion import DialogueDiffusion, DialogueOptions
from gesticulate.motion.dialogue.network import PairDenoiser, PairOptions
from gesticulate.motion.diffusion.checkpoint import FineGesture, save_fine, save_skeleton
from gesticulate.motion.diffusion.fine import FineGestureGenerator, FineGestureOptions
from gesticulate.motion.diffusion.fine_network import FineDenoiser, FineOptions
from gesticulate.motion.diffusion.noise import SamplerOptions
from gesticulate.motion.diffusion.skeleton import (
    SkeletonDiffusionGenerator,
    SkeletonDiffusionOptions,
)
from gesticulate.motion.diffusion.skeleton_network import SkeletonDenoiser, SkeletonOptions
from gesticulate.motion.diffusion.vqvae import MotionVQVAE, VQVAEOptions
from gesticulate.motion.generator import GeneratorOptions, GestureGenerator
from gesticulate.motion.tokenizer import MotionTokenizer, TokenizerOptions
from gesticulate.speech.features import MelEncoder

CHANNELS = MelEncoder.channels
# Spreads of the face's and the body's vectors, about as in life.
SPREADS = (0.02, 0.2)


def contextual(folder: Path) -> ContextualGenerator:
    torch.manual_seed(0)
    pair = []
    for dims, spread in zip((136, 96), SPREADS, strict=True):
        tokenizer = MotionTokenizer(
            TokenizerOptions(dims=dims, width=16, code_dim=8, codes=32, levels=2)
        )
        tokenizer.spread.fill_(spread)
        tokenizer(spread * torch.randn(8, 40, dims))
        pair.append(tokenizer)
    save_tokenizers(folder / "tokenizer.safetensors", *pair)
    options = GeneratorOptions(
        speech_channels=CHANNELS, speakers=2, width=16, heads=2, hidden=32, layers=1,
        residual_layers=1, speech_layers=1, codes=32, levels=2, code_dim=8,
    )  # fmt: skip
    generator = GestureGenerator(options, 136, 96)
    generator.face.space.take(pair[0].quantizer)
    generator.body.space.take(pair[1].quantizer)
    save_generator(folder / "generator.safetensors", generator, ["somebody"])
    return ContextualGenerator(
        str(folder / "tokenizer.safetensors"), str(folder / "generator.safetensors")
    )


def tiny_skeleton(**changes) -> SkeletonDenoiser:
    torch.manual_seed(0)
    sizes = dict(
        speech_channels=CHANNELS, width=16, heads=2, hidden=32, layers=2, fusion=32,
        dropout=0.0, window=24, history=4,
    )  # fmt: skip
    denoiser = SkeletonDenoiser(SkeletonOptions(**(sizes | changes)))
    denoiser.spread[:136], denoiser.spread[136:] = SPREADS
    return denoiser.eval()


def skeleton_diffusion(
    folder: Path, options: SkeletonDiffusionOptions | None = None, **changes
) -> SkeletonDiffusionGenerator:
    path = folder / "skeleton.safetensors"
    save_skeleton(path, tiny_skeleton(**changes))
    options = options or SkeletonDiffusionOptions(SamplerOptions(steps=4), lookahead=6)
    return SkeletonDiffusionGenerator(str(path), options)


def tiny_vqvae() -> MotionVQVAE:
    torch.manual_seed(0)
    vqvae = MotionVQVAE(VQVAEOptions(width=4, code_dim=6, codes=16))
    vqvae.spread[:136], vqvae.spread[136:] = SPREADS
    # An untrained network hardly lets anything through.
    for layers in (vqvae.encoder, vqvae.decoder):
        for layer in layers:
            if isinstance(layer, torch.nn.Conv1d):
                layer.weight.data.mul_(1.7)
    # One step of training puts the codes onto latents.
    spread = vqvae.spread.clone()
    vqvae.train()(spread * torch.randn(6, 30, 232), torch.ones(6, 30, 232))
    return vqvae.eval()


def tiny_fine(latent: int = 6, **changes) -> FineDenoiser:
    torch.manual_seed(0)
    sizes = dict(
        speech_channels=CHANNELS, latent=latent, width=16, heads=2, hidden=32, layers=2,
        speech_width=16, speakers=3, dropout=0.0, window=24, history=4,
    )  # fmt: skip
    return FineDenoiser(FineOptions(**(sizes | changes))).eval()


def fine_gesture(
    folder: Path, options: FineGestureOptions | None = None, **changes
) -> FineGestureGenerator:
    path = folder / "fine.safetensors"
    save_fine(path, FineGesture(tiny_vqvae(), tiny_fine(**changes), ["somebody"]))
    options = options or FineGestureOptions(SamplerOptions(steps=4), lookahead=6)
    return FineGestureGenerator(str(path), options)


def dialogue(folder: Path) -> DialogueDiffusion:
    torch.manual_seed(0)
    denoiser = PairDenoiser(
        PairOptions(
            speech_channels=CHANNELS, width=16, heads=2, hidden=32, layers=2, dropout=0.0,
            window=24, history=4,
        )
    )  # fmt: skip
    denoiser.spread[:136], denoiser.spread[136:] = SPREADS
    path = folder / "dialogue.safetensors"
    save_pair(path, denoiser.eval())
    return DialogueDiffusion(str(path), DialogueOptions(SamplerOptions(steps=4), lookahead=6))


GENERATORS = {
    "contextual": contextual,
    "skeleton-diffusion": skeleton_diffusion,
    "fine-gesture": fine_gesture,
    "dialogue": dialogue,
}
