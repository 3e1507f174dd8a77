"""The weight registry: found, whole, or an error that says what to do."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gesticulate import weights
from gesticulate.errors import WeightsError

CONTENT = b"0123456789" * 100


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with an embedded file, a file on the hub, and an empty cache."""
    row = {
        "what": "made for a test",
        "licence": "Apache-2.0",
        "bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    hub = {"repository": "nobody/nothing", "revision": "0" * 40}
    rows = {
        "embedded": {"file": "embedded.safetensors", **row},
        "public": {"file": "public.onnx", **row, **hub},
        "untrained": {
            "file": "untrained.safetensors",
            "what": "made by training",
            "licence": "none",
            "train": "gesticulate train it",
        },
    }
    package = tmp_path / "package"
    package.mkdir()
    (package / "manifest.json").write_text(json.dumps(rows))
    (package / "embedded.safetensors").write_bytes(CONTENT)
    monkeypatch.setattr(weights, "FOLDER", package)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return package


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def test_embedded_file_is_found(folder: Path):
    assert weights.resolve("embedded") == folder / "embedded.safetensors"
    assert weights.available("embedded")


def test_damage_is_seen_and_the_remedy_is_named(folder: Path):
    path = folder / "embedded.safetensors"
    path.write_bytes(b"x" + CONTENT[1:])
    with pytest.raises(WeightsError, match=r"damaged: sha256 .* expected .*Install gesticulate"):
        weights.resolve("embedded")
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="999 bytes, expected 1000"):
        weights.resolve("embedded")


def test_damage_after_a_good_check_is_seen(folder: Path):
    path = folder / "embedded.safetensors"
    weights.resolve("embedded")
    path.write_bytes(b"x" + CONTENT[1:])
    with pytest.raises(WeightsError, match="damaged"):
        weights.resolve("embedded")


def test_an_unchanged_file_is_read_once(folder: Path, tmp_path: Path):
    path = weights.resolve("embedded")
    stamps = json.loads((tmp_path / "cache" / "gesticulate" / "verified.json").read_text())
    size, modified, digest = stamps[str(path)]
    assert (size, modified) == (path.stat().st_size, path.stat().st_mtime_ns)
    assert digest == hashlib.sha256(CONTENT).hexdigest()


def test_missing_embedded_file(folder: Path):
    (folder / "embedded.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"part of gesticulate\. Install the package again"):
        weights.resolve("embedded")


@pytest.mark.usefixtures("offline")
def test_offline_says_which_file_from_where_and_how_by_hand(folder: Path):
    with pytest.raises(WeightsError) as caught:
        weights.resolve("public")
    message = str(caught.value)
    assert "HF_HUB_OFFLINE is set" in message
    assert "https://huggingface.co/nobody/nothing/resolve/" + "0" * 40 + "/public.onnx" in message
    assert str(weights.user_folder()) in message


def test_a_host_that_does_not_answer_is_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://127.0.0.1:9")
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WeightsError, match="does not answer"):
        weights.resolve("public")


@pytest.mark.usefixtures("offline")
def test_a_file_put_by_hand_is_found_and_checked(folder: Path):
    path = weights.user_folder() / "public.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert weights.resolve("public") == path
    path.write_bytes(CONTENT + b"more")
    with pytest.raises(WeightsError, match=r"Delete .*public\.onnx and run again"):
        weights.resolve("public")


def test_weights_that_only_training_makes(folder: Path):
    with pytest.raises(WeightsError, match=r"Train them with `gesticulate train it`") as caught:
        weights.resolve("untrained")
    assert str(weights.user_folder()) in str(caught.value)
    assert "not here; made by `gesticulate train it`" in str(weights.describe("untrained"))
    path = weights.user_folder() / "untrained.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert weights.locate("untrained") == path
    assert weights.locate("my/own.safetensors") == Path("my/own.safetensors")


def test_unknown_name_names_the_nearest(folder: Path):
    with pytest.raises(WeightsError, match="Did you mean 'embedded'"):
        weights.resolve("embeded")


def test_description(folder: Path):
    here, away = weights.describe("embedded"), weights.describe("public")
    assert here.path == folder / "embedded.safetensors"
    assert away.path is None
    assert "to be fetched from https://huggingface.co/nobody/nothing" in str(away)
    assert "Apache-2.0" in str(away)


def test_every_row_of_the_real_registry_is_sound():
    for name in weights.names():
        row = weights.get(name)
        if row.train:
            assert row.train.startswith(("gesticulate train ", "gesticulate convert "))
            assert not row.sha256
            continue
        assert len(row.sha256) == 64
        assert row.bytes > 0
        if row.repository is None:
            assert weights.resolve(name).parent == weights.FOLDER
        else:
            assert len(row.revision or "") == 40, f"{name} must name a commit, not a branch"


def test_importing_the_registry_is_light():
    code = "import sys, gesticulate.weights; print('huggingface_hub' in sys.modules)"
    python = shutil.which(sys.executable) or sys.executable
    out = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
