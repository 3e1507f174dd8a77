"""What `gesticulate evaluate` is told. Light: --help must answer at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro import conf

MetricName = Literal[
    "fgd", "diversity", "l1div", "bas", "bc", "bc-angle", "stress", "pcm", "srgr", "lvd", "lips",
    "psnr", "ssim", "lpips", "fid", "fvd",
]  # fmt: skip


@dataclass(frozen=True)
class EvaluateOptions:
    """Measure GENERATED motions or videos against REAL ones.

    Both are folders; files of the same name belong together. A name may have a video, skeletons
    (NAME.npz from --save-poses), sound (NAME.wav) and, for SRGR, annotated scores
    (NAME.semantic.npy, one number a frame). REAL may be a data set that `gesticulate dataset
    build` wrote. Videos without skeletons get their poses estimated, once.
    """

    real: Annotated[conf.Positional[Path], conf.arg(metavar="REAL")]
    """Folder of the real clips, or a built data set."""
    generated: Annotated[conf.Positional[Path], conf.arg(metavar="GENERATED")]
    """Folder of the generated ones."""
    out: Annotated[Path, conf.arg(aliases=["-o"])] = Path("evaluation")
    """Folder for results.md, results.json, the plots, and estimated poses."""
    metrics: tuple[MetricName, ...] = ()
    """Which to measure. Default: all that the files allow; what they do not is listed."""
    estimator: str = "mediapipe"
    """Pose estimator for videos without skeletons: a name, or a YAML file of name and options.
    Figures of different estimators cannot be compared."""
    split: str = "val"
    """Which clips of a data set."""
    kinds: tuple[str, ...] = ()
    """Which kinds of clips of a data set; all where none is named."""
    every: int = 5
    """Frames from one compared picture to the next; FVD takes all."""
