"""The tokenizer: a token a frame, decoding in pieces, gradient to its encoder."""

import torch

from gesticulate.motion.tokenizer import MotionTokenizer, TokenizerOptions

TINY = TokenizerOptions(dims=10, width=16, code_dim=8, codes=32, levels=3)


def tiny():
    """A tokenizer whose codebooks were started on a batch."""
    torch.manual_seed(0)
    tokenizer = MotionTokenizer(TINY)
    tokenizer.spread.uniform_(0.5, 2.0)
    tokenizer(torch.randn(4, 40, 10))
    return tokenizer


def test_every_frame_has_its_tokens():
    tokenizer = tiny().eval()
    for frames in (1, 7, 80):
        tokens = tokenizer.encode(torch.randn(2, frames, 10))
        assert tokens.shape == (2, frames, 3)
        assert tokenizer.decode(tokens).shape == (2, frames, 10)


def test_encode_and_decode_agree_with_forward():
    tokenizer = tiny().eval()
    vectors = torch.randn(2, 30, 10)
    made, quantized = tokenizer(vectors)
    tokens = tokenizer.encode(vectors)
    assert torch.equal(tokens, quantized.tokens)
    torch.testing.assert_close(tokenizer.decode(tokens), made, atol=1e-5, rtol=1e-5)


def test_decoding_in_pieces_changes_nothing():
    tokenizer = tiny().eval()
    tokens = tokenizer.encode(torch.randn(1, 100, 10))
    whole = tokenizer.decode(tokens)
    torch.testing.assert_close(tokenizer.decode(tokens, chunk=9), whole, atol=1e-5, rtol=1e-5)
    # `reach` is as far as a token is felt, and no less.
    changed = tokens.clone()
    changed[0, 50] = (changed[0, 50] + 5) % 32
    felt = (tokenizer.decode(changed) - whole).abs().sum(-1)[0] > 1e-6
    frames = felt.nonzero()[:, 0]
    assert frames.min() == 50 - tokenizer.reach
    assert frames.max() == 50 + tokenizer.reach


def test_the_spread_only_changes_units():
    tokenizer = tiny().eval()
    vectors = torch.randn(1, 20, 10)
    tokens = tokenizer.encode(vectors)
    made = tokenizer.decode(tokens)
    tokenizer.spread *= 3
    assert torch.equal(tokenizer.encode(3 * vectors), tokens)
    torch.testing.assert_close(tokenizer.decode(tokens), 3 * made)


def test_the_reconstruction_trains_the_encoder():
    tokenizer = tiny().train()
    vectors = torch.randn(2, 30, 10)
    made, _ = tokenizer(vectors)
    (made - vectors).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tokenizer.parameters())
