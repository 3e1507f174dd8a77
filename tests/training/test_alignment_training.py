"""Training the alignment and what uses it, at tiny size, on a data set of moving sound."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from gesticulate.cli import main
from gesticulate.datasets.publish import COLUMNS
from gesticulate.errors import InputError, UsageError
from gesticulate.keypoints.person import REST
from gesticulate.motion.checkpoint import load_alignment, load_generator, load_tokenizers
from gesticulate.motion.contextual import ContextualGenerator
from gesticulate.pipelines.gesture_video import check_encoder
from gesticulate.speech.features import PROSODY, MelEncoder
from gesticulate.training.alignment import AlignmentLosses, train_alignment
from gesticulate.training.alignment import build as build_alignment
from gesticulate.training.clips import Clip
from gesticulate.training.data import load_words
from gesticulate.training.generator import begin_with, build, train_generator
from gesticulate.training.options import (
    AlignmentTraining,
    DataOptions,
    GeneratorTraining,
    LoopOptions,
    TokenizerTraining,
)
from gesticulate.training.pairs import PairSampler
from gesticulate.training.tokenizer import TokenizerLosses, train_tokenizer
from gesticulate.weights.checkpoint import read, write

CHANNELS = MelEncoder.channels
SIZES = {"width": 16, "heads": 2, "hidden": 24}


def clip(number, frames=60, spoken=True):
    """Points that move with the loudness, each clip in a rhythm of its own."""
    rng = np.random.default_rng(number)
    time = np.arange(frames) / 25
    beat = np.sin(2 * np.pi * rng.uniform(1.5, 4) * time + rng.uniform(0, 6)).astype(np.float32)
    points = REST + beat[:, None, None] * np.random.default_rng(0).uniform(0.02, 0.1, REST.shape)
    points[:, 65:68, 1] += 0.05 + 0.05 * beat[:, None]  # the lips, which must follow the loudness
    speech = rng.normal(0, 0.1, (frames, CHANNELS))
    speech[:, :20] += beat[:, None]
    speech[:, -len(PROSODY) :] = 0
    speech[:: 10 + number, -len(PROSODY) + PROSODY.index("onset")] = 1
    speech[:, -len(PROSODY) + PROSODY.index("voice")] = 1
    flat = np.ones(frames, np.float32)
    return Clip(
        points.astype(np.float32), flat[:, None].repeat(116, 1),
        speech.astype(np.float32) if spoken else None, flat, beat, f"p{number}", "speech",
        f"clip{number}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoken")
    clips = [clip(number) for number in range(9)]
    rows = [
        dict.fromkeys(COLUMNS, "0")
        | {"id": c.name, "path": "x.mp4", "num_frames": len(c), "offset": 60 * number}
        | {"split": "val" if number > 5 else "train", "kind": c.kind, "person": c.person}
        | {"sound": 1, "body": 1}
        for number, c in enumerate(clips)
    ]
    version = folder / "v001"
    version.mkdir()
    arrays = {"poses": np.zeros((540, 133, 3)), "motion": np.concatenate([c.points for c in clips])}
    for name in ("confidence", "speech", "voice", "energy"):
        arrays[name] = np.concatenate([getattr(c, name) for c in clips])
    for name, array in arrays.items():
        np.save(version / f"{name}.npy", array.astype(np.float32))
    with open(version / "clips.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    state = {"format": 1, "version": 1, "folder": "v001", "clips": 9, "persons": [], "options": {}}
    (folder / "dataset.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def loop(output, steps=4, **changes):
    base = LoopOptions(output, steps=steps, batch=6, warmup=2, validate_every=2, checkpoint_every=2)
    return dataclasses.replace(base, **changes)


def alignment_options(dataset, output, **changes):
    return AlignmentTraining(
        DataOptions(dataset, window=20), loop(output, **changes), layers=1, embedding=8, waves=8,
        **SIZES,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alignment(dataset, tmp_path_factory):
    """Weights of an alignment that was trained for a few steps."""
    output = tmp_path_factory.mktemp("alignment")
    options = alignment_options(dataset, output, steps=40, validate_every=20, learning_rate=3e-3)
    return train_alignment(options)


def lines_of(path):
    return [json.loads(x) for x in (path.parent / "metrics.jsonl").read_text().splitlines()]


def test_the_alignment_learns_and_is_measured(alignment):
    lines = lines_of(alignment)
    assert lines[-1]["train"]["body_contrast"] < 0.9 * lines[0]["train"]["body_contrast"]
    val = lines[-1]["val"]
    assert {"face_order", "body_order_elsewhere", "speech_body_recall_10"} <= val.keys()
    assert 0 <= val["speech_face_recall_1"] <= val["speech_face_recall_5"] <= 1
    assert all(np.isfinite(list(line["val"].values())).all() for line in lines)


def test_a_resumed_alignment_ends_as_an_unbroken_one(dataset, tmp_path):
    ends = []
    for name, stops in (("whole", [4]), ("broken", [2, 4])):
        for stop in stops:
            options = alignment_options(dataset, tmp_path / name, steps=stop, warmup=100)
            end = load_alignment(train_alignment(options))
        ends.append(end.state_dict())
    assert all(torch.equal(a, ends[1][name]) for name, a in ends[0].items())


def test_gradient_reaches_every_weight_of_the_alignment(dataset, alignment):
    module = AlignmentLosses(load_alignment(alignment).requires_grad_(True), 0.1).train()
    sampler = PairSampler([clip(i) for i in range(6)], 20, 2)
    module(sampler.batch(0, 6), 0)["loss"].backward()
    assert not [name for name, p in module.named_parameters() if p.grad is None]


def test_pairs_are_of_different_clips_and_negatives_of_the_same_sound():
    clips = [*(clip(i) for i in range(6)), clip(6, frames=10), clip(7, spoken=False)]
    sampler = PairSampler(clips, 20, 2, augment=False, seed=3)
    a, b, c = sampler.batch(7, 6), sampler.batch(7, 6), sampler.batch(8, 6)
    assert torch.equal(a.face, b.face)
    assert torch.equal(a.orders, b.orders)
    assert not torch.equal(a.face, c.face)
    assert len({tuple(x) for x in a.speech[:, 0].tolist()}) == 6
    assert a.negatives.shape == (6, 2, 20, CHANNELS)
    for i in range(6):
        for m in range(2):
            order = a.orders[i, m]
            assert sorted(order.tolist()) == list(range(20))
            assert order.tolist() != list(range(20))
            assert torch.equal(a.negatives[i, m], a.speech[i][order])
    whole = sampler.all()
    assert len(whole.face) == 18
    assert whole.body_shown.all()


def test_streams_that_are_not_shown_take_no_part():
    clips = [clip(i) for i in range(4)]
    clips[0].confidence[:, 80:] = 0
    clips[1] = dataclasses.replace(clips[1], follows=False)
    pairs = PairSampler(clips, 60, 1, augment=False).all()
    assert pairs.body_shown.tolist() == [False, True, True, True]
    assert pairs.face_shown.tolist() == [True, False, True, True]


def test_a_batch_that_shows_nobody_teaches_nothing(dataset, tmp_path):
    clips = [clip(i) for i in range(4)]
    for each in clips:
        each.confidence[:] = 0
    module = AlignmentLosses(
        build_alignment(alignment_options(dataset, tmp_path), CHANNELS, "mel"), 0.1
    )
    loss = module(PairSampler(clips, 20, 1).batch(0, 4), 0)["loss"]
    loss.backward()
    assert loss == 0
    assert not any(p.grad.abs().sum() for p in module.parameters() if p.grad is not None)


def test_words_come_from_a_file_and_set_the_cuts(tmp_path):
    path = tmp_path / "words.json"
    path.write_text('{"clip0": [["so", 0.4, 0.8], ["on", 1.2, 1.6]]}')
    words = load_words(path)
    first = dataclasses.replace(clip(0), words=words["clip0"])
    sampler = PairSampler([first, clip(1)], 60, 1)
    assert np.flatnonzero(sampler.cuttable[0]).tolist() == [10, 20, 30, 40]
    assert np.flatnonzero(sampler.cuttable[1]).tolist() == [11, 22, 33, 44, 55]
    path.write_text('["so"]')
    with pytest.raises(InputError, match=r"words\.json could not be read as words"):
        load_words(path)
    with pytest.raises(InputError, match="Of 1 clips, 1 have sound"):
        PairSampler([clip(0)], 20, 1)


def tokenizer_options(dataset, output, **changes):
    return TokenizerTraining(
        DataOptions(dataset, window=16), loop(output),
        width=16, code_dim=8, codes=16, levels=3, continuous=1, **changes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(dataset, alignment, tmp_path_factory):
    output = tmp_path_factory.mktemp("distilled")
    options = tokenizer_options(dataset, output, distillation=0.5, alignment=str(alignment))
    return train_tokenizer(options)


def test_the_tokenizers_learn_from_the_alignment(dataset, alignment, tokenizer, tmp_path):
    assert load_tokenizers(tokenizer).body.options.dims == 96
    assert -1 <= lines_of(tokenizer)[-1]["val"]["face_distillation"] <= 1
    options = tokenizer_options(dataset, tmp_path, distillation=0.5, alignment=str(alignment))
    module = TokenizerLosses(options, load_alignment(alignment)).train()
    assert not module.teachers.training
    pairs = PairSampler([clip(i) for i in range(6)], 16, 1, augment=False).batch(0, 6)
    valid = torch.ones(6, 16, dtype=torch.bool)
    codes = module.tokenizers["face"].latents(pairs.face)
    module._distillation("face", codes, pairs.face, valid).backward()
    assert module.maps["face"].weight.grad.abs().sum() > 0
    assert module.tokenizers["face"].encoder[0].weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in module.teachers.parameters())


def test_distillation_needs_its_teacher(dataset, tmp_path):
    with pytest.raises(UsageError, match=r"distillation 0.5 and alignment None"):
        train_tokenizer(tokenizer_options(dataset, tmp_path, distillation=0.5))


def generator_options(dataset, output, tokenizer, **changes):
    return GeneratorTraining(
        DataOptions(dataset, window=24), loop(output, steps=2), str(tokenizer),
        **SIZES | {"layers": 1, "residual_layers": 1, "speech_layers": 1} | changes,
    )  # fmt: skip


def test_the_generator_begins_with_the_speech_encoders(dataset, alignment, tokenizer, tmp_path):
    options = generator_options(dataset, tmp_path, tokenizer, alignment=str(alignment))
    generator = build(options, CHANNELS, "mel", load_tokenizers(tokenizer)).eval()
    teacher = load_alignment(alignment)
    begin_with(generator, teacher)
    speech = torch.randn(2, 24, CHANNELS)
    own, _ = generator.normalise(speech, torch.zeros(2, 348))
    for name, stream in generator.streams.items():
        expected = teacher.parts[name].speech(teacher.normalise(speech))
        torch.testing.assert_close(stream.speech(own), expected)
    trained, _ = load_generator(train_generator(options))
    torch.testing.assert_close(trained.speech_mean, teacher.speech_mean)
    wide = generator_options(dataset, tmp_path / "wide", tokenizer, width=24)
    with pytest.raises(UsageError, match="width 16 instead of 24"):
        begin_with(build(wide, CHANNELS, "mel", load_tokenizers(tokenizer)), teacher)


def named(dataset: Path, folder: Path, encoder: str) -> Path:
    """The data set once more, of another speech encoder by what it says."""
    shutil.copytree(dataset, folder)
    state = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(state | {"speech_encoder": encoder}))
    return folder


def test_weights_tell_what_they_were_trained_on(dataset, alignment, tokenizer, tmp_path):
    assert load_alignment(alignment).options.speech_encoder == "mel"
    other = named(dataset, tmp_path / "other", "wavlm")
    told = load_alignment(train_alignment(alignment_options(other, tmp_path / "a", steps=1)))
    assert told.options.speech_encoder == "wavlm"
    path = train_generator(generator_options(other, tmp_path / "g", tokenizer))
    generator = ContextualGenerator(str(tokenizer), str(path))
    assert generator.speech_encoder == "wavlm"
    with pytest.raises(UsageError, match=r"reads 'wavlm' features.* is 'mel'"):
        check_encoder(generator, MelEncoder())
    both = generator_options(other, tmp_path / "b", tokenizer, alignment=str(alignment))
    with pytest.raises(UsageError, match=r"alignment .*'mel', the generator's .*'wavlm'"):
        train_generator(both)


def test_weights_of_before_they_told_it_are_of_mel(alignment, tmp_path):
    tensors, options = read(alignment, "motion-alignment")
    del options["speech_encoder"]
    write(tmp_path / "old.safetensors", tensors, "motion-alignment", options)
    assert load_alignment(tmp_path / "old.safetensors").options.speech_encoder == "mel"


def test_retrieval_ranks_a_library(dataset, alignment, tmp_path, capsys):
    import soundfile

    sound = tmp_path / "speech.wav"
    soundfile.write(sound, np.random.default_rng(0).normal(0, 0.1, 24000), 16000)
    arguments = ["retrieve", str(sound), "--library", str(dataset), "--weights", str(alignment)]
    assert main([*arguments, "--json", "--top", "4"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 4
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(row["clip_start"] + row["seconds"] <= 60 / 25 for row in rows)
    assert main([*arguments, "--split", "val", "--part", "face"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main([*arguments, "--split", "test"]) == 1
    assert "has no clip of the split 'test'" in capsys.readouterr().err
