"""What cannot work is answered in words and leaves no kernel, no directory and no process."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import PHASES, AddRequest, LoginRequest, Task
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed


def refused(bed: Bed, request: AddRequest) -> ContainerKernelsError:
    """Return why a request was refused before anything began."""
    with pytest.raises(ContainerKernelsError) as caught:
        bed.add(request)
    bed.assert_nothing_is_left()
    return caught.value


def failed(bed: Bed, request: AddRequest) -> Task:
    """Return the task of a request that began and failed."""
    task = bed.add(request)
    assert task.state == "failed"
    assert task.error is not None
    bed.assert_nothing_is_left()
    return task


def test_a_tag_that_does_not_exist_is_named(bed: Bed, registry: str) -> None:
    task = failed(bed, AddRequest(f"{registry}/demo/python:nope"))
    assert task.error is not None
    assert task.error.code == "image_not_found"
    assert "demo/python" in task.error.message
    assert "nope" in task.error.message
    assert task.phase == "resolve"


@pytest.mark.parametrize("kind", ["PRIVATE", "SECURE"])
def test_a_private_image_needs_a_login_and_comes_with_it(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """By plain HTTP and by TLS; once logged in, our own way and the runtime find the password."""
    private = os.environ.get(f"CK_TEST_{kind}_REGISTRY")
    if not private:
        pytest.fail(f"CK_TEST_{kind}_REGISTRY is not set: run these tests by `make test-py`")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    image = AddRequest(f"{private}/test/private:1")
    if kind == "SECURE":
        task = failed(bed, image)
        assert task.error is not None
        assert task.error.message.startswith(f"The certificate of the registry {private} is not trusted: self-signed")
        monkeypatch.setenv("SSL_CERT_FILE", os.environ["CK_TEST_CERTIFICATE"])
    task = failed(bed, image)
    assert task.error is not None
    assert task.error.code == "login_needed"
    assert private in task.error.hint

    user, password = os.environ["CK_TEST_PRIVATE_USER"], os.environ["CK_TEST_PRIVATE_PASSWORD"]

    async def log_in(services: Services) -> None:
        with pytest.raises(ContainerKernelsError):
            await services.logins.log_in(LoginRequest(private, user, "wrong"))
        login = await services.logins.log_in(LoginRequest(private, user, password))
        assert stat.S_IMODE(Path(login.path).stat().st_mode) == 0o600
        assert (await services.images.resolution.resolve(image.image)).user == user

    bed.run(log_in)
    kept = home / ".docker/config.json"
    if kind == "SECURE":  # where Apptainer by itself does not look
        kept = kept.rename(tmp_path / "auth.json")
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(kept))
    for way in ("auto", "runtime"):
        bed.changes["acquire"] = way
        task = bed.add(image)
        # it came, and only then is found to have no shell, let alone Python
        assert [phase.state for phase in task.phases][:3] == ["done", "done", "failed"]
        bed.unseed()
    if kind == "PRIVATE":
        bed.changes["acquire"] = "auto"
        monkeypatch.setenv("APPTAINER_CACHEDIR", str(tmp_path / "cache"))
        pull = ["apptainer", "pull", "--no-https", str(tmp_path / "x.sif"), f"docker://{image.image}"]
        subprocess.run(pull, check=True, capture_output=True)
        assert bed.run(lambda services: services.images.resolution.resolve(image.image)).download_bytes == 0
        task = bed.add(image)
        assert [phase.state for phase in task.phases][:3] == ["done", "done", "failed"]
        log = (bed.state / "tasks" / task.id / "log").read_text()
        assert "has the image in its cache" in log
    secrets = (password.encode(), base64.b64encode(f"{user}:{password}".encode()))
    holders = {path for path in tmp_path.rglob("*") if path.is_file() and any(s in path.read_bytes() for s in secrets)}
    assert holders == {kept}


@pytest.fixture
def silent_registry() -> Iterator[str]:
    """A port that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_registry_that_does_not_answer_is_given_up(bed: Bed, silent_registry: str) -> None:
    bed.changes["registry_timeout_s"] = 1
    task = failed(bed, AddRequest(f"{silent_registry}/demo/python:1"))
    assert task.error is not None
    assert task.error.code == "registry_unreachable"
    assert silent_registry in task.error.message


def test_a_registry_that_is_not_there_is_named(bed: Bed) -> None:
    with socket.socket() as deaf:  # the port is taken, so that nobody else listens there, and refuses
        deaf.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{deaf.getsockname()[1]}"
        task = failed(bed, AddRequest(f"{gone}/demo/python:1"))
    assert task.error is not None
    assert task.error.code == "registry_unreachable"


def test_an_image_for_another_processor_is_not_pulled(bed: Bed, registry: str) -> None:
    task = failed(bed, AddRequest(f"{registry}/test/arm64:1"))
    assert task.error is not None
    assert task.error.code == "wrong_architecture"
    assert "arm64" in task.error.message


def test_an_image_without_python_is_told_apart_from_one_that_does_not_run(
    bed: Bed, pulled: Callable[[str], Path]
) -> None:
    task = failed(bed, AddRequest(str(pulled("test/no-python:1"))))
    assert task.error is not None
    assert task.error.code == "language_missing"
    assert "no Python, R or Julia" in task.error.message


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path, _: path, "image_not_found"),
        (lambda path, _: path.mkdir() or path, "image_unusable"),
        (lambda path, _: path.write_text("no image") and path, "image_unusable"),
        (lambda path, image: (shutil.copyfile(image, path) and os.truncate(path, 5_000_000)) or path, "image_unusable"),
        (lambda path, image: _of_another_processor(image, path), "wrong_architecture"),
    ],
    ids=["missing", "a directory", "a text file", "cut off", "for another processor"],
)
def test_a_file_that_is_no_image_for_this_machine_is_refused_at_once(
    bed: Bed, python_sif: Path, tmp_path: Path, make: Callable[[Path, Path], Path], code: str
) -> None:
    path = make(tmp_path / "x.sif", python_sif)
    error = refused(bed, AddRequest(str(path)))
    assert error.code == code
    assert str(path) in error.message


def _of_another_processor(image: Path, path: Path) -> Path:
    """Copy an image and say arm64 in its header (``pkg/sif/arch.go``)."""
    shutil.copyfile(image, path)
    with path.open("r+b") as stream:
        stream.seek(45)
        stream.write(b"04\0")
    return path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file; run as an ordinary user")
def test_a_file_that_may_not_be_read_is_refused_at_once(
    bed: Bed, python_sif: Path, copied: Callable[[Path, str], Path]
) -> None:
    image = copied(python_sif, "x.sif")
    image.chmod(0)
    assert refused(bed, AddRequest(str(image))).code == "image_not_readable"


def test_a_damaged_image_is_found_out_before_a_tile_appears(
    bed: Bed, python_sif: Path, copied: Callable[[Path, str], Path]
) -> None:
    image = copied(python_sif, "damaged.sif")
    with image.open("r+b") as stream:
        stream.seek(40_000)  # behind the header and the small JSON parts: the squashfs itself
        stream.write(os.urandom(200_000))
    assert failed(bed, AddRequest(str(image))).error is not None


def test_two_adds_of_one_name_at_once_have_one_winner(bed: Bed, ipykernel_sif: Path) -> None:
    async def both(services: Services) -> list[object]:
        request = AddRequest(str(ipykernel_sif), "Same", "same")
        answers = await asyncio.gather(*(services.add.add(request) for _ in range(2)), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Task):
                await services.tasks.wait(answer.id)
        return answers

    answers = bed.run(both)
    errors = [answer for answer in answers if isinstance(answer, ContainerKernelsError)]
    assert [error.code for error in errors] == ["slug_taken"]
    assert [path.name for path in bed.kernels.iterdir()] == ["same"]


def test_two_terminals_that_add_one_name_have_one_winner(bed: Bed, ipykernel_sif: Path) -> None:
    command = [sys.executable, "-m", "jupyterlab_container_kernels.cli", "add", str(ipykernel_sif)]
    command += ["--name", "Same", "--kernel-name", "same"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert sorted(process.returncode for process in both) == [0, 4], said
    assert [path.name for path in bed.kernels.iterdir()] == ["same"]
    # what the loser had made is gone: there is one kernel's worth of packages and logs
    assert len(list((bed.state / "packages").iterdir())) == 1
    assert len(list((bed.state / "logs").iterdir())) == 1


def test_a_disk_that_fills_in_mid_pull_is_named_and_left_clean(bed: Bed, registry: str) -> None:
    """The temporary directory is a small tmpfs in a mount namespace of its own."""
    inside = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let ordinary users mount a tmpfs in a namespace")
    script = 'mount -t tmpfs -o size=20m none "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
    command = [*inside, "sh", "-c", script, str(bed.temporary), sys.executable, "-m"]
    command += ["jupyterlab_container_kernels.cli", "add", f"{registry}/demo/python:1"]
    config = bed.path / "config"
    config.mkdir()
    (config / "jupyter_server_config.py").write_text(f"c.ContainerKernelsApp.temporary_dir = {str(bed.temporary)!r}\n")
    env = {**os.environ, "APPTAINER_USERNS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stderr
    assert "no room left on the disk" in done.stderr
    assert done.stdout == "", "something was left in the temporary directory"
    bed.assert_nothing_is_left()


@pytest.mark.parametrize("phase", PHASES)
def test_a_task_cancelled_in_any_phase_leaves_nothing(bed: Bed, registry: str, stored_python: Path, phase: str) -> None:
    """*publish* is one rename: a cancel that comes so late finds either nothing or a whole kernel."""
    if phase not in ("resolve", "acquire"):
        bed.seed(stored_python)

    async def work(services: Services) -> Task:
        started = await services.add.add(AddRequest(f"{registry}/demo/python:1", "Cancelled"))
        while (task := await services.tasks.get(started.id)).phase != phase and task.ended is None:
            await asyncio.sleep(0.002)
        await services.tasks.end(task.id)
        return await services.tasks.wait(task.id)

    task = bed.run(work)
    if phase == "publish" and task.state == "done":
        assert (bed.kernels / "cancelled/kernel.json").is_file()
        return
    assert task.state == "cancelled"
    if phase not in ("resolve", "acquire"):
        bed.unseed()
    bed.assert_nothing_is_left()
