"""Runs of benchmarks/motion.py beside each other."""

import json

import pytest
from motion_table import Arguments, compared, load_row, main

from gesticulate.errors import InputError, UsageError


def run(folder, fgd, beats, clips=("a", "b")):
    folder.mkdir()
    figures = [
        {"title": "FGD", "better": "lower", "generated": fgd, "real": None, "shuffled": None},
        {"title": "BAS", "better": "higher", "generated": beats, "real": 0.5, "shuffled": 0.1},
    ]
    content = {"figures": figures, "clips": [{"clip": clip} for clip in clips], "core_seconds": 0.2}
    (folder / "results.json").write_text(json.dumps(content))
    return str(folder)


def test_rows_have_means_and_deviations(tmp_path):
    one = run(tmp_path / "one", 7.0, 0.3)
    several = [run(tmp_path / f"seed{i}", 4.0 + i, 0.2) for i in range(3)]
    main(Arguments((f"masked={one}", f"ours={','.join(several)}"), 2, tmp_path / "table.md"))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in
             (tmp_path / "table.md").read_text().splitlines()]  # fmt: skip
    assert lines[0] == ["", "FGD ↓", "BAS ↑", "core s a second ↓"]
    assert lines[2:] == [
        ["real motion", "–", "0.50", "–"],
        ["masked", "7.00", "0.30", "0.20"],
        ["masked, shuffled speech", "–", "0.10", "–"],
        ["ours", "5.00 ± 1.00", "0.20 ± 0.00", "0.20 ± 0.00"],
        ["ours, shuffled speech", "–", "0.10 ± 0.00", "–"],
    ]


def test_what_cannot_be_compared_is_said(tmp_path):
    one, other = run(tmp_path / "one", 7.0, 0.3), run(tmp_path / "other", 7.0, 0.3, ("a", "c"))
    with pytest.raises(InputError, match="'x' and 'y' did not measure the same clips"):
        compared([load_row(f"x={one}"), load_row(f"y={other}")], 2)
    with pytest.raises(InputError, match=r"nothing/results\.json could not be read"):
        load_row(f"x={tmp_path}/nothing")
    with pytest.raises(UsageError, match="expected label=folder"):
        load_row(one)
