"""A data set of a drawn person who moves about, as `gesticulate dataset build` writes it."""

import csv
import json
import subprocess
from pathlib import Path

import cv2
import ffmpeg
import numpy as np
from drawn_person import draw_person

from gesticulate.datasets.publish import COLUMNS
from gesticulate.ffmpeg_binary import ffmpeg_path


def write_video(path, frames):
    height, width = frames[0].shape[:2]
    stream = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{width}x{height}", r=25)
    output = ffmpeg.output(stream, str(path), pix_fmt="yuv444p", crf=1, loglevel="error")
    command = ffmpeg.compile(output.overwrite_output(), cmd=ffmpeg_path())
    subprocess.run(command, input=np.stack(frames).tobytes(), check=True)


def write_dataset(folder: Path, size: int, length: int) -> None:
    """Three clips, one of them for validation; the first as a crop video, the others to be cut out
    of wider videos. size: pixels of a side."""
    (folder / "crops").mkdir()
    person = draw_person(size, size)
    rows, poses = [], []
    for number in range(3):
        frames = []
        for t in range(length):
            x, y = (number + 1) * t / 2, -t / 2
            matrix = np.array([[1, 0, x], [0, 1, y]])
            frames.append(
                cv2.warpAffine(person.photo, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
            )
            points = person.pose.points[0].copy()
            points[:, :2] += (x, y)
            poses.append(points)
        path = folder / f"clip{number}.mp4"
        if number:
            write_video(path, [np.pad(f, ((10, 10), (20, 40), (0, 0))) for f in frames])
        else:
            write_video(folder / "crops" / "clip0.mp4", frames)
        crop = {"crop_x": 20, "crop_y": 10, "crop_side": size} if number else {}
        rows.append(
            dict.fromkeys(COLUMNS, "0")
            | {
                "id": f"clip{number}",
                "path": str(path),
                "num_frames": length,
                "crop_side": size,
            }
            | {"offset": number * length, "split": "val" if number == 2 else "train"}
            | {"kind": "speech", "person": f"p{number}", "body": 1}
            | crop
        )
    version = folder / "v001"
    version.mkdir()
    total = len(poses)
    shapes = {"motion": (116, 2), "confidence": (116,), "speech": (4,), "voice": (), "energy": ()}
    for name, shape in shapes.items():
        np.save(version / f"{name}.npy", np.zeros((total, *shape), np.float32))
    np.save(version / "poses.npy", np.stack(poses).astype(np.float32))
    with open(version / "clips.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    state = {"format": 1, "version": 1, "folder": "v001", "clips": 3, "persons": []}
    state["options"] = {"crop_size": size}
    (folder / "dataset.json").write_text(json.dumps(state), encoding="utf-8")
