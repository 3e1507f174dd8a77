"""`gesticulate evaluate`: folders in, one table out."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from scipy.stats import bootstrap

from gesticulate import weights
from gesticulate.cli import main
from gesticulate.errors import InputError, UsageError
from gesticulate.evaluation.bootstrap import mean_interval
from gesticulate.evaluation.comparison import compare
from gesticulate.evaluation.evaluate import evaluate
from gesticulate.evaluation.joints import Joints
from gesticulate.evaluation.motion_autoencoder import WEIGHTS
from gesticulate.evaluation.options import EvaluateOptions
from gesticulate.evaluation.picture_pairs import frame_scores
from gesticulate.evaluation.recordings import (
    Recording,
    Sound,
    Sources,
    folder_recordings,
    load_motion,
    save_motion,
)
from gesticulate.evaluation.sides import Sides, common_length
from gesticulate.evaluation.stress_apexes import stress_apexes
from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import CANONICAL, REST, from_motion, to_motion
from gesticulate.keypoints.poses import Poses
from gesticulate.keypoints.smoothing import fill_gaps, smooth
from gesticulate.video.write import write_video

PLAIN = ("l1div", "pcm", "lvd")


def waving(frames: int, beats: np.ndarray, height: float = 0.3) -> Motion:
    """Both arms rise and fall, and stand still at the beats."""
    phase = np.interp(np.arange(frames), beats * 25, np.pi * np.arange(len(beats)))
    points = np.repeat(REST[None], frames, axis=0).astype(float)
    points[:, 70:74, 1] -= height * np.cos(phase)[:, None]
    points[:, layout.FACE_NOSE_TIP, 0] += 0.1 * np.cos(phase)
    return Motion(points, np.ones((frames, layout.NUM_MOTION_POINTS)))


def beats_of(seed: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).uniform(0.6, 1.4, 12))


def recording(name: str, motion: Motion, beats: np.ndarray | None = None) -> Recording:
    def sound() -> Sound:
        loud = np.zeros(len(motion))
        return Sound(beats, loud, loud)

    return Recording(name, Sources(lambda: motion, sound=None if beats is None else sound))


@pytest.fixture(scope="module")
def sides() -> Sides:
    """Three clips whose arms stand still at the beats of their own sound; generated ones alike."""
    real, made = {}, {}
    for number in range(3):
        name, beats = f"clip{number}", beats_of(number)
        real[name] = recording(name, waving(250, beats), beats)
        made[name] = recording(name, waving(250, beats, 0.36))
    return Sides(real, made)


def test_gestures_that_keep_the_beat_beat_the_shuffled_control(sides):
    (bas, constancy), missing = compare(sides, ("bas", "bc-angle"), demanded=True)
    assert not missing
    assert bas.generated == pytest.approx(bas.real, abs=0.05)
    assert bas.generated > bas.shuffled + 0.1
    assert constancy.metric == "bc-angle"
    assert set(bas.clips) == {"clip0", "clip1", "clip2"}


def test_the_interval_tells_what_follows_its_own_sound(sides):
    (bas,), _ = compare(sides, ("bas",), demanded=True)
    low, high = bas.gain
    assert 0 < low < bas.generated - bas.shuffled + 0.05
    assert low <= high
    assert bas.real_gain[0] > 0
    # Motions that all have the same beats follow no sound of their own.
    beats = beats_of(7)
    same = {f"clip{n}": recording(f"clip{n}", waving(250, beats), beats_of(n)) for n in range(3)}
    (bas,), _ = compare(Sides(sides_of(sides), same), ("bas",), demanded=True)
    assert bas.gain[0] < 0 < bas.gain[1]


def sides_of(sides: Sides) -> dict[str, Recording]:
    return {each.name: each for each in sides.real}


def test_strokes_on_stresses_are_counted():
    """Strokes of 0.4 s end where the hand stops, on the stresses of their own speech."""
    found = {}
    for number in range(4):
        moments = 1 + beats_of(number)
        moments = moments[moments < 9.5]
        place = np.zeros(250)
        for i, moment in enumerate(moments):
            done = np.clip((np.arange(250) / 25 - moment) / 0.4 + 1, 0, 1)
            way = 0.5 * (1 - np.cos(np.pi * done))
            place += 0.3 * way * (1 if i % 2 else -1)
        points = np.repeat(REST[None], 250, axis=0).astype(float)
        points[:, 72, 1] += place
        motion = Motion(points, np.ones((250, layout.NUM_MOTION_POINTS)))
        sound = Sound(moments, np.zeros(250), np.ones(250), moments)
        sources = Sources(lambda m=motion: m, sound=lambda s=sound: s)
        found[f"c{number}"] = Recording(f"c{number}", sources)
    (figure,), _ = compare(Sides(found, found), ("stress",), demanded=True)
    assert figure.generated > 0.85
    assert figure.shuffled < 0.6
    assert figure.gain[0] > 0.1
    unseen = Motion(motion.points, np.zeros((250, layout.NUM_MOTION_POINTS)))
    assert np.isnan(stress_apexes(unseen, moments))
    assert stress_apexes(motion, moments + 0.5) < 0.5


def test_the_bootstrap_is_that_of_scipy():
    rng = np.random.default_rng(0)
    values = rng.normal(0.3, 0.1, 40)
    plain = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=0)
    interval = plain.confidence_interval
    found = mean_interval([*values, np.nan])
    np.testing.assert_allclose(found, [interval.low, interval.high], atol=0.006)
    heavy = mean_interval(values, weights=np.where(values > 0.3, 5.0, 1.0))
    assert heavy[0] > found[0]
    assert np.isnan(mean_interval([1.0, np.nan])).all()


def test_paired_metrics_see_the_difference(sides):
    pcm, lvd, l1div = compare(sides, ("pcm", "lvd", "l1div"), demanded=True)[0]
    # Half an arm's points are off by up to 0.06: within the threshold.
    assert pcm.generated == 1
    assert lvd.generated > 0
    assert l1div.generated > l1div.real


def test_what_cannot_be_measured_is_said(sides):
    figures, missing = compare(sides, ("pcm", "psnr", "fid", "srgr"))
    assert [figure.metric for figure in figures] == ["pcm"]
    assert "clip0 has no video" in missing["psnr"]
    assert "clip0 has no video" in missing["fid"]
    assert "clip0.semantic.npy" in missing["srgr"]
    with pytest.raises(InputError, match="psnr cannot be measured: clip0 has no video"):
        compare(sides, ("psnr",), demanded=True)


def test_sets_are_compared_where_both_motions_show_a_point():
    real, made, lone = (waving(50, beats_of(0)) for _ in range(3))
    real.confidence[:10, 80] = 0
    made.confidence[:, 100] = 0
    found = Sides(
        {"a": recording("a", real)},
        {"a": recording("a", made), "b": recording("b", lone)},
    ).motions()
    for motion in (found[0][0], found[1][0]):
        assert not motion.confidence[:10, 80].any()
        assert motion.confidence[10:, 80].all()
        assert not motion.confidence[:, 100].any()
    assert found[1][1].confidence.all()
    assert real.confidence[:, 100].all()


def test_a_hand_that_only_one_motion_shows_spreads_neither():
    real, made = waving(100, beats_of(0)), waving(100, beats_of(0))
    real.confidence[:, 74:] = 0  # Its hands are out of the picture.
    sides = Sides({"a": recording("a", real)}, {"a": recording("a", made)})
    (l1div,), _ = compare(sides, ("l1div",), demanded=True)
    assert l1div.generated == pytest.approx(l1div.real)
    assert l1div.clips == {"a": (l1div.real, l1div.generated)}


def test_a_body_that_is_not_seen_keeps_no_beat_and_misses_none():
    beats, seen, hidden = beats_of(0), waving(250, beats_of(0)), waving(250, beats_of(0))
    hidden.confidence[:] = 0
    alone, beside = (
        Sides(
            {
                name: recording(name, motion, beats)
                for name, motion in zip("ab", motions, strict=False)
            },
            {"a": recording("a", seen, beats)},
        )
        for motions in ([seen], [seen, hidden])
    )
    metrics = ("bas", "bc", "bc-angle")
    for one, other in zip(compare(alone, metrics)[0], compare(beside, metrics)[0], strict=True):
        assert one.real == other.real


def test_long_clips_weigh_more_in_beat_constancy():
    short, long = beats_of(0), beats_of(1)
    made = {
        "a": recording("a", waving(100, short, 0.2), short),
        "b": recording("b", waving(300, long, 0.2), long + 0.2),
    }
    bas, by_joint, by_angle = compare(Sides(made, made), ("bas", "bc", "bc-angle"))[0]

    def mean(figure, *weights):
        return np.average([figure.clips[name][1] for name in "ab"], weights=weights)

    assert bas.generated == pytest.approx(mean(bas, 1, 1))
    assert by_joint.generated == pytest.approx(mean(by_joint, 100, 300))
    assert by_angle.generated == pytest.approx(
        mean(by_angle, (short <= 4).sum(), (long + 0.2 <= 12).sum())
    )


def test_scores_of_meaning_that_do_not_fit_are_named(folders):
    def run():
        return evaluate(
            EvaluateOptions(folders / "real", folders / "made", folders / "out", ("srgr",))
        )

    path = folders / "real" / "clip1.semantic.npy"
    np.save(path, np.ones(50))
    with pytest.raises(InputError, match=r"clip1\.semantic\.npy has 50 scores.* 100 frames"):
        run()
    np.save(path, np.ones((100, 2)))
    with pytest.raises(InputError, match=r"clip1\.semantic\.npy .* one number a frame"):
        run()
    path.write_text("no array")
    with pytest.raises(InputError, match=r"clip1\.semantic\.npy .* one number a frame"):
        run()


def test_results_within_a_folder_are_not_measured_the_next_time(folders):
    made, out = folders / "made", folders / "made" / "results"
    (out / "poses" / "generated").mkdir(parents=True)
    (made / "clip0.npz").rename(out / "poses" / "generated" / "clip0.npz")
    text = evaluate(EvaluateOptions(folders / "real", made, out, PLAIN))
    assert "2 real and 1 generated" in text
    # Poses of an earlier run may be given as a side of their own.
    again = evaluate(EvaluateOptions(folders / "real", out / "poses" / "generated", out, PLAIN))
    assert "2 real and 1 generated" in again


def test_an_output_that_is_a_file_is_said_before_anything_is_measured(folders):
    with pytest.raises(UsageError, match=r"is a file.*folder"):
        evaluate(EvaluateOptions(folders / "no", folders / "made", folders / "real" / "clip0.npz"))


class Trembling:
    """Sees what was waved, and trembles."""

    def track(self, frames, fps):
        count = len(list(frames))
        poses = from_motion(waving(count, beats_of(0)), CANONICAL, (256, 256))
        noise = np.random.default_rng(0).normal(0, 0.01, poses.xy.shape)
        points = poses.points.copy()
        points[..., :2] += noise
        return Poses(points, poses.size, fps)


def test_poses_that_are_estimated_are_smoothed_as_those_of_a_data_set(tmp_path):
    frames = [np.zeros((64, 64, 3), np.uint8)] * 50
    write_video(tmp_path / "a.mp4", frames, fps=25, size=(64, 64), sound=None)
    (found,) = folder_recordings(tmp_path, Trembling, tmp_path / "poses").values()
    raw = Trembling().track(frames, 25.0)
    np.testing.assert_allclose(found.motion.points, to_motion(fill_gaps(smooth(raw))).points)
    assert Joints.of(found.motion).speed().mean() < 0.6 * Joints.of(to_motion(raw)).speed().mean()


def test_poses_are_estimated_once_and_anew_for_a_new_video(tmp_path):
    video, made = tmp_path / "a.mp4", []
    write_video(video, [np.zeros((64, 64, 3), np.uint8)] * 20, fps=25, size=(64, 64), sound=None)

    def estimator():
        made.append(Trembling())
        return made[-1]

    for age, expected in ((0, 1), (0, 1), (60, 2), (0, 2)):
        seconds = video.stat().st_mtime + age
        os.utime(video, (seconds, seconds))
        assert len(folder_recordings(tmp_path, estimator, tmp_path / "poses")["a"].motion) == 20
        for kept in tmp_path.glob("poses/*") if age else ():
            os.utime(kept, (seconds, seconds))
        assert len(made) == expected


def test_a_clip_that_shows_nobody_is_named(folders):
    poses = Poses(np.zeros((40, layout.NUM_POINTS, 3), np.float32), (256, 256))
    poses.save(folders / "made" / "clip1.npz")
    with pytest.raises(InputError, match=r"pcm cannot be measured: clip1: .*face"):
        evaluate(EvaluateOptions(folders / "real", folders / "made", folders / "out", ("pcm",)))


def test_without_partners_only_sets_are_compared(sides):
    others = {"x": sides.generated[0]}
    unpaired = Sides({r.name: r for r in sides.real[1:]}, others)
    figures, missing = compare(unpaired, PLAIN)
    assert [figure.metric for figure in figures] == ["l1div"]
    assert "has the name of a real one" in missing["pcm"]


def test_lengths_may_differ_by_half_a_second():
    assert common_length("a", 100, 110) == 100
    with pytest.raises(InputError, match="a: the real clip has 100 frames"):
        common_length("a", 100, 140)


@pytest.fixture
def folders(tmp_path):
    """Two folders of two clips: poses and scores; the same poses in pictures twice as large."""
    for number in range(2):
        beats = beats_of(number)
        for side, size in (("real", 256), ("made", 512)):
            (tmp_path / side).mkdir(exist_ok=True)
            poses = from_motion(waving(100, beats), CANONICAL, (256, 256))
            poses.scaled((size, size)).save(tmp_path / side / f"clip{number}.npz")
        np.save(tmp_path / "real" / f"clip{number}.semantic.npy", np.full(100, 0.165))
    return tmp_path


def test_the_same_poses_in_larger_pictures_are_the_same_motion(folders):
    options = EvaluateOptions(folders / "real", folders / "made", folders / "out", (*PLAIN, "srgr"))
    text = evaluate(options)
    assert "2 real and 2 generated" in text
    assert (folders / "out" / "results.md").read_text() == text
    found = json.loads((folders / "out" / "results.json").read_text())
    figures = {figure["metric"]: figure for figure in found["figures"]}
    assert set(figures) == {*PLAIN, "srgr"}
    assert figures["pcm"]["generated"] == 1
    assert figures["lvd"]["generated"] == pytest.approx(0, abs=1e-3)
    assert figures["l1div"]["generated"] == pytest.approx(figures["l1div"]["real"], rel=1e-3)
    assert set(figures["pcm"]["clips"]) == {"clip0", "clip1"}
    for name in ("figures.png", "clips.png"):
        with Image.open(folders / "out" / name) as plot:
            assert min(plot.size) > 200


@pytest.mark.skipif(not weights.available(WEIGHTS), reason=f"no weights {WEIGHTS} here")
def test_a_folder_beside_itself_is_perfect(folders, capsys):
    metrics = ("fgd", "diversity", "l1div", "pcm", "srgr", "lvd")
    real, out = str(folders / "real"), folders / "out"
    assert main(["evaluate", real, real, "-o", str(out), "--metrics", *metrics]) == 0
    told = capsys.readouterr()
    assert "measuring fgd" in told.err
    assert told.out.startswith((out / "results.md").read_text())
    found = json.loads((out / "results.json").read_text())["figures"]
    figures = {figure["metric"]: figure for figure in found}
    assert tuple(figures) == metrics
    assert figures["fgd"]["generated"] == pytest.approx(0, abs=1e-6)
    assert figures["pcm"]["generated"] == 1
    assert figures["srgr"]["generated"] == pytest.approx(1)
    assert figures["lvd"]["generated"] == 0
    for name in ("diversity", "l1div"):
        assert figures[name]["generated"] == pytest.approx(figures[name]["real"])
        assert figures[name]["real"] > 0


def test_what_is_asked_wrongly_is_said(folders, capsys):
    real, made = str(folders / "real"), str(folders / "made")
    for arguments, code, said in (
        ((real, "nothing"), 1, "There is no folder nothing"),
        ((real, made, "--every", "0"), 2, "--every must be 1 or more"),
        ((real, made, "--metrics", "psnr"), 1, "psnr cannot be measured: clip0 has no video"),
    ):
        assert main(["evaluate", *arguments, "-o", str(folders / "out")]) == code
        assert said in capsys.readouterr().err


def test_bad_folders_are_named(folders):
    def run(real, made, metrics=PLAIN):
        return evaluate(EvaluateOptions(folders / real, folders / made, folders / "out", metrics))

    with pytest.raises(InputError, match=r"There is no folder .*nothing"):
        run("real", "nothing")
    (folders / "empty").mkdir()
    with pytest.raises(InputError, match=r"neither skeletons .* nor videos"):
        run("real", "empty")
    (folders / "real" / "clip0.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"clip0\.npz holds no skeletons"):
        run("real", "made")
    with pytest.raises(InputError, match="psnr cannot be measured: clip0 has no video"):
        run("real", "made", ("psnr",))


def test_a_motion_file_comes_back_as_it_was(tmp_path):
    motion = waving(10, beats_of(0))
    save_motion(motion, tmp_path / "a.npz")
    back = load_motion(tmp_path / "a.npz")
    np.testing.assert_array_equal(back.points, motion.points)
    assert back.fps == motion.fps


def test_frames_of_another_size_are_fitted_and_of_another_shape_refused():
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (64, 48, 3), dtype=np.uint8) for _ in range(4)]
    assert frame_scores("psnr", frames, frames, 2, "a") == 60
    assert frame_scores("ssim", frames, frames, 1, "a") == pytest.approx(1)
    large = [frame.repeat(2, 0).repeat(2, 1) for frame in frames]
    assert frame_scores("psnr", frames, large, 1, "a") == 60
    # Half a second more or less is cut off; more is another clip.
    assert frame_scores("psnr", frames, frames * 4, 1, "a") == 60
    for sides in ((frames, frames * 5), (frames * 5, frames)):
        with pytest.raises(InputError, match="a: one of the two videos ends"):
            frame_scores("psnr", *sides, 1, "a")
    with pytest.raises(InputError, match="a: the real frames have 48 x 64 pixels"):
        frame_scores("psnr", frames, [frame[:48] for frame in frames], 1, "a")


def test_the_pose_estimator_is_one_of_the_registry(tmp_path):
    with pytest.raises(UsageError, match="Did you mean 'mediapipe'"):
        evaluate(EvaluateOptions(tmp_path, tmp_path, tmp_path / "out", estimator="mediapip"))
