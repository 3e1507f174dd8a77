"""Training on talks: how they are made, and that the losses say what they are to."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from gesticulate.configs import load
from gesticulate.errors import InputError, UsageError
from gesticulate.keypoints.person import REST
from gesticulate.motion.dialogue.diffusion import DialogueDiffusion
from gesticulate.speech.features import MelEncoder
from gesticulate.training.clips import Clip
from gesticulate.training.dialogue import DialogueLosses, build, distances, train_dialogue
from gesticulate.training.diffusion_options import DialogueTraining
from gesticulate.training.options import DataOptions, LoopOptions
from gesticulate.training.talks import (
    Material,
    Stretch,
    TalkSampler,
    draw_turns,
    quiet_stretches,
    real_pairs,
    who_speaks,
)

CHANNELS = MelEncoder.channels
SILENCE = np.full(CHANNELS, -2.0, np.float32)


def clip(frames=120, person="a", name="", voice=1.0, shift=0.0, speech=True, kind="speech"):
    rng = np.random.default_rng(frames)
    return Clip(
        points=(REST + shift + 0.002 * rng.normal(size=(frames, 116, 2))).astype(np.float32),
        confidence=np.ones((frames, 116), np.float32),
        speech=np.ones((frames, CHANNELS), np.float32) if speech else None,
        voice=np.full(frames, voice, np.float32),
        energy=np.zeros(frames, np.float32),
        person=person,
        kind=kind,
        name=name or person,
    )


def options(dataset, output, steps=4, **changes):
    loop = LoopOptions(output, steps=steps, batch=4, warmup=2, validate_every=2, checkpoint_every=4)
    return DialogueTraining(
        DataOptions(dataset, window=28), dataclasses.replace(loop, ema=0.5),
        history=4, width=16, heads=2, hidden=32, layers=1, **changes,
    )  # fmt: skip


def test_training_writes_weights_that_converse(dataset, tmp_path):
    path = train_dialogue(options(dataset, tmp_path))
    assert DialogueDiffusion(str(path)).network.options.window == 24
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert all(lines[-1]["val"][name] > 0 for name in ("place", "velocity", "interaction"))


def test_real_pairs_train_without_clips_of_one_person(tmp_path, monkeypatch):
    pairs = [tuple(clip(90, "v", f"v-{side}") for side in range(2))]
    pairs = [(pair[0], dataclasses.replace(pair[1], speech=None)) for pair in pairs]
    monkeypatch.setattr(
        "gesticulate.training.dialogue.material", lambda options, split: Material([], [], pairs)
    )
    path = train_dialogue(options(tmp_path, tmp_path, steps=2))
    network = DialogueDiffusion(str(path)).network
    # Measured on the side that has sound.
    torch.testing.assert_close(network.speech_mean, torch.ones(CHANNELS), atol=0.1, rtol=0)


def test_training_learns(dataset, tmp_path):
    given = options(dataset, tmp_path, steps=30)
    loop = dataclasses.replace(given.loop, learning_rate=1e-2, validate_every=15)
    train_dialogue(dataclasses.replace(given, loop=loop))
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["train"]["loss"] < 0.9 * lines[0]["train"]["loss"]


def test_other_speech_features_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("gesticulate.training.dialogue.load_clips", lambda *_, **__: [clip()])
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps({"speech_encoder": "wavlm"}))
    with pytest.raises(UsageError, match=r"speech encoder 'wavlm', expected 'mel'"):
        train_dialogue(options(folder, tmp_path))


def test_a_window_too_short_is_refused(tmp_path):
    given = options(tmp_path, tmp_path)
    with pytest.raises(UsageError, match="leaves 0"):
        build(dataclasses.replace(given, data=DataOptions(tmp_path, window=4)), CHANNELS, "mel")
    assert load("train-dialogue", DialogueTraining).data.window == 108


def material(**changes):
    spoken = [clip(shift=0.1), clip(person="b", shift=0.3)]
    quiet = [Stretch(clip(60, "c", shift=-0.2, voice=0.0), 10, 50)]
    return dataclasses.replace(Material(spoken, quiet), **changes)


def test_who_speaks_is_seen_speaking_and_the_other_one_listens():
    batch = TalkSampler(material(), 80, SILENCE, augment=False).batch(0, 16)
    for side, own in ((batch.left, (0.1, 0.3)), (batch.right, (0.1, 0.3))):
        heard = side.speech[..., 0] > 0
        place = side.motion.mean(-1)
        known = side.seen.mean(-1) == 1
        assert 0.5 < known.float().mean() < 1
        speaking = place[heard & known]
        assert (torch.stack([(speaking - shift).abs() for shift in own]).min(0).values < 0.02).all()
        assert ((place[~heard & known] + 0.2).abs() < 0.02).all()
        # Between the two there is a fade, and nothing is learned from it.
        assert place.diff(dim=1).abs().max() < 0.1
        assert (side.seen[(place + 0.05).abs() < 0.1] == 0).all()
    both = torch.maximum(batch.left.speech, batch.right.speech)
    assert torch.equal(batch.mix, both)
    assert not torch.equal(batch.left.motion, batch.right.motion)


def test_the_mix_has_nothing_of_who_is_dubbed():
    """Their own sound is hidden from the network, and must not come back in the mix."""
    dubbed = dataclasses.replace(clip(person="b", shift=0.3), follows=False)
    batch = TalkSampler(
        material(spoken=[clip(shift=0.1), dubbed]), 80, SILENCE, augment=False
    ).batch(0, 16)
    heard = [
        torch.where(side.follows[:, None, None], side.speech, torch.tensor(SILENCE))
        for side in (batch.left, batch.right)
    ]
    assert not batch.left.follows.all()
    assert torch.equal(batch.mix, torch.maximum(*heard))


def test_who_is_never_drawn_is_nobody_to_talk_to():
    """Left out by `favoured`, the only other person must not be waited for."""
    spoken = [clip(shift=0.1), dataclasses.replace(clip(person="b"), kind="face")]
    sampler = TalkSampler(material(spoken=spoken), 40, SILENCE, favoured={"face": 0.0})
    assert len(sampler.batch(0, 2).mix) == 2


def test_real_pairs_are_enough():
    pairs = [tuple(clip(200, "v", f"v-0000-{side}") for side in ("left", "right"))]
    sampler = TalkSampler(Material([], [], pairs), 40, SILENCE, real=0.2)
    assert (sampler.batch(0, 4).left.motion.mean() - 0.0).abs() < 0.01
    assert sampler.real == 1.0


def test_a_batch_is_a_function_of_its_step():
    a, b = (TalkSampler(material(), 40, SILENCE).batch(3, 4) for _ in range(2))
    assert torch.equal(a.left.speech, b.left.speech)
    assert not torch.equal(a.mix, TalkSampler(material(), 40, SILENCE).batch(4, 4).mix)


def test_turns_alternate_with_gaps_and_overlaps():
    rng = np.random.default_rng(0)
    drawn = np.stack([draw_turns(250, rng) for _ in range(200)])
    assert abs(drawn[:, 0].mean() - drawn[:, 1].mean()) < 0.05
    nobody, both = (~drawn).all(1).mean(), drawn.all(1).mean()
    assert 0.003 < both < nobody < 0.2
    alone = drawn.all(2).any(1).mean()
    assert 0.08 < alone < 0.25


def test_listeners_come_from_pauses_and_silent_kinds():
    pausing = clip(100)
    pausing.voice[20:60] = 0
    pausing.voice[80:90] = 0
    silent = clip(50, speech=False, voice=0.0, kind="silent")
    signing = clip(50, speech=False, voice=0.0, kind="sign")
    found = quiet_stretches([pausing, silent, signing], ("silent",))
    assert [(s.start, s.stop) for s in found] == [(20, 60), (0, 50)]
    frames = found[0].frames(100, 7)
    assert frames.min() >= 20
    assert frames.max() < 60
    assert np.abs(np.diff(frames)).max() == 1
    with pytest.raises(InputError, match="`listening`"):
        TalkSampler(material(quiet=[]), 40, SILENCE)


def test_real_pairs_are_told_apart_by_their_lips():
    left, right = (clip(200, "v", f"v-0000-{side}") for side in ("left", "right"))
    wave = 0.03 * np.abs(np.sin(np.arange(100) * 0.8))[:, None]
    left.points[:100, 65:68, 1] += wave
    right.points[100:, 65:68, 1] += wave
    assert real_pairs([clip(name="v-0000"), right, left]) == [(left, right)]
    speaks = who_speaks(left, right)
    assert speaks[0, 15:85].mean() > 0.9
    assert speaks[1, 115:185].mean() > 0.9
    assert not speaks.all(0).any()
    sampler = TalkSampler(material(pairs=[(left, right)]), 200, SILENCE, real=1.0, augment=False)
    batch = sampler.batch(0, 2)
    assert (batch.mix == 1).all()
    assert float((batch.left.speech[:, 20:80, 0] > 0).float().mean()) > 0.9
    assert (batch.left.speech[~torch.tensor(speaks[0]).expand(2, -1)][:, 0] == -2).all()


def test_the_interaction_is_what_lies_between_two_people(tmp_path):
    module = DialogueLosses(
        build(options(tmp_path, tmp_path), CHANNELS, "mel"), options(tmp_path, tmp_path)
    )
    clean = [0.1 * torch.randn(1, 3, 232) for _ in range(2)]
    seen = [torch.ones(1, 3, 232) for _ in range(2)]
    early, late = torch.tensor([5]), torch.tensor([95])
    same = (clean[0] + 0.05, clean[1] + 0.05)
    assert module._interaction(same, clean, seen, early) < 1e-4, "both moved alike"
    apart = (clean[0] + 0.05, clean[1] - 0.05)
    assert module._interaction(apart, clean, seen, early) > 0.01
    assert module._interaction(apart, clean, seen, late) == 0
    unseen = [seen[0], torch.zeros(1, 3, 232)]
    assert module._interaction(apart, clean, unseen, early) == 0
    swapped = module._interaction(apart[::-1], clean[::-1], seen, early)
    torch.testing.assert_close(swapped, module._interaction(apart, clean, seen, early))
    a, b = torch.randn(1, 1, 2, 2), torch.randn(1, 1, 3, 2)
    plain = [[float(np.hypot(*(p - q))) for q in b[0, 0].numpy()] for p in a[0, 0].numpy()]
    np.testing.assert_allclose(distances(a, b)[0, 0], plain, atol=1e-3)
