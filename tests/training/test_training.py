"""Training at tiny size, on a data set as `gesticulate dataset build` writes it."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from gesticulate.configs import load, names
from gesticulate.errors import InputError
from gesticulate.evaluation.fgd import known_distance
from gesticulate.evaluation.motion_autoencoder import load_checked
from gesticulate.keypoints.person import REST
from gesticulate.motion.checkpoint import load_generator, load_tokenizers
from gesticulate.motion.vectors import fill_gaps
from gesticulate.speech.features import MEL_CHANNELS, MelEncoder
from gesticulate.speech.track import Word
from gesticulate.training.clips import Clip, WindowSampler, augment_speech
from gesticulate.training.data import load_clips
from gesticulate.training.generator import build, most_heard, train_generator
from gesticulate.training.losses import importance, motion_losses
from gesticulate.training.motion_autoencoder import train_autoencoder
from gesticulate.training.options import (
    AutoencoderTraining,
    DataOptions,
    GeneratorTraining,
    LoopOptions,
    TokenizerTraining,
)
from gesticulate.training.sync import measure, synchronised
from gesticulate.training.tokenizer import train_tokenizer

CHANNELS = MelEncoder.channels


def loop(output, steps=4, **changes):
    base = LoopOptions(output, steps=steps, batch=4, warmup=2, validate_every=2, checkpoint_every=2)
    return dataclasses.replace(base, **changes)


def tokenizer_options(dataset, output, **changes):
    return TokenizerTraining(
        DataOptions(dataset, window=16), loop(output, **changes),
        width=16, code_dim=8, codes=16, levels=3, continuous=0,
    )  # fmt: skip


def generator_options(dataset, output, tokenizer, **changes):
    return GeneratorTraining(
        DataOptions(dataset, window=24), loop(output, ema=0.5, **changes), str(tokenizer),
        width=16, heads=2, hidden=32, layers=1, residual_layers=1, speech_layers=1,
        regress_first=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(dataset, tmp_path_factory):
    return train_tokenizer(tokenizer_options(dataset, tmp_path_factory.mktemp("tokenizer")))


def same(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def test_tokenizer_training_writes_weights_and_metrics(dataset, tokenizer):
    face, body = load_tokenizers(tokenizer)
    assert face.options.dims == 136
    assert body.options.dims == 96
    lines = [json.loads(x) for x in (tokenizer.parent / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert {"face_place", "body_codes_used_3"} <= lines[-1]["val"].keys()
    assert all(np.isfinite(list(line["val"].values())).all() for line in lines)


def test_training_learns(dataset, tmp_path):
    path = train_tokenizer(
        tokenizer_options(dataset, tmp_path, steps=60, validate_every=20, learning_rate=3e-3)
    )
    lines = [json.loads(x) for x in (path.parent / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["train"]["loss"] < 0.9 * lines[0]["train"]["loss"]


@pytest.mark.parametrize("kind", ["tokenizer", "generator"])
def test_a_resumed_run_ends_as_an_unbroken_one(dataset, tokenizer, tmp_path, kind):
    ends = []
    for name, stops in (("whole", [6]), ("broken", [2, 4, 6])):
        for stop in stops:
            # The schedule depends on the number of steps: stop by options that only end earlier.
            if kind == "tokenizer":
                options = tokenizer_options(dataset, tmp_path / name, steps=stop, warmup=100)
                end = load_tokenizers(train_tokenizer(options)).body
            else:
                options = generator_options(
                    dataset, tmp_path / name, tokenizer, steps=stop, warmup=100
                )
                end, _ = load_generator(train_generator(options))
        ends.append(end)
    assert same(*ends)
    assert len(list((tmp_path / "broken").glob("checkpoint-*"))) == 1


def test_gradient_reaches_every_weight_of_the_generator(dataset, tokenizer, tmp_path):
    from gesticulate.training.generator import GeneratorLosses

    options = generator_options(dataset, tmp_path, tokenizer)
    pair = load_tokenizers(tokenizer)
    module = GeneratorLosses(build(options, CHANNELS, "mel", pair), pair, options).train()
    clips = load_clips(options.data, "train", needs_sound=True)
    sampler = WindowSampler(clips, 24, people=["folder"], known_speaker=0.5)
    # One residual level is drawn a step and stream: several steps see them all.
    for step in range(1, 25):
        module(sampler.batch(step, 8), step)["loss"].backward()
    without = [name for name, p in module.generator.named_parameters() if p.grad is None]
    assert not without
    assert all(p.grad is None for p in module.tokenizers.parameters())


def test_speech_is_hidden_in_training_alone_and_lips_that_do_not_follow_hear_none(
    dataset, tokenizer, tmp_path
):
    from gesticulate.training.generator import GeneratorLosses

    pair = load_tokenizers(tokenizer)
    options = generator_options(dataset, tmp_path, tokenizer)
    batch = WindowSampler(load_clips(options.data, "train", needs_sound=True), 24).batch(0, 4)
    louder = dataclasses.replace(batch, speech=batch.speech + torch.randn_like(batch.speech))
    unfollowed = {"follows": torch.zeros_like(batch.follows)}

    def hears(hide_speech, training, **changes):
        """Which losses change with the speech."""
        torch.manual_seed(0)
        told = dataclasses.replace(options, hide_speech=hide_speech)
        module = GeneratorLosses(build(told, CHANNELS, "mel", pair), pair, told).train(training)
        found = []
        for each in (batch, louder):
            torch.manual_seed(0)
            found.append(module(dataclasses.replace(each, **changes), 5))
        return {
            part
            for part in ("face", "body")
            if found[0][f"{part}_base"] != found[1][f"{part}_base"]
        }

    assert hears(0.0, True) == {"face", "body"}
    assert hears(1.0, True) == set()
    assert hears(1.0, False) == {"face", "body"}
    assert hears(0.0, True, **unfollowed) == {"body"}


def test_losses_ignore_what_was_not_seen():
    torch.manual_seed(0)
    real, made = torch.randn(2, 6, 3), torch.randn(2, 6, 3)
    seen = torch.ones(2, 6, 3)
    seen[:, 4:, 1] = 0
    spoiled = real.clone()
    spoiled[:, 4:, 1] += 9
    a, b = (motion_losses(made, r, seen, torch.ones(3)) for r in (real, spoiled))
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y)
    assert importance("face").mean() == pytest.approx(1)
    assert importance("body").shape == (96,)


def test_a_batch_is_a_function_of_its_step(dataset):
    clips = load_clips(DataOptions(dataset), "train")
    sampler = WindowSampler(clips, 40, people=["folder"], known_speaker=0.5, seed=3)
    a, b, c = sampler.batch(7, 16), sampler.batch(7, 16), sampler.batch(8, 16)
    assert torch.equal(a.face, b.face)
    assert torch.equal(a.speech, b.speech)
    assert not torch.equal(a.face, c.face)
    assert set(a.speaker.tolist()) == {0, 1}
    # A clip of 30 frames fills three quarters of the window, and holds its last frame.
    short = ~a.valid.all(1)
    assert short.any()
    assert torch.equal(a.face[short][:, -1], a.face[short][:, -2])
    assert not a.face_seen[~a.valid].any()


def test_a_window_that_starts_at_its_reference_shows_it_first(dataset):
    clips = load_clips(DataOptions(dataset), "train")
    batch = WindowSampler(clips, 20).batch(0, 32)
    first = torch.cat([batch.face[:, 0], batch.body[:, 0]], 1)
    seen = torch.cat([batch.face_seen[:, 0], batch.body_seen[:, 0]], 1)
    same_place = ((first - batch.reference[:, :232]).abs() * seen).amax(1) < 1e-6
    assert same_place[batch.starts].all()
    assert not same_place[~batch.starts].all()


def test_gaps_are_interpolated():
    points = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    confidence = np.ones((6, 2), np.float32)
    confidence[[0, 2, 3], 0] = 0
    points[[0, 2, 3], 0] = 77
    filled = fill_gaps(points, confidence)
    np.testing.assert_allclose(filled[:, 0, 0], [1, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(filled[:, 1], points[:, 1])


def test_augmented_speech_is_still_that_speech():
    speech = np.random.default_rng(0).normal(size=(80, CHANNELS)).astype(np.float32).clip(-2, 2)
    made = augment_speech(speech, np.random.default_rng(1))
    assert made.shape == speech.shape
    assert not np.array_equal(made, speech)
    energy = CHANNELS - 6
    assert np.corrcoef(made[:, energy], speech[:, energy])[0, 1] > 0.9


def test_bands_are_moved_wherever_they_stand():
    """Learned features come before the mel encoder's, and know no bands."""
    mel = np.zeros((80, CHANNELS), np.float32)
    mel[:, :MEL_CHANNELS] = np.random.default_rng(0).normal(size=MEL_CHANNELS)
    alone = augment_speech(mel, np.random.default_rng(1))
    both = augment_speech(
        np.concatenate([np.ones((80, 32), np.float32), mel], 1), np.random.default_rng(1)
    )
    assert np.corrcoef(alone[:, :MEL_CHANNELS].mean(0), both[:, 32:-6].mean(0))[0, 1] > 0.95
    assert abs(both[:, :32].mean() - 1) < 0.02


def test_speakers_need_a_minute_of_speech():
    def clip(person, frames):
        points = np.zeros((frames, 116, 2), np.float32)
        flat = np.zeros(frames, np.float32)
        return Clip(points, flat[:, None].repeat(116, 1), None, flat, flat, person, "speech")

    clips = [clip("a", 1000), clip("b", 1600), clip("a", 800), clip("c", 100)]
    assert most_heard(clips, 5) == ["a", "b"]
    assert most_heard(clips, 1) == ["a"]


def talking(source, lag, follows, number):
    """A clip whose lips follow its loudness ``lag`` frames later, or do not."""
    rng = np.random.default_rng(number)
    voice = np.convolve(rng.normal(size=420), np.ones(4) / 4, "same")
    opening = np.roll(voice, lag) if follows else np.convolve(rng.normal(size=420), np.ones(4) / 4)
    points = np.repeat(REST[None], 400, 0)
    points[:, 65:68, 1] += 0.05 + 0.02 * opening[10:410, None]
    energy = voice[10:410].astype(np.float32)
    return Clip(
        points, np.ones((400, 116)), energy[:, None], energy, energy, f"{source}:x", "speech"
    )


def test_sound_is_moved_onto_the_lips_of_its_source():
    clips = [talking("late", 3, True, i) for i in range(3)]
    clips += [talking("early", -2, True, 10 + i) for i in range(3)]
    clips += [talking("dubbed", 0, False, 20 + i) for i in range(6)]
    said = (Word("so", 1.0, 1.2),)
    clips = [dataclasses.replace(clip, words=said) for clip in clips]
    assert [measure(clips[i : i + 3]).lag for i in (0, 3)] == [3, -2]
    moved = synchronised(clips)
    assert [clip.follows for clip in moved] == [True] * 6 + [False] * 6
    assert measure(moved[:3]).lag == 0
    assert measure(moved[3:6]).lag == 0
    np.testing.assert_array_equal(moved[-1].speech, clips[-1].speech)
    spans = [(clip.words[0].start, clip.words[0].end) for clip in moved]
    assert spans[:3] == [pytest.approx((1.12, 1.32))] * 3
    assert spans[3:6] == [pytest.approx((0.92, 1.12))] * 3
    assert spans[6:] == [(1.0, 1.2)] * 6


def test_an_empty_split_is_named(dataset):
    with pytest.raises(InputError, match="no clip of the split 'test' with sound among 6 clips"):
        load_clips(DataOptions(dataset), "test", needs_sound=True)


def test_every_training_preset_loads():
    found = {name for name in names() if name.startswith(("train-tokenizer", "train-generator"))}
    assert {"train-tokenizer", "train-generator", "train-generator-paper"} <= found
    for name in found:
        load(name, TokenizerTraining if "tokenizer" in name else GeneratorTraining)


def test_autoencoder_training_learns_and_writes_its_number(dataset, tmp_path):
    options = AutoencoderTraining(
        DataOptions(dataset, window=16),
        loop(tmp_path, steps=30, validate_every=10, learning_rate=1e-2),
        width=16,
        latent=8,
    )
    path = train_autoencoder(options)
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["train"]["loss"] < lines[0]["train"]["loss"]
    autoencoder, expected = load_checked(str(path))
    assert autoencoder.options.window == 16
    assert expected > 0
    assert known_distance(autoencoder) == pytest.approx(expected, rel=1e-4)
