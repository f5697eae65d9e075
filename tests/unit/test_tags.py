"""Tags are listed as people look for them, and a wrong one leads to those that are near."""

from __future__ import annotations

import time

import pytest

from jupyterlab_container_kernels.acquire.tags import nearest, newest_first

PYTORCH = [
    "1.13.1-cuda11.6-cudnn8-runtime", "2.9.0-cuda12.6-cudnn9-runtime", "2.9.1-cuda12.6-cudnn9-devel",
    "2.9.1-cuda12.6-cudnn9-runtime", "2.9.1-cuda12.8-cudnn9-runtime", "2.10.0-cuda12.8-cudnn9-runtime", "latest",
]  # fmt: skip


def test_the_newest_comes_first_and_what_is_attached_to_images_is_left_out() -> None:
    listed = [*PYTORCH, "latest", f"sha256-{1:064}.sig", f"sha256-{2:064}"]
    assert newest_first(listed) == [
        "latest",
        "2.10.0-cuda12.8-cudnn9-runtime",
        "2.9.1-cuda12.8-cudnn9-runtime",
        "2.9.1-cuda12.6-cudnn9-runtime",
        "2.9.1-cuda12.6-cudnn9-devel",
        "2.9.0-cuda12.6-cudnn9-runtime",
        "1.13.1-cuda11.6-cudnn8-runtime",
    ]


@pytest.mark.parametrize(
    ("wanted", "tags", "near"),
    [
        ("2.9.1-cuda12.5", PYTORCH, {"2.9.1-cuda12.8-cudnn9-runtime", "2.9.1-cuda12.6-cudnn9-runtime",
                                     "2.9.1-cuda12.6-cudnn9-devel", "2.9.0-cuda12.6-cudnn9-runtime"}),
        ("lates", PYTORCH, {"latest"}),
        ("13", ["12", "11", "12-slim", "bookworm"], {"12", "11", "12-slim"}),
        ("zzz", ["1", "2"], {"1", "2"}),
        ("1", [], set()),
        ("X", ["²", "1a2b"], {"1a2b"}),
    ],
)  # fmt: skip
def test_a_wrong_tag_leads_to_near_ones(wanted: str, tags: list[str], near: set[str]) -> None:
    assert set(nearest(wanted, tags)) == near


def test_thousands_of_tags_take_no_time() -> None:
    began = time.monotonic()
    assert nearest(
        "2.9.1", [f"2.{major}.{minor}-cuda12.8-cudnn9-runtime" for major in range(90) for minor in range(90)]
    )
    assert time.monotonic() - began < 3
