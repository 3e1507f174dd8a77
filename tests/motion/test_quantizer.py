"""The residual quantiser against a plain loop, and what keeps its codebooks alive."""

import numpy as np
import torch

from gesticulate.motion.quantizer import UNUSED, Codebook, ResidualQuantizer


def started(levels=3, codes=16, dim=4, **options):
    """A quantiser whose codebooks are random."""
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(levels, codes, dim, **options)
    for book in quantizer.books:
        book.codes.normal_()
        book.sums.copy_(book.codes)
        book.counts.fill_(1.0)
    quantizer.started.fill_(True)
    return quantizer


def test_agrees_with_a_plain_loop():
    quantizer = started().eval()
    vectors = torch.randn(2, 5, 4)
    result = quantizer(vectors)
    commitment = np.zeros(3)
    for b in range(2):
        for t in range(5):
            residual = vectors[b, t].numpy().astype(np.float64)
            total = np.zeros(4)
            for level, book in enumerate(quantizer.books):
                codes = book.codes.numpy().astype(np.float64)
                best = min(range(16), key=lambda k: ((residual - codes[k]) ** 2).sum())
                assert result.tokens[b, t, level] == best
                commitment[level] += ((residual - codes[best]) ** 2).mean() / 10
                total += codes[best]
                residual -= codes[best]
            np.testing.assert_allclose(result.values[b, t].numpy(), total, atol=1e-5)
    np.testing.assert_allclose(float(result.commitment), commitment.mean(), rtol=1e-5)
    torch.testing.assert_close(quantizer.lookup(result.tokens), result.values)


def test_straight_through_gradient_is_one_however_many_levels():
    quantizer = started(levels=6).eval()
    vectors = torch.randn(2, 5, 4, requires_grad=True)
    weights = torch.randn(2, 5, 4)
    (quantizer(vectors).values * weights).sum().backward()
    torch.testing.assert_close(vectors.grad, weights)


def test_dead_codes_move_onto_vectors_of_the_batch():
    torch.manual_seed(0)
    book = Codebook(8, 2, decay=0.5, reset_below=0.1)
    vectors = torch.randn(32, 2)
    book.start(vectors)
    book.codes[3] = book.sums[3] = torch.tensor([100.0, 100.0])
    for _ in range(6):
        book.update(vectors, book.nearest(vectors))
    assert book.codes.abs().max() <= vectors.abs().max()
    distances = torch.cdist(book.codes, vectors).min(1).values
    assert distances.max() < 2.0


def test_codes_follow_the_mean_of_what_chose_them():
    book = Codebook(2, 1, decay=0.9, reset_below=0.0)
    book.codes.copy_(torch.tensor([[-1.0], [1.0]]))
    book.sums.copy_(book.codes)
    book.counts.fill_(1.0)
    vectors = torch.tensor([[-3.0], [-2.0], [4.0]])
    for _ in range(200):
        book.update(vectors, book.nearest(vectors))
    torch.testing.assert_close(book.codes, torch.tensor([[-2.5], [4.0]]), atol=1e-3, rtol=0)


def test_quantize_dropout_leaves_out_the_last_levels_of_a_sample():
    quantizer = started(levels=6, dropout=1.0).train()
    vectors = torch.randn(64, 3, 4)
    tokens = quantizer(vectors).tokens
    used = (tokens != UNUSED).all(1)
    depth = used.sum(-1)
    assert set(depth.tolist()) == set(range(1, 7))
    for sample, levels in zip(used, depth, strict=True):
        assert sample[:levels].all()
        assert not sample[levels:].any()
    torch.testing.assert_close(quantizer.lookup(tokens).shape, vectors.shape)


def test_frames_that_are_not_valid_teach_the_codebook_nothing():
    quantizer = started(levels=1, dropout=0.0, reset_below=0.0).train()
    vectors = torch.randn(4, 6, 4)
    valid = torch.ones(4, 6, dtype=torch.bool)
    valid[:, 3:] = False
    other = vectors.clone()
    other[:, 3:] += 50
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer(vectors, valid)
    first = quantizer.books[0].codes.clone()
    quantizer.load_state_dict(before)
    quantizer(other, valid)
    torch.testing.assert_close(quantizer.books[0].codes, first)
