"""What a start script has logged is read: what became of the start, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jupyterlab_container_kernels.models import LastStart
from jupyterlab_container_kernels.services.starts import read_end, read_last, read_start, said
from jupyterlab_container_kernels.services.task_files import LOG_CHUNK_BYTES

HEAD = """# started: 2026-11-25T22:19:23+0100
# node: udc-an26-1
# jupyter: 4711
# runtime: /usr/bin/apptainer
# image: /scratch/mst3k/pytorch.sif
"""
GONE = "container-kernels: The image /scratch/mst3k/pytorch.sif is not there on udc-an26-1: it was moved or deleted, or its file system is not mounted.\n"  # noqa: E501

#: The log, the state, the exit code, the cause.
CASES: list[tuple[str, str, int | None, str | None]] = [
    ("", "never", None, None),
    (HEAD, "running", None, None),
    (HEAD + "INFO: something\n", "running", None, None),
    (HEAD + "# ended: 2026-11-25T22:20:00+0100 ended 0\n", "ended", 0, None),
    (HEAD + "# ended: 2026-11-25T22:20:00+0100 ended 143\n", "ended", 143, None),  # shut down by Jupyter
    (HEAD + "# ended: 2026-11-25T22:20:00+0100 killed \n", "ended", None, None),  # killed by Jupyter
    (HEAD + "# ended: 2026-11-25T22:20:00+0100 server-gone \n", "ended", None, None),
    (HEAD + GONE + "# ended: 2026-11-25T22:19:23+0100 failed 69\n", "failed", 69, "image_missing"),
    # a kernel's own words are not the end
    (HEAD + "# ended: 2026-11-25T22:19:23+0100 failed 69\nmore\n", "running", None, None),
    # the beginning of a long log was cut
    ("x" * 100 + "\n" + GONE + "# ended: 2026-11-25T22:19:23+0100 failed 69\n", "failed", 69, "image_missing"),
]


@pytest.mark.parametrize(("text", "state", "code", "cause"), CASES)
def test_the_log_tells_what_became_of_a_start(text: str, state: str, code: int | None, cause: str | None) -> None:
    start = read_start(text, "PyTorch")
    assert (start.state, start.exit_code) == (state, code)
    assert (start.diagnosis.cause if start.diagnosis else None) == cause


def test_the_head_of_the_log_tells_when_and_where() -> None:
    assert read_start(HEAD, "PyTorch") == LastStart("running", "2026-11-25T22:19:23+0100", "udc-an26-1", None, None)


def test_head_and_end_are_no_reasons() -> None:
    assert (
        said(HEAD + "oh dear\n# a comment of the kernel's\n# ended: x failed 1\n")
        == "oh dear\n# a comment of the kernel's"
    )


def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "last-start"
    path.write_text(HEAD + "x\n" * LOG_CHUNK_BYTES + "# ended: 2026-11-25T22:19:23+0100 failed 3\n")
    assert read_start(read_end(path).text, "PyTorch").exit_code == 3


def at(seconds_ago: float) -> str:
    """Write a moment as the start script does."""
    return (datetime.now().astimezone() - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%S%z")


#: Seconds since the death, since the new start; what the new start has come to; whether the death is told.
RESTARTS: list[tuple[float, float, str, bool]] = [
    (4, 2, "", True),
    (4, 2, "failed 69", False),  # the new start tells for itself
    (4, 2, "ended 0", False),
    (60, 58, "", False),  # it runs for a while now
    (3600, 2, "", False),  # somebody has started it anew
]


@pytest.mark.parametrize(("died", "began", "end", "told"), RESTARTS)
def test_why_jupyter_had_to_start_a_kernel_again_is_told_until_the_new_start_shows_what_comes_of_it(
    tmp_path: Path, died: float, began: float, end: str, told: bool
) -> None:
    path = tmp_path / "last-start"
    path.with_name("last-start.before").write_text(
        f"# started: {at(died + 100)}\nthe death\n# ended: {at(died)} failed 137\n"
    )
    path.write_text(f"# started: {at(began)}\nthe new start\n" + (f"# ended: {at(0)} {end}\n" if end else ""))
    chunk, start = read_last(path, "PyTorch")
    assert ("the death" in chunk.text) == told
    assert (start.exit_code == 137) == told


def test_a_kernel_that_lived_for_long_was_running(tmp_path: Path) -> None:
    for lived_s, word in ((2, "Starting"), (600, "Running")):
        log = f"# started: {at(lived_s)}\nnobody knows this\n# ended: {at(0)} failed 3\n"
        diagnosis = read_start(log, "PyTorch").diagnosis
        assert diagnosis is not None
        assert diagnosis.message.startswith(f"{word} PyTorch failed")
