"""The command line as a program: exit codes, messages, progress, and no half-written files."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gesticulate import registry, weights
from gesticulate.cli import main
from gesticulate.commands import COMMANDS
from gesticulate.examples import demo_speech
from gesticulate.video.read import VideoReader

HERE = Path(__file__).parent
PLUGIN = HERE / "pipelines"  # nod_generator.py
PRESET = """# Real stages, with a motion generator from another package.
estimator: {name: mediapipe}
speech: {name: mel}
motion: {name: nod}
renderer: {name: puppet}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A photo, a speech, and an installed package that adds the motion generator ``nod``."""
    import soundfile
    from PIL import Image

    from gesticulate.examples import demo_photo

    folder = tmp_path_factory.mktemp("cli")
    Image.fromarray(demo_photo()).save(folder / "photo.png")
    samples, rate = soundfile.read(demo_speech())
    soundfile.write(folder / "speech.wav", samples[rate : 2 * rate], rate)
    (folder / "nod.yaml").write_text(PRESET)
    package = folder / "site" / "nod-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: nod\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[gesticulate.motion_generators]\nnod = nod_generator:NodGenerator\n"
    )
    return folder


@pytest.fixture
def command(folder):
    """Start `gesticulate` with arguments in the folder."""

    def start(*arguments: object, env: dict | None = None, **options) -> subprocess.Popen:
        paths = [str(PLUGIN), str(folder / "site"), os.environ.get("PYTHONPATH", "")]
        return subprocess.Popen(
            [sys.executable, "-m", "gesticulate", *map(str, arguments)],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "OMP_NUM_THREADS": "1",
                **(env or {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return start


@pytest.fixture
def run(command):
    """Run `gesticulate` with arguments: (exit code, stdout, stderr)."""

    def run(*arguments: object, **options) -> tuple[int, str, str]:
        process = command(*arguments, **options)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    return run


def test_help_loads_nothing_heavy():
    heavy = ("torch", "mediapipe", "numpy", "cv2", "librosa", "scipy", "transformers", "pydantic")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gesticulate", "--help"],
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & set(heavy)
    # Processor time, for a busy machine's clock says nothing.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5 * 2
    for option in (
        "--preset --seed --fps --size --device --expressiveness --dry-run --json-progress "
        "--save-poses --poses --preview --out -o"
    ).split():
        assert option in done.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    assert "usage: gesticulate" in capsys.readouterr().out


def test_every_commands_job_is_there():
    for command in COMMANDS.values():
        assert callable(registry.load_object(command.job))


def test_presets_are_listed(run):
    code, out, _ = run("presets", "list")
    assert code == 0
    assert "contextual" in out
    assert "offline" in out
    assert "train-" not in out
    code, out, _ = run("presets", "--train")
    assert code == 0
    assert out.count("train-") > 10


def test_weights_are_listed_verified_and_asked_for(run, tmp_path):
    code, out, _ = run("weights", "list")
    assert code == 0
    assert "renderer-lean" in out
    code, out, _ = run("weights", "verify", "renderer-lean", "yolox-l")
    assert code == 0
    assert "renderer-lean: whole" in out
    code, _, err = run("weights", "download")
    assert code == 2
    assert "yolox-l" in err


def test_styles_are_listed(run):
    code, out, _ = run("styles")
    assert code == 0
    assert "calm" in out
    assert "strokes a minute" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required"),
        (["photo.png", "speech.wav", "--nonsense"], "--nonsense"),
        (["photo.png", "speech.wav", "--expressiveness", "huge"], "expressiveness"),
        (["photo.png", "speech.wav", "--preset", "contextul"], "did you mean 'contextual'"),
        (["photo.png", "speech.wav", "--preset", "bad.yaml"], "did you mean 'renderer'"),
        (["photo.png", "speech.wav", "-o", "nowhere/talk.mp4"], "does not exist"),
        (["photo.png", "speech.wav", "-o", "talk.gif"], ".mp4"),
        (["photo.png", "speech.wav", "-o", "photo.png"], "one of the inputs"),
        (["photo.png", "speech.wav", "--size", "9", "--preset", "nod.yaml"], "size 9"),
        (["photo.png", "speech.wav", "--gesture-rate", "7"], "Expected 0 to 1.5"),
        (["photo.png", "speech.wav", "--style", "livly"], "Did you mean 'lively'"),
        ("train renderer --config train-renderer-lean --loop.precision bf17".split(), "fp16"),
        (["dataset"], "dataset build"),
        (["presets", "delete"], "delete"),
    ],
)
def test_wrong_arguments_exit_with_2(run, folder, arguments, said):
    (folder / "bad.yaml").write_text(PRESET.replace("renderer", "rendrer"))
    code, _, err = run(*arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_folder_that_cannot_be_written_to_exits_with_2(run):
    code, _, err = run("photo.png", "speech.wav", "-o", "/proc/talk.mp4")
    assert code == 2
    assert "cannot be written to" in err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.png", None, "no photo"),
        ("empty.png", b"", "empty"),
        ("text.png", b"this is no picture", "not a picture"),
        ("missing.wav", None, "no sound file"),
        ("empty.wav", b"", "empty"),
        ("text.wav", b"this is no sound at all" * 100, "ffmpeg"),
    ],
)
def test_bad_files_exit_with_1(run, folder, name, content, said):
    if content is not None:
        (folder / name).write_bytes(content)
    is_photo = name.endswith(".png")
    photo, speech = (name, "speech.wav") if is_photo else ("photo.png", name)
    code, _, err = run(photo, speech, "--preset", "nod.yaml")
    assert code == 1
    assert said in err
    assert "Traceback" not in err
    assert not (folder / "talk.mp4").exists()


def test_a_cut_off_photo_exits_with_1(run, folder):
    whole = (folder / "photo.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    code, _, err = run("cut.png", "speech.wav", "--preset", "nod.yaml")
    assert code == 1
    assert "damaged" in err


def test_too_short_a_speech_exits_with_1(run, folder):
    import soundfile

    soundfile.write(folder / "short.wav", np.zeros(4000, np.float32), 16000)
    code, _, err = run("photo.png", "short.wav", "--preset", "nod.yaml")
    assert code == 1
    assert "0.25 s" in err


def test_nobody_in_the_photo_exits_with_1(run, folder):
    from PIL import Image

    Image.new("RGB", (300, 200), "teal").save(folder / "wall.png")
    code, _, err = run("wall.png", "speech.wav", "--preset", "nod.yaml")
    assert code == 1
    assert "No person found" in err


@pytest.mark.parametrize(("damaged", "said"), [(False, "HF_HUB_OFFLINE"), (True, "damaged")])
def test_weights_that_cannot_be_had_exit_with_1(run, folder, tmp_path, damaged, said):
    (folder / "rtmpose.yaml").write_text(PRESET.replace("mediapipe", "rtmpose"))
    env = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    if damaged:
        own = tmp_path / "gesticulate" / "weights"
        own.mkdir(parents=True)
        for name in weights.names():
            if weights.get(name).repository:
                (own / weights.get(name).file).write_bytes(b"half a file")
    code, _, err = run("photo.png", "speech.wav", "--preset", "rtmpose.yaml", env=env)
    assert code == 1
    assert said in err
    assert "Traceback" not in err


def test_a_video_with_progress_as_json(run, folder):
    code, out, err = run(
        "photo.png", "speech.wav", "-o", "json.mp4", "--preset", "nod.yaml", "--size", "128",
        "--json-progress", "--save-poses", "json.npz",
    )  # fmt: skip
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert {"stage", "done", "total", "frames_per_second", "seconds_left"} == set(lines[0])
    rendered = [line for line in lines if line["stage"] == "render"]
    assert rendered[-1]["done"] == rendered[-1]["total"] == 25
    assert rendered[-1]["seconds_left"] == 0
    assert lines[-1]["stage"] == "done"
    assert lines[-1]["frames"] == 25
    assert lines[-1]["size"] == [128, 128]
    assert sum(1 for _ in VideoReader(folder / "json.mp4")) == 25

    code, _, err = run(
        "photo.png", "speech.wav", "-o", "again.mp4", "--preset", "nod.yaml", "--size", "128",
        "--poses", "json.npz", "--preview", "skeleton",
    )  # fmt: skip
    assert code == 0, err
    assert "again.mp4: 25 frames, 128 x 128" in err
    assert sum(1 for _ in VideoReader(folder / "again.mp4")) == 25


def test_the_plan_loads_no_model(run):
    code, out, err = run("photo.png", "speech.wav", "--dry-run", "--size", "256")
    assert code == 0, err
    for words in (
        "contextual",
        "learned",
        "renderer-lean",
        "mel",
        "25 frames",
        "256 x 256",
        "memory",
        "MB",
    ):
        assert words in out
    code, out, _ = run("photo.png", "speech.wav", "--dry-run", "--json-progress")
    plan = json.loads(out)
    assert plan["frames"] == 25
    assert plan["size"] == [512, 512]
    assert {stage["role"] for stage in plan["stages"]} == {
        "estimator", "speech", "motion", "lips", "renderer",
    }  # fmt: skip


@pytest.mark.parametrize(("ends", "exit_code"), [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_run_that_a_signal_ends_leaves_nothing(command, folder, tmp_path, ends, exit_code):
    import soundfile

    soundfile.write(tmp_path / "long.wav", np.zeros(16000 * 120, np.float32), 16000)
    # As a terminal does it: the signal goes to the whole process group, ffmpeg included. A test run
    # in the background of a script hands down that it is ignored.
    process = command(
        "photo.png", tmp_path / "long.wav", "-o", tmp_path / "talk.mp4", "--preset", "nod.yaml",
        "--json-progress", start_new_session=True,
        preexec_fn=lambda: signal.signal(ends, signal.SIG_DFL),
    )  # fmt: skip
    for line in process.stdout:
        event = json.loads(line)
        if event["stage"] == "render" and event["done"] > 3:
            break
    os.killpg(process.pid, ends)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == exit_code, err
    assert time.monotonic() - began < 30
    assert "interrupted" in err
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


def test_a_full_disk_leaves_nothing_and_exits_with_1(run, tmp_path):
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    out = tmp_path / "talk.mp4"
    code, _, err = run(
        "photo.png", "speech.wav", "-o", out, "--preset", "nod.yaml", preexec_fn=small_files_only
    )
    assert code == 1, err
    assert "disk" in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_debug_shows_where_an_error_arose(run):
    code, _, err = run("missing.png", "speech.wav", "--preset", "nod.yaml", "--debug")
    assert code == 1
    assert "Traceback" in err
