"""The public files: every tensor finds its place, and what is wrong is said."""

import ast
import hashlib
import re
import shutil

import pytest
import torch
from safetensors.torch import save_file

from gesticulate import cli, registry
from gesticulate.animation import memory, public
from gesticulate.animation.checkpoint import load_animation, load_with_coders, save_animation
from gesticulate.animation.loading import convert, load_weights
from gesticulate.animation.networks import FULL, TINY, AnimationNetwork
from gesticulate.animation.public import CODER_FILES, NETWORK_FILES, load_public_network, our_name
from gesticulate.errors import UsageError, WeightsError

LISTS = {
    "reference_unet.pth": "moore_reference_unet.txt",
    "denoising_unet.pth": "moore_denoising_unet_plus_motion.txt",
    "motion_module.pth": "moore_motion_module.txt",
    "pose_guider.pth": "moore_pose_guider.txt",
}
# How many tensors each public file has, and a digest of their names and shapes.
DIGESTS = {
    "reference_unet.pth": (682, "dec8e6c07e786bed"),
    "denoising_unet.pth": (686, "a86ffab7c6f1ad19"),
    "motion_module.pth": (588, "22b107a3451ce99e"),
    "pose_guider.pth": (16, "1ada52a03671ce2c"),
}


def public_name(name: str) -> tuple[str, list[str]]:
    """The public file and names of one of our tensors, written down independently of `our_name`."""
    part, _, rest = name.partition(".")
    if part != "denoiser" or ".motion_modules." not in rest:
        files = {"reference": "reference_unet.pth", "denoiser": "denoising_unet.pth"}
        return files.get(part, "pose_guider.pth"), [rest]
    rest = re.sub(r"(motion_modules\.\d+)\.", r"\1.temporal_transformer.", rest)
    for ours, theirs in (
        ("attn1.", "attention_blocks.0."),
        ("attn2.", "attention_blocks.1."),
        ("norm1.", "norms.0."),
        ("norm2.", "norms.1."),
        ("norm3.", "ff_norm."),
    ):
        rest = rest.replace(f"transformer_blocks.0.{ours}", f"transformer_blocks.0.{theirs}")
    if rest.endswith("pos_embed.pe"):
        stem = rest.removesuffix("pos_embed.pe")
        return "motion_module.pth", [f"{stem}attention_blocks.{i}.pos_encoder.pe" for i in (0, 1)]
    return "motion_module.pth", [rest]


@pytest.fixture
def folder(tmp_path, network, coders):
    """The public files as they would be at tiny size."""
    files: dict[str, dict] = {}
    for name, value in network.state_dict().items():
        file, names = public_name(name)
        files.setdefault(file, {}).update({one: value.clone() for one in names})
    for file, tensors in files.items():
        torch.save(tensors, tmp_path / file)
    coders.vae.save_pretrained(tmp_path / "sd-vae-ft-mse")
    coders.clip.save_pretrained(tmp_path / "image_encoder", safe_serialization=True)
    torch.save(coders.clip.state_dict(), tmp_path / "image_encoder" / "pytorch_model.bin")
    (tmp_path / "image_encoder" / "model.safetensors").unlink()
    return tmp_path


def test_every_public_tensor_has_its_place_at_full_size(keys_dir):
    """Without data: names and shapes of 2171 million numbers, none missing, none left over."""
    with torch.device("meta"):
        own = {name: tuple(v.shape) for name, v in AnimationNetwork(FULL).state_dict().items()}
    found: dict[str, tuple] = {}
    twice = 0
    for file, listed in LISTS.items():
        for line in (keys_dir / listed).read_text().splitlines():
            if line.startswith("#") or "\t" not in line:
                continue
            name, shape = line.split("\t")[:2]
            if file == "denoising_unet.pth" and "motion_modules" in name:
                continue
            place = our_name(file, name)
            twice += place in found
            assert found.setdefault(place, ast.literal_eval(shape)) == ast.literal_eval(shape)
    assert found == own
    # The position tables of two attentions a motion module are one of ours.
    assert twice == 21


def digest(tensors: list[tuple[str, tuple[int, ...]]]) -> tuple[int, str]:
    lines = sorted(f"{name} {'x'.join(map(str, shape))}" for name, shape in tensors)
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def test_our_tensors_are_the_public_files_at_full_size():
    """The same on any checkout: what the full networks hold, under the public names, is what the
    lists hold, to the last name and shape; and each of those names leads back."""
    with torch.device("meta"):
        own = AnimationNetwork(FULL).state_dict()
    files: dict[str, list] = {file: [] for file in DIGESTS}
    for name, value in own.items():
        file, names = public_name(name)
        files[file] += [(one, tuple(value.shape)) for one in names]
        assert {our_name(file, one) for one in names} == {name}
    assert {file: digest(tensors) for file, tensors in files.items()} == DIGESTS


def test_the_public_files_become_our_networks(folder, network, coders):
    made = load_public_network(folder, TINY)
    state = made.state_dict()
    for name, value in network.state_dict().items():
        assert torch.equal(state[name], value), name
    loaded = public.load_public_coders(folder)
    picture = torch.rand(1, 3, 64, 64)
    assert torch.allclose(loaded.token(picture), coders.token(picture), atol=1e-6)
    assert torch.allclose(loaded.encode(picture), coders.encode(picture), atol=1e-6)


def test_conversion_makes_one_file_of_all(folder, network, coders, tmp_path):
    out = convert(folder, tmp_path / "new" / "mine.safetensors", TINY)
    made, around = load_weights(str(out))
    assert made.options == TINY
    for name, value in network.state_dict().items():
        assert torch.equal(made.state_dict()[name], value.half().float()), name
    picture = torch.rand(1, 3, 64, 64)
    assert torch.allclose(around.token(picture), coders.token(picture), atol=1e-2)
    assert torch.allclose(around.decode(around.encode(picture)).mean(),
                          coders.decode(coders.encode(picture)).mean(), atol=1e-2)  # fmt: skip


def test_a_file_of_training_holds_no_coders(network, tmp_path):
    save_animation(tmp_path / "a.safetensors", network)
    made, around = load_with_coders(tmp_path / "a.safetensors", torch.bfloat16)
    assert around is None
    assert {p.dtype for p in made.parameters()} == {torch.bfloat16}
    assert load_animation(tmp_path / "a.safetensors").options == TINY


def change(folder, file, edit):
    tensors = torch.load(folder / file, weights_only=True)
    edit(tensors)
    torch.save(tensors, folder / file)


def test_a_tensor_without_a_place_is_said(folder):
    change(folder, "pose_guider.pth", lambda t: t.update({"blocks.9.weight": torch.zeros(1)}))
    with pytest.raises(WeightsError, match=r"1 unexpected \['guider.blocks.9.weight'\]"):
        load_public_network(folder, TINY)


def test_a_missing_tensor_is_said(folder):
    change(folder, "reference_unet.pth", lambda t: t.pop("conv_in.bias"))
    with pytest.raises(WeightsError, match=r"1 tensors missing \['reference.conv_in.bias'\]"):
        load_public_network(folder, TINY)


def test_another_shape_is_said(folder):
    change(folder, "denoising_unet.pth", lambda t: t.update({"conv_in.bias": torch.zeros(3)}))
    with pytest.raises(WeightsError, match=r"denoiser.conv_in.bias is \[3\], expected \[16\]"):
        load_public_network(folder, TINY)


def test_position_tables_that_differ_are_said(folder):
    name = "mid_block.motion_modules.0.temporal_transformer.transformer_blocks.0"
    name += ".attention_blocks.1.pos_encoder.pe"
    change(folder, "motion_module.pth", lambda t: t[name].add_(1))
    with pytest.raises(WeightsError, match=r"differs from another tensor.*pos_embed\.pe"):
        load_public_network(folder, TINY)


def test_a_file_that_is_no_file_of_tensors_is_said(folder):
    (folder / "pose_guider.pth").write_bytes(b"not a file of tensors")
    with pytest.raises(WeightsError, match=r"pose_guider.pth cannot be read"):
        load_public_network(folder, TINY)


def test_older_formats_are_read_too(folder, network):
    tensors = torch.load(folder / "pose_guider.pth", weights_only=True)
    torch.save(tensors, folder / "pose_guider.pth", _use_new_zipfile_serialization=False)
    vae = folder / "sd-vae-ft-mse"
    torch.save(public.load_public_coders(folder).vae.state_dict(),
               vae / "diffusion_pytorch_model.bin")  # fmt: skip
    (vae / "diffusion_pytorch_model.safetensors").unlink()
    made, _ = load_public_network(folder, TINY), public.load_public_coders(folder)
    assert torch.equal(made.guider.conv_in.weight, network.guider.conv_in.weight)


def test_the_names_of_older_diffusers_and_transformers_are_read(folder, coders):
    """The published autoencoder and CLIP were saved by versions that named some tensors otherwise,
    and counted CLIP's patches among the weights."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for name, value in coders.vae.state_dict().items():
        for new, before in old.items() if ".attentions." in name else ():
            name = name.replace(f".{new}.", f".{before}.")
        tensors[name] = value.clone()
    assert "decoder.mid_block.attentions.0.proj_attn.weight" in tensors
    save_file(tensors, folder / "sd-vae-ft-mse" / "diffusion_pytorch_model.safetensors")
    change(
        folder,
        "image_encoder/pytorch_model.bin",
        lambda t: t.update({"vision_model.embeddings.position_ids": torch.arange(5)[None]}),
    )
    loaded, picture = public.load_public_coders(folder), torch.rand(1, 3, 64, 64)
    assert torch.equal(loaded.encode(picture), coders.encode(picture))
    assert torch.equal(loaded.token(picture), coders.token(picture))
    change(folder, "image_encoder/pytorch_model.bin", lambda t: t.pop("visual_projection.weight"))
    with pytest.raises(WeightsError, match=r"does not fit: \['visual_projection.weight'\]"):
        public.load_public_coders(folder)


def test_weights_too_large_for_main_memory_are_said_before_they_are_taken(folder, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 1e3)
    with pytest.raises(UsageError, match=r"weights take about .* GB of main memory, .* are free"):
        load_public_network(folder, TINY, torch.bfloat16)


def test_files_that_could_run_code_are_not_read(folder):
    torch.save({"conv_in.weight": shutil.rmtree}, folder / "pose_guider.pth")
    with pytest.raises(WeightsError, match=r"pose_guider.pth cannot be read"):
        load_public_network(folder, TINY)


def test_missing_files_are_all_named_with_where_to_put_them(folder):
    (folder / "motion_module.pth").unlink()
    (folder / "pose_guider.pth").unlink()
    with pytest.raises(WeightsError) as caught:
        load_public_network(folder, TINY)
    for words in ("2 files missing", "motion_module.pth, pose_guider.pth", "patrolli/AnimateAnyone",
                  str(folder), "--preset contextual"):  # fmt: skip
        assert words in str(caught.value)
    assert "with a network" not in str(caught.value), "nobody fetches files into a folder"


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No network, and nobody's own caches."""
    from huggingface_hub import constants

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_without_weights_and_network_one_error_says_what_to_do(offline):
    with pytest.raises(WeightsError) as caught:
        registry.build("renderers", "animation", device="cpu")
    message = str(caught.value)
    assert "HF_HUB_OFFLINE is set" in message
    assert "run once with a network" in message
    assert str(public.public_folder()) in message
    assert all(one.place in message for one in (*NETWORK_FILES, *CODER_FILES))
    assert "gesticulate convert animation" in message


def test_the_command_converts_or_says_what_is_missing(offline, folder, capsys):
    assert cli.main(["convert", "animation", str(folder / "nowhere")]) == 1
    assert "8 files missing" in capsys.readouterr().err
    # These files are too small to be the public ones, and every difference is an error.
    assert cli.main(["convert", "animation", str(folder)]) == 1
    assert "does not fit" in capsys.readouterr().err


def test_the_files_the_hub_has_are_used(offline, folder, tmp_path):
    """As the cache lays them out: a snapshot folder for each repository."""
    for one in (*NETWORK_FILES, *CODER_FILES):
        base = tmp_path / "hub" / f"models--{one.repository.replace('/', '--')}"
        place = base / "snapshots" / "abc" / one.file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / one.place, place)
        (base / "refs").mkdir(exist_ok=True)
        (base / "refs" / "main").write_text("abc")
    found = public.public_files(NETWORK_FILES)
    assert all("snapshots" in str(path) for path in found.values())
    assert public.load_public_coders().clip.config.projection_dim == TINY.token


def test_the_files_put_there_by_hand_are_used(offline, folder):
    shutil.copytree(folder, public.public_folder())
    assert set(public.public_files(NETWORK_FILES)) == set(public.PARTS)
