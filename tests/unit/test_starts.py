"""What a start script has logged is read: what became of the start, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterlab_container_kernels.models import LastStart
from jupyterlab_container_kernels.services.starts import read_end, read_start, said
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
