"""Kernels that were published are broken in every way that can be had here, and say why they do not start."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyterlab_container_kernels.models import AddRequest, KernelLog
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed
from .kernels import manager_of

ROOT = os.geteuid() == 0
#: A namespace in which mounts can be made that nobody else sees.
PRIVATE_MOUNTS = ["unshare", "--mount"] if ROOT else ["unshare", "--user", "--map-root-user", "--mount"]
#: An ELF header of a processor that this machine has not (s390x is big endian; nobody emulates it by chance).
FOREIGN = b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x16\x00\x00\x00\x01" + bytes(4000)


@dataclass
class Start:
    """How a kernel is started, and what happens then."""

    slug: str = "inside"
    #: What is put before the kernel's command.
    prefix: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    #: A cell that ends the kernel; without one it ends by itself.
    cell: str | None = None


def shell(commands: str) -> list[str]:
    """Commands that are run before the kernel's own, which they become."""
    return ["sh", "-c", f'{commands}; exec "$@"', "sh"]


class Kernels:
    """Two kernels: ``inside`` has ipykernel in its image, ``beside`` has it installed."""

    def __init__(self, bed: Bed, image: Path, pulled: Callable[[str], Path]) -> None:
        self.bed = bed
        self.image = image
        self.pulled = pulled
        self.cwd = bed.path / "notebooks"
        self.cwd.mkdir()
        record = json.loads((bed.kernels / "beside" / "kernel.json").read_text())["metadata"]["container_kernels"]
        self.packages = Path(record["packages"]["shared"] or record["packages"]["path"])
        self.site = next(self.packages.rglob("ipykernel_launcher.py")).parent
        for directory in (each for each in self.packages.rglob("*") if each.is_dir()):
            directory.chmod(0o700)  # a set is protected from its kernels, not from what purges a file system

    def died(self, start: Start) -> tuple[KernelLog, float]:
        """Start a kernel, wait for its end, and return its log and the seconds until that could be read."""
        spec = self.bed.kernels / start.slug / "kernel.json"
        before = spec.read_text()
        spec.write_text(json.dumps({**json.loads(before), "argv": [*start.prefix, *json.loads(before)["argv"]]}))
        manager = manager_of(start.slug)
        manager.start_kernel(cwd=str(self.cwd), env={**os.environ, **start.environment})
        client = manager.client()
        client.start_channels()
        try:
            if start.cell is not None:
                client.wait_for_ready(timeout=60)
                client.execute(start.cell)
            deadline = time.monotonic() + 60
            while manager.is_alive():
                assert time.monotonic() < deadline, self.log(start.slug).text
                time.sleep(0.01)
            ended = time.monotonic()
            return self.log(start.slug), time.monotonic() - ended
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            spec.write_text(before)

    def log(self, slug: str) -> KernelLog:
        async def work(services: Services) -> KernelLog:
            return await services.kernels.log(slug)

        log: KernelLog = self.bed.run(work)
        return log

    @contextmanager
    def away(self, path: Path) -> Iterator[None]:
        """Move something away, and remove what lies in its place afterwards."""
        kept = path.rename(path.with_name(f"{path.name}.away"))
        try:
            yield
        finally:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            kept.rename(path)

    @contextmanager
    def edited(self, path: Path, old: str, new: str) -> Iterator[None]:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        try:
            yield
        finally:
            path.write_text(text)

    @contextmanager
    def folder_as_image(self) -> Iterator[Path]:
        """A folder in the image's place, with what each system has and nothing in it."""
        with self.away(self.image):
            for name in ("bin", "etc", "tmp", "var/tmp", "usr/bin"):
                (self.image / name).mkdir(parents=True)
            yield self.image

    @contextmanager
    def site_settings(self, **settings: str) -> Iterator[Start]:
        """Another configuration file of Apptainer, with these settings (``_`` stands for a blank)."""
        built = subprocess.run(["apptainer", "buildcfg"], capture_output=True, text=True, check=True).stdout
        source = dict(line.split("=", 1) for line in built.splitlines() if "=" in line)["APPTAINER_CONF_FILE"]
        target = self.bed.path / "apptainer.conf"
        names = {name.replace("_", " "): value for name, value in settings.items()}
        kept = [line for line in Path(source).read_text().splitlines() if line.partition("=")[0].strip() not in names]
        target.write_text("\n".join([*kept, *(f"{name} = {value}" for name, value in names.items()), ""]))
        yield Start(environment={"APPTAINER_CONFIG_FILE": str(target)})


@pytest.fixture(scope="module")
def kernels(
    tmp_path_factory: pytest.TempPathFactory, ipykernel_sif: Path, python_sif: Path, pulled: Callable[[str], Path]
) -> Iterator[Kernels]:
    """Two kernels that work; each test mends what it has broken."""
    bed = Bed(tmp_path_factory.mktemp("broken") / "user")
    for directory in (bed.data, bed.temporary, bed.path / "runtime"):
        directory.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("DATA", bed.data), ("RUNTIME", bed.path / "runtime"), ("CONFIG", bed.path / "config")):
            patch.setenv(f"JUPYTER_{name}_DIR", str(value))
        image = Path(shutil.copyfile(ipykernel_sif, bed.path / "image.sif"))
        for request in (AddRequest(str(image), "Inside"), AddRequest(str(python_sif), "Beside")):
            task = bed.add(request)
            assert task.error is None, task.error
        yield Kernels(bed, image, pulled)
    bed.assert_no_process_is_left()


Break = Callable[[Kernels], Iterator[Start]]
#: What is broken, the cause that is found, and words of the sentence.
BREAKS: list[tuple[Break, str, str]] = []


def broken(cause: str, words: str) -> Callable[[Break], Break]:
    def keep(function: Break) -> Break:
        BREAKS.append((function, cause, words))
        return function

    return keep


@broken("image_missing", "is no longer at /")
def an_image_that_was_moved(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(kernels.image):
        yield Start()


@broken("image_damaged", "damaged or incomplete")
def an_image_that_was_cut_off(kernels: Kernels) -> Iterator[Start]:
    size = kernels.image.stat().st_size
    with kernels.away(kernels.image):
        with kernels.image.with_name("image.sif.away").open("rb") as whole:
            kernels.image.write_bytes(whole.read(size // 2))
        yield Start()


@broken("not_an_image", "image.sif is not a container image")
def a_text_in_the_images_place(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(kernels.image):
        kernels.image.write_text("404 not found\n")
        yield Start()


@broken("image_not_readable", "You may not read the image file")
def an_image_without_read_permission(kernels: Kernels) -> Iterator[Start]:
    if ROOT:
        pytest.skip("root may read everything")
    mode = kernels.image.stat().st_mode
    kernels.image.chmod(0)
    yield Start()
    kernels.image.chmod(mode)


@broken("image_is_no_system", "/usr/bin/python3 is not in it")
def an_empty_folder_in_the_images_place(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(kernels.image):
        kernels.image.mkdir()
        yield Start()


@broken("interpreter_missing", "no longer holds /usr/bin/python3")
def an_image_without_python(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(kernels.image):
        shutil.copyfile(kernels.pulled("test/no-python:1"), kernels.image)
        yield Start()


@broken("architecture_of_programs", "are for s390x processors; this node's are")
def programs_for_another_processor(kernels: Kernels) -> Iterator[Start]:
    with kernels.folder_as_image() as image:
        for name in ("usr/bin/python3", "bin/sh"):
            (image / name).write_bytes(FOREIGN)
            (image / name).chmod(0o755)
        yield Start()


@broken("interpreter_without_libraries", "lacks a library or an interpreter")
def a_python_whose_own_interpreter_is_missing(kernels: Kernels) -> Iterator[Start]:
    with kernels.folder_as_image() as image:
        (image / "usr/bin/python3").write_text("#!/no/such/interpreter\n")
        shutil.copyfile("/bin/sh", image / "bin/sh")
        for name in ("usr/bin/python3", "bin/sh"):
            (image / name).chmod(0o755)
        yield Start()


@broken("not_executable", "may not be run")
def a_python_without_run_permission(kernels: Kernels) -> Iterator[Start]:
    with kernels.folder_as_image() as image:
        (image / "usr/bin/python3").write_bytes(FOREIGN)
        yield Start()


@broken("ipykernel_missing", "does not find ipykernel")
def an_image_without_ipykernel(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(kernels.image):
        shutil.copyfile(kernels.pulled("demo/python:1"), kernels.image)
        yield Start()


@broken("packages_missing", "no longer at /")
def packages_that_were_moved(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(kernels.packages):
        yield Start("beside")


@broken("packages_incomplete", "traitlets is missing")
def packages_of_which_one_was_purged(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(kernels.site / "traitlets"):
        yield Start("beside")


@broken("ipykernel_missing", "does not find ipykernel")
def packages_without_ipykernel(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(kernels.site / "ipykernel_launcher.py"), kernels.away(kernels.site / "ipykernel"):
        yield Start("beside")


@broken("package_file_damaged", "is damaged (/")
def a_compiled_file_that_was_cut_off(kernels: Kernels) -> Iterator[Start]:
    compiled = next(kernels.site.glob("zmq/backend/cython/_zmq*.so"))
    with kernels.away(compiled):
        compiled.write_bytes(b"\x7fELF")
        yield Start("beside")


@broken("packages_of_other_python", "built for another Python")
def compiled_files_of_another_python(kernels: Kernels) -> Iterator[Start]:
    with kernels.away(next(kernels.site.glob("zmq/backend/cython/_zmq*.so"))):
        yield Start("beside")


@broken("shadowed_module", "(random)")
def a_file_that_hides_a_module(kernels: Kernels) -> Iterator[Start]:
    (kernels.cwd / "random.py").write_text("")
    with kernels.edited(
        kernels.bed.kernels / "inside" / "init.sh",
        "options=()",
        f"export APPTAINERENV_PYTHONPATH='{kernels.cwd}'\noptions=()",
    ):
        yield Start()
    (kernels.cwd / "random.py").unlink()


@broken("python_home_broken", "does not find its own library")
def a_python_that_looks_for_its_library_elsewhere(kernels: Kernels) -> Iterator[Start]:
    with kernels.edited(
        kernels.bed.kernels / "inside" / "init.sh", "options=()", "export APPTAINERENV_PYTHONHOME=/nowhere\noptions=()"
    ):
        yield Start()


@broken("runtime_missing", "Apptainer is no longer on")
def a_runtime_that_is_gone(kernels: Kernels) -> Iterator[Start]:
    with kernels.edited(kernels.bed.kernels / "inside" / "init.sh", "\nruntime=", "\nPATH=/nowhere runtime=/gone"):
        yield Start()


@broken("runtime_not_runnable", "cannot be run on this node")
def a_runtime_for_another_processor(kernels: Kernels) -> Iterator[Start]:
    program = kernels.bed.path / "apptainer"
    program.write_bytes(FOREIGN)
    program.chmod(0o755)
    script = kernels.bed.kernels / "inside" / "init.sh"
    with kernels.edited(script, "\ngpu=", f"\nruntime='{program}'\ngpu="):
        yield Start()


@broken("connection_file_missing", "cannot read /")
def a_connection_file_that_is_gone(kernels: Kernels) -> Iterator[Start]:
    yield Start(prefix=shell('for last; do :; done; rm "$last"'))


@broken("folder_missing", "in which the kernel was to start, is not there")
def a_folder_that_is_gone(kernels: Kernels) -> Iterator[Start]:
    yield Start(prefix=shell("mkdir gone && cd gone && rmdir ../gone"))


@broken("namespaces_used_up", "no user namespaces left")
def a_machine_without_user_namespaces(_: Kernels) -> Iterator[Start]:
    # not as root inside, who needs none
    own = ["unshare", "--user", "--map-current-user", "--keep-caps"]
    yield Start(prefix=[*own, *shell("echo 0 > /proc/sys/user/max_user_namespaces")])


@broken("no_fuse_device", "/dev/fuse is missing or cannot be used")
def a_machine_without_dev_fuse(_: Kernels) -> Iterator[Start]:
    yield Start(prefix=[*PRIVATE_MOUNTS, *shell("mount --bind /dev/null /dev/fuse")])


@broken("no_squashfuse", "lacks squashfuse")
def a_machine_without_squashfuse(_: Kernels) -> Iterator[Start]:
    """Apptainer would unpack the image then; there is no room for that."""
    programs = [path for name in ("squashfuse_ll", "squashfuse") if (path := shutil.which(name))]
    hide = " && ".join(f"mount --bind /dev/null {path}" for path in programs)
    full = "mount -t tmpfs -o size=100k none /var/tmp && export APPTAINER_TMPDIR=/var/tmp"
    yield Start(prefix=[*PRIVATE_MOUNTS, *shell(f"{hide} && {full}")])


@broken("mount_timed_out", "was not mounted within 10 seconds")
def a_file_system_that_takes_its_time(kernels: Kernels) -> Iterator[Start]:
    """A program in the place of squashfuse_ll that only waits."""
    program = kernels.bed.path / "waits"
    program.write_text("#!/bin/bash\nread -t 30 < <(read nothing)\n")
    program.chmod(0o755)
    yield Start(prefix=[*PRIVATE_MOUNTS, *shell(f"mount --bind '{program}' {shutil.which('squashfuse_ll')}")])


@broken("too_many_files", "more files than this session allows")
def a_session_with_few_files(_: Kernels) -> Iterator[Start]:
    yield Start(prefix=shell("ulimit -n 16"))


@broken("no_address_space", "limits the memory of each process")
def a_session_with_little_address_space(_: Kernels) -> Iterator[Start]:
    yield Start(prefix=shell("ulimit -v 400000"))


@broken("no_room_at", "no room left on the disk of /")
def a_home_directory_that_is_full(kernels: Kernels) -> Iterator[Start]:
    home = kernels.bed.path / "full"
    home.mkdir()
    fill = f"mount -t tmpfs -o size=16k none '{home}' && dd if=/dev/zero of='{home}/x' bs=4k count=9 2> /dev/null"
    yield Start(prefix=[*PRIVATE_MOUNTS, *shell(fill)], environment={"HOME": str(home)})


@broken("config_error", "The 'exec_lines' trait of an IPKernelApp instance expected a list")
def a_setting_of_the_users(kernels: Kernels) -> Iterator[Start]:
    profile = kernels.bed.path / "home" / ".ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.exec_lines = 5\n")
    yield Start(environment={"HOME": str(kernels.bed.path / "home")})


@broken("port_in_use", "was taken by another program")
def a_port_that_is_taken(_: Kernels) -> Iterator[Start]:
    """The program that takes it becomes the start script."""
    take = (
        "import json, os, socket, sys\n"
        "taken = socket.create_server(('127.0.0.1', json.load(open(sys.argv[-1]))['shell_port']))\n"
        "os.dup2(taken.fileno(), 40)  # the start script uses 3 for itself\n"
        "os.execvp(sys.argv[1], sys.argv[1:])\n"
    )
    yield Start(prefix=[sys.executable, "-c", take])


@broken("image_kind_forbidden", "forbid unencrypted SIF images")
def a_site_that_wants_no_sif(kernels: Kernels) -> Iterator[Start]:
    with kernels.site_settings(allow_container_sif="no") as start:
        yield start


@broken("image_path_forbidden", "lie in certain folders")
def a_site_that_wants_images_elsewhere(kernels: Kernels) -> Iterator[Start]:
    with kernels.site_settings(limit_container_paths="/opt") as start:
        yield start


@broken("image_owner_forbidden", "belongs to a certain user")
def a_site_that_wants_images_of_others(kernels: Kernels) -> Iterator[Start]:
    with kernels.site_settings(limit_container_owners="nobody") as start:
        yield start


@broken("binds_forbidden", "Your site does not let users show folders")
def a_site_that_wants_no_binds(kernels: Kernels) -> Iterator[Start]:
    with kernels.site_settings(user_bind_control="no", mount_tmp="no", mount_home="no") as start:
        yield Start("beside", environment=start.environment)


@broken("segmentation_fault", "segmentation fault")
def a_cell_that_crashes(_: Kernels) -> Iterator[Start]:
    yield Start(cell="import ctypes; ctypes.string_at(0)")


@broken("killed", "killed from outside")
def a_kernel_that_is_killed(_: Kernels) -> Iterator[Start]:
    yield Start(cell="import os; os.kill(os.getpid(), 9)")


@broken("aborted", "gave up by itself")
def a_cell_that_aborts(_: Kernels) -> Iterator[Start]:
    yield Start(cell="import os; os.abort()")


@broken("illegal_instruction", "built for a newer processor")
def an_instruction_that_the_processor_does_not_know(_: Kernels) -> Iterator[Start]:
    if platform.machine() != "x86_64":
        pytest.skip("the instruction is one of x86_64")
    yield Start(
        cell="import ctypes, mmap\n"
        "page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "page.write(b'\\x0f\\x0b')  # ud2\n"
        "ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"
    )


@broken("image_file_system_lost", "lost its image")
def a_mapped_file_that_becomes_shorter(kernels: Kernels) -> Iterator[Start]:
    yield Start(
        cell="import mmap\n"
        "file = open('mapped', 'w+b'); file.truncate(8192)\n"
        "page = mmap.mmap(file.fileno(), 8192)\n"
        "file.truncate(0); page[5000]"
    )


@broken("processor_time_limit", "used up the processor time")
def a_login_node_that_limits_processor_time(_: Kernels) -> Iterator[Start]:
    yield Start(cell="import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 60))\nwhile True: pass")


@broken("abort_memory", "memory of this session was not enough")
def a_compiled_part_that_gets_no_memory(_: Kernels) -> Iterator[Start]:
    yield Start(
        cell="import ctypes, resource\n"
        "library = ctypes.CDLL('libstdc++.so.6')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))\n"
        "library._Znwm.argtypes = [ctypes.c_size_t]; library._Znwm(2**40)"
    )


@broken("said_nothing", "exit code 3 and said nothing")
def a_cell_that_ends_the_kernel(_: Kernels) -> Iterator[Start]:
    yield Start(cell="import os; os._exit(3)")


@broken("gpu_absent", "no GPU is visible on this node")
def a_kernel_that_wants_a_gpu(kernels: Kernels) -> Iterator[Start]:
    if Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists():
        pytest.skip("this machine has a GPU")
    with kernels.edited(kernels.bed.kernels / "inside" / "init.sh", "gpu=auto", "gpu=on"):
        yield Start(cell="import os; os._exit(3)")


@pytest.mark.parametrize(("break_", "cause", "words"), BREAKS, ids=[function.__name__ for function, _, _ in BREAKS])
def test_a_start_that_fails_says_why_at_once(kernels: Kernels, break_: Break, cause: str, words: str) -> None:
    with contextmanager(break_)(kernels) as start:
        log, seconds = kernels.died(start)
    assert log.start.state == "failed"
    assert log.start.diagnosis is not None
    assert log.start.diagnosis.cause == cause, log.text
    assert words in log.start.diagnosis.message
    assert log.start.diagnosis.lines
    assert seconds < 1


def test_a_folder_that_is_missing_is_a_remark_and_no_failure(kernels: Kernels) -> None:
    log, _ = kernels.died(Start(environment={"APPTAINER_BIND": "/no/such/folder"}, cell="import os; os._exit(4)"))
    assert "The folder /no/such/folder of APPTAINER_BIND is not there" in log.text
    assert log.start.diagnosis is not None
    assert log.start.diagnosis.cause == "said_nothing"


def test_what_is_not_known_is_told_in_the_kernels_own_words(kernels: Kernels) -> None:
    cell = "import os; os.write(2, b'FluxError: the flux is bent\\n'); os._exit(5)"
    log, _ = kernels.died(Start(cell=cell))
    assert log.start.diagnosis is not None
    assert log.start.diagnosis.cause == "unknown"
    assert log.start.diagnosis.message == "Starting Inside failed: FluxError: the flux is bent"
