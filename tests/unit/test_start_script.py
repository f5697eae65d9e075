"""``init.sh`` is run for real, with a program in the place of the runtime that only says what it was given."""

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels import __version__
from jupyterlab_container_kernels.containers import LaunchSpec
from jupyterlab_container_kernels.languages.python import Python
from jupyterlab_container_kernels.models import Bind
from jupyterlab_container_kernels.runtimes.apptainer import Apptainer
from jupyterlab_container_kernels.runtimes.base import FoundRuntime
from jupyterlab_container_kernels.services.work import _NEVER_INSIDE, _NOT_INSIDE_ISOLATED
from jupyterlab_container_kernels.system.modules import Difference
from jupyterlab_container_kernels.system.process import start_ticks_of
from tests.builders import FAKE_APPTAINER, write_sif

GOLDEN = Path(__file__).with_name("golden") / "init.sh"
FOUND = FoundRuntime("apptainer", "Apptainer", "/usr/bin/apptainer", (1, 4, 5))
HOSTILE = """ü 🚀 "dq" 'sq' $(touch pwned) `touch pwned` $HOME ${IFS} ; & | < > \\ * ? # ! ~"""


def launch(**changes: Any) -> LaunchSpec:
    values: dict[str, Any] = {
        "display_name": "PyTorch 2.9.1",
        "image": Path("/images/sha256-1.sif"),
        "argv": ["/usr/bin/python3", "-c", "import x; x.run('y')", "-f", "{connection_file}"],
        "environment": {"JPY_PARENT_PID": "1", "PYTHONNOUSERSITE": "", "PYTHONUSERBASE": "/packages/demo"},
        "unset": ["LD_PRELOAD", "PYTHON*"],
        "binds": [Bind("/packages/demo", None, False), Bind("/data", "/in", True), Bind("/ro", None, True)],
        "gpu": "auto",
        "log": Path("/logs/demo/last-start"),
    }
    return LaunchSpec(**{**values, **changes})


def script(found: FoundRuntime = FOUND, **changes: Any) -> str:
    return Apptainer().start_script(found, launch(**changes))


def test_the_script_is_the_golden_one() -> None:
    """To renew it: ``UPDATE_GOLDEN=1 pytest …``, and read the difference."""
    text = script().replace(__version__, "VERSION")
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


HOSTILE_VALUES: list[dict[str, Any]] = [
    {},  # an ordinary one
    {"display_name": HOSTILE},
    {"display_name": "two\nlines\ntouch pwned"},
    {"image": Path("/tmp/x;touch${IFS}pwned;y.sif")},
    {"image": Path(f"/tmp/{HOSTILE}.sif".replace("/ ", "/"))},
    {"log": Path(f"/tmp/{HOSTILE}/log")},
    {"argv": ["/opt/my python/bin/python3", "-c", HOSTILE, "", "{connection_file}"]},
    {"environment": {"A": HOSTILE, "B": "", "C": "a\nb"}},
    {"binds": [Bind(f"/{HOSTILE}", f"/in {HOSTILE}", True), Bind("/a:b,c\\d", None, False)]},
    {"binds": [], "environment": {}, "gpu": "off"},  # nothing in any loop
    {"gpu": "on"},
]


@pytest.mark.parametrize("changes", HOSTILE_VALUES, ids=lambda changes: " ".join(changes) or "ordinary")
def test_bash_and_shellcheck_have_nothing_to_say(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "init.sh"
    path.write_text(script(**changes))
    checked = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    shellcheck = Path(sys.executable).with_name("shellcheck")
    # SC2016, SC2088: what looks like a mistake in a hostile value is taken literally, as it should be
    # SC1003: likewise a backslash before a quote
    command = [shellcheck, "--norc", "--shell=bash", "--exclude=SC2016,SC2088,SC1003", path]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_options_that_a_version_lacks_are_left_out() -> None:
    assert "--no-eval" in script()
    assert "--no-eval" not in script(FoundRuntime("apptainer", "Apptainer", "/usr/bin/apptainer", (1, 0, 3)))


# ---- run for real


@dataclass
class Started:
    """What came of running the script."""

    returncode: int
    stderr: str
    log: str
    runs: list[dict[str, Any]]


@dataclass
class Stage:
    """A kernel's directory with all that its script needs."""

    directory: Path
    changes: dict[str, Any] = field(default_factory=dict)
    runtime: Path = FAKE_APPTAINER

    @property
    def image(self) -> Path:
        return self.directory / "image.sif"

    @property
    def log(self) -> Path:
        return self.directory / "logs" / "last-start"

    @property
    def connection(self) -> Path:
        return self.directory / "runtime" / "kernel-1.json"

    @property
    def work(self) -> Path:
        return self.directory / "work"

    def popen(self, **environment: str) -> subprocess.Popen[str]:
        values: dict[str, Any] = {
            "image": self.image,
            "log": self.log,
            "binds": [],
            "argv": ["/bin/true", "{connection_file}"],
            "environment": {},
            "unset": [*_NEVER_INSIDE, *_NOT_INSIDE_ISOLATED, *Python.unset],
        }
        found = FoundRuntime("apptainer", "Apptainer", str(self.runtime), (1, 4, 5))
        path = self.directory / "init.sh"
        path.write_text(script(found, **{**values, **self.changes}))
        record = self.directory / "runs"
        record.mkdir(exist_ok=True)
        env = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "FAKE_APPTAINER_RECORD": str(record)}
        return subprocess.Popen(
            ["/bin/bash", path, self.connection],
            env=env | environment,
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def runs(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in (self.directory / "runs").glob("*.json")]

    def start(self, **environment: str) -> Started:
        process = self.popen(**environment)
        _, stderr = process.communicate(timeout=30)
        log = self.log.read_text() if self.log.exists() else ""
        return Started(process.returncode, stderr, log, self.runs())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "stage")
    for directory in (made.log.parent, made.connection.parent, made.work):
        directory.mkdir(parents=True)
    write_sif(made.image)
    made.connection.write_text("{}")
    yield made
    assert not (made.work / "pwned").exists(), "a value was run as a command"


def run_of(started: Started) -> dict[str, Any]:
    assert len(started.runs) == 1, started.log
    return started.runs[0]


def test_the_container_gets_the_kernels_command_and_the_connection_file(stage: Stage) -> None:
    stage.changes = {"argv": ["/bin/echo", "a b", "{connection_file}", HOSTILE]}
    run = run_of(stage.start())
    assert run["command"] == ["/bin/echo", "a b", str(stage.connection), HOSTILE]
    assert run["image"] == str(stage.image)
    assert run["options"]["--pwd"] == [str(stage.work)]
    assert "--no-eval" in run["options"]
    assert "--cleanenv" not in run["options"], "a kernel sees the session's variables"


@pytest.mark.parametrize("code", [0, 3, 255])
def test_the_exit_code_of_the_kernel_is_handed_on(stage: Stage, code: int) -> None:
    stage.changes = {"argv": ["/bin/sh", "-c", f"exit {code}"]}
    started = stage.start()
    assert started.returncode == code
    said = f"container-kernels: The kernel ended with the exit code {code}."
    assert (said in started.log) == (said in started.stderr) == (code != 0)


def test_what_the_kernel_writes_to_standard_error_stands_in_a_private_log(stage: Stage) -> None:
    stage.changes = {"argv": ["/bin/sh", "-c", "echo oh dear >&2"]}
    before = os.umask(0)
    try:
        started = stage.start()
    finally:
        os.umask(before)
    assert "oh dear" in started.log
    assert stat.S_IMODE(stage.log.stat().st_mode) == 0o600


def test_the_log_is_that_of_the_last_start(stage: Stage) -> None:
    stage.changes = {"argv": ["/bin/sh", "-c", "echo first >&2"]}
    stage.start()
    stage.changes = {"argv": ["/bin/sh", "-c", "echo second >&2"]}
    assert "first" not in stage.start().log
    assert "first" in stage.log.with_name("last-start.before").read_text()


def test_a_kernel_starts_also_when_its_log_cannot_be_written(stage: Stage) -> None:
    stage.changes = {"log": stage.directory / "missing" / "log", "argv": ["/bin/sh", "-c", "echo oh dear >&2; exit 4"]}
    started = stage.start()
    assert started.returncode == 4
    assert "oh dear" in started.stderr
    assert started.stderr.count("exit code 4") == 1


#: What is missing, and what the one line says then.
MISSING: list[tuple[str, Callable[[Stage], object], str]] = [
    ("image", lambda stage: stage.image.unlink(), "The image {image} is not there on "),
    ("connection", lambda stage: stage.connection.unlink(), "Jupyter's connection file '{connection}' is missing"),
    ("runtime", lambda stage: setattr(stage, "runtime", Path("/no/such/apptainer")), "Apptainer is not there on "),
    (
        "packages",
        lambda stage: stage.changes.update(needed=[Path("/no/such/set")]),
        "The packages of this kernel are no longer at /no/such/set on ",
    ),
]


@pytest.mark.parametrize(("what", "take_away", "words"), MISSING, ids=[row[0] for row in MISSING])
def test_what_is_missing_is_said_in_one_line(
    stage: Stage, what: str, take_away: Callable[[Stage], object], words: str, tmp_path: Path
) -> None:
    take_away(stage)
    path = tmp_path / "bin"
    path.mkdir()
    started = stage.start(PATH=str(path))
    assert started.returncode == 69
    assert started.runs == []
    *head, line, end = started.log.splitlines()
    assert [each.partition(":")[0] for each in head] == ["# started", "# node", "# jupyter", "# runtime", "# image"]
    assert line.startswith("container-kernels: ")
    assert re.fullmatch(r"# ended: \S+ failed 69", end)
    assert words.format(image=stage.image, connection=stage.connection) in line
    assert started.stderr.splitlines() == [line], "Jupyter's log has it, too"


def test_without_a_connection_file_it_says_so(stage: Stage) -> None:
    stage.start()
    finished = subprocess.run(
        ["/bin/bash", stage.directory / "init.sh"], capture_output=True, text=True, check=False, cwd=stage.work
    )
    assert finished.returncode == 69
    assert "connection file '' is missing" in finished.stderr


def test_an_image_that_may_not_be_read_is_said_in_one_line(public_dir: Path, ordinary_user) -> None:
    public_dir.chmod(0o777)
    with ordinary_user():
        stage = Stage(public_dir / "stage")
        for directory in (stage.log.parent, stage.connection.parent, stage.work):
            directory.mkdir(parents=True)
        write_sif(stage.image).chmod(0o000)
        stage.connection.write_text("{}")
        started = stage.start()
    assert started.returncode == 69
    assert f"The image {stage.image} may not be read by you on " in started.log


def test_a_runtime_that_moved_is_found_on_path(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "singularity").symlink_to(FAKE_APPTAINER)
    stage.runtime = Path("/no/such/apptainer")
    started = stage.start(PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert started.returncode == 0
    assert f"/no/such/apptainer is gone; {tmp_path / 'bin'}/singularity is used instead." in started.log
    run_of(started)


def test_a_runtime_that_moved_is_found_by_a_login_shell_whatever_its_files_do(stage: Stage, tmp_path: Path) -> None:
    home = tmp_path / "login home"
    home.mkdir()
    moved = tmp_path / "moved" / "apptainer"
    moved.parent.mkdir()
    moved.symlink_to(FAKE_APPTAINER)
    stage.runtime = Path("/no/such/apptainer")
    profile = home / ".bash_profile"
    module = f'module() {{ if [ "$*" = "load apptainer" ]; then PATH={moved.parent}:$PATH; fi; }}'
    for files in (f"echo container-kernels; read -r x; {module}", f"sleep 3 & {module}"):
        profile.write_text(files)
        started = stage.start(PATH="/usr/bin:/bin", HOME=str(home))
        assert started.returncode == 0
        assert f"/no/such/apptainer is gone; {moved} is used instead." in started.log
    for files in ("exit 0", "exec cat"):
        profile.write_text(files)
        assert stage.start(PATH="/usr/bin:/bin", HOME=str(home)).returncode == 69


def test_a_runtime_of_a_module_has_what_the_module_sets() -> None:
    changes = Difference({"APPTAINER_CACHEDIR": HOSTILE}, {"PATH": "/apps/my bin", "LD_LIBRARY_PATH": "/apps/lib"})
    found = replace(FOUND, module="apptainer/1.4.5", difference=changes)
    text = script(found)
    assert text.index("export PATH='/apps/my bin'${PATH:+:$PATH}") > text.index('if ! [ -x "$runtime" ]')
    assert "export LD_LIBRARY_PATH=/apps/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" in text
    assert f"export APPTAINER_CACHEDIR={shlex.quote(HOSTILE)}" in text
    assert "apptainer/1.4.5 < /dev/null" in text, "the module is what a login shell loads when the program is gone"


def test_host_variables_that_do_harm_do_not_reach_the_container(stage: Stage) -> None:
    harmful = {
        "PYTHONPATH": "/x", "PYTHONHOME": "/x", "PYTHONSTARTUP": "/x", "LD_PRELOAD": "", "CONDA_PREFIX": "/x",
        "VIRTUAL_ENV": "/x", "MPLBACKEND": "x", "JUPYTER_TOKEN": "secret", "JUPYTERHUB_API_TOKEN": "secret",
        "R_LIBS_USER": "/x", "PERL5LIB": "/x", "DOCKER_PASSWORD": "secret", "APPTAINER_DOCKER_PASSWORD": "secret",
        "PIP_TARGET": "/x", "ENV": "/x", "SSL_CERT_FILE": "/no/such/file", "BASH_FUNC_module%%": "() { echo x; }",
        "R_HOME": "/x", "JULIA_PROJECT": "/x", "LMOD_CMD": "/x", "APPTAINER_CONTAINALL": "1", "APPTAINER_NO_HOME": "1",
        "SINGULARITY_CLEANENV": "1", "APPTAINER_PWD": "/x", "JUPYTERHUB_OAUTH_ACCESS_TOKEN": "secret",
    }  # fmt: skip
    kept = {
        "SLURM_JOB_ID": "1", "CUDA_VISIBLE_DEVICES": "0", "ROCR_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "4",
        "PIP_INDEX_URL": "u", "TZ": "UTC", "https_proxy": "http://p:1", "APPTAINER_CACHEDIR": "/c",
    }  # fmt: skip
    environment = run_of(stage.start(**harmful, **kept))["environment"]
    assert set(environment) & set(harmful) == set()
    assert {name: environment[name] for name in kept} == kept


def test_an_open_kernel_gets_the_rest_of_the_environment_but_no_secret(stage: Stage) -> None:
    stage.changes = {"unset": _NEVER_INSIDE, "isolated": False}
    host = {"PYTHONPATH": "/x", "R_LIBS_USER": "/x", "CONDA_PREFIX": "/x"}
    started = stage.start(**host, JUPYTER_TOKEN="secret", LD_PRELOAD="")
    environment = run_of(started)["environment"]
    assert {name: environment[name] for name in host} == host
    assert not {"JUPYTER_TOKEN", "LD_PRELOAD"} & set(environment)
    assert "open to the rest" in (stage.directory / "init.sh").read_text()


#: What the image has, what the host says, what arrives (an empty value: the variable does not).
LOCALES: list[tuple[list[str] | None, dict[str, str], dict[str, str]]] = [
    (["c", "c.utf8", "posix"], {"LANG": "C.UTF-8"}, {"LANG": "C.UTF-8", "LC_ALL": ""}),
    (["c", "c.utf8", "posix"], {"LANG": "en_US.UTF-8", "LC_ALL": "de_DE.UTF-8"}, {"LANG": "C.UTF-8", "LC_ALL": ""}),
    (["c", "posix", "en_us.utf8"], {"LANG": "xx_XX"}, {"LANG": "en_US.UTF-8"}),
    (["c", "posix", "en_us.utf8"], {"LANG": "en_US.utf8"}, {"LANG": "en_US.utf8"}),  # another spelling
    (["c", "c.utf8"], {"LC_ALL": "C.UTF-8", "LC_CTYPE": "no_NO"}, {"LC_ALL": "C.UTF-8", "LC_CTYPE": "", "LANG": ""}),
    (["c", "posix"], {"LANG": "en_US.UTF-8"}, {"LANG": "C"}),  # nothing with UTF-8 there
    (["c", "c.utf8"], {}, {"LANG": "C.UTF-8"}),  # env -i
    (None, {"LANG": "en_US.UTF-8"}, {"LANG": "en_US.UTF-8"}),  # nobody knows
]


@pytest.mark.parametrize(("has", "host", "inside"), LOCALES)
def test_a_locale_that_the_image_lacks_is_repaired(
    stage: Stage, has: list[str] | None, host: dict[str, str], inside: dict[str, str]
) -> None:
    stage.changes = {"locales": has}
    environment = run_of(stage.start(**host))["environment"]
    assert {name: environment.get(name, "") for name in inside} == inside


def test_folders_that_the_session_binds_and_that_are_gone_do_not_stop_the_kernel(stage: Stage) -> None:
    binds = f"/no/such/folder,{stage.work}:/w:ro,/also/gone:/x"
    started = stage.start(APPTAINER_BIND=binds, SINGULARITY_BINDPATH="/gone")
    environment = run_of(started)["environment"]
    assert environment["APPTAINER_BIND"] == f"{stage.work}:/w:ro"
    assert environment["SINGULARITY_BINDPATH"] == ""
    assert "The folder /no/such/folder of APPTAINER_BIND is not there on " in started.log


def test_a_home_directory_that_is_not_the_accounts_is_the_kernels_home(stage: Stage) -> None:
    assert run_of(stage.start())["options"]["--home"] == [str(stage.directory)]


def test_the_accounts_own_home_directory_needs_no_option(stage: Stage) -> None:
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert "--home" not in run_of(stage.start(HOME=home))["options"]


def test_the_file_system_of_the_notebooks_folder_is_visible_as_a_whole(stage: Stage, tmp_path: Path) -> None:
    project = tmp_path / "the project"
    project.mkdir()
    stage.start()
    (stage.directory / "runs").rename(tmp_path / "earlier")
    (stage.directory / "runs").mkdir()
    command = 'mount -t tmpfs none "$0" && mkdir -p "$0/lab/notebooks" && cd "$0/lab/notebooks" && exec bash "$1" "$2"'
    subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", command, project, stage.directory / "init.sh",
         stage.connection],
        env={"PATH": os.environ["PATH"], "FAKE_APPTAINER_RECORD": str(stage.directory / "runs")},
        check=True, timeout=30,
    )  # fmt: skip
    [run] = stage.runs()
    assert run["options"]["--bind"] == [str(stage.connection.parent), f"{project}/lab/notebooks", str(project)]


def test_variables_have_their_values_literally(stage: Stage) -> None:
    values = {"A": HOSTILE, "B": "", "C": "a\nb", "D": "a,b:c"}
    stage.changes = {"environment": values, "argv": [sys.executable, "-c", "import os, json; open('out', 'w').write("
                                                     "json.dumps(dict(os.environ)))"]}  # fmt: skip
    environment = run_of(stage.start())["environment"]
    for name, value in values.items():
        assert environment[f"APPTAINERENV_{name}"] == environment[f"SINGULARITYENV_{name}"] == value
    inside = json.loads((stage.work / "out").read_text())
    assert {name: inside[name] for name in values} == values


def test_the_folders_of_the_connection_file_and_of_the_notebook_are_visible(stage: Stage) -> None:
    binds = run_of(stage.start())["options"]["--bind"]
    assert binds == [str(stage.connection.parent), str(stage.work)]


def test_a_notebook_folder_that_is_reached_through_a_link_is_visible_by_its_real_path(
    stage: Stage, tmp_path: Path
) -> None:
    real = tmp_path / "gpfs" / "project"
    real.mkdir(parents=True)
    stage.work.rmdir()
    stage.work.symlink_to(real)
    run = run_of(stage.start())
    assert run["options"]["--pwd"] == [str(real)]
    assert str(real) in run["options"]["--bind"]


def test_binds_are_escaped_and_come_once_each(stage: Stage, tmp_path: Path) -> None:
    odd = tmp_path / "a:b,c\\d e'f\"g$(touch pwned)"
    plain = tmp_path / "plain"
    odd.mkdir()
    plain.mkdir()
    stage.changes = {
        "binds": [
            Bind(str(odd), None, False),
            Bind(str(plain), "/data", True),
            Bind(str(odd), "/data", False),  # the place is taken: the first one stays
            Bind(str(plain), "/in, side", False),
            Bind(str(plain), None, True),
            Bind(str(odd), None, False),  # twice the same
            Bind(str(odd), "/odd", False),
        ]
    }
    options = run_of(stage.start())["options"]
    # --bind wants a backslash before ':' and ','; --mount reads CSV
    assert options["--bind"][2:] == [re.sub(r"([\\:,])", r"\\\1", str(odd))]
    assert options["--mount"] == [
        f'type=bind,"src={plain}","dst=/data",ro',
        f'type=bind,"src={plain}","dst=/in, side"',
        f'type=bind,"src={plain}","dst={plain}",ro',
        'type=bind,"src=' + str(odd).replace('"', '""') + '","dst=/odd"',
    ]


def test_a_folder_that_is_gone_is_left_out_with_a_line(stage: Stage, tmp_path: Path) -> None:
    stage.changes = {"binds": [Bind(str(tmp_path / "gone"), "/data", False), Bind(str(tmp_path), "/here", False)]}
    started = stage.start()
    assert started.returncode == 0
    assert f"The folder {tmp_path / 'gone'} is not there on " in started.log
    assert run_of(started)["options"]["--mount"] == [f'type=bind,"src={tmp_path}","dst=/here"']


def test_temporary_folder_and_certificates_of_the_session_are_visible(stage: Stage, tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.write_text("x")
    run = run_of(stage.start(TMPDIR=str(tmp_path), SSL_CERT_FILE=str(certificate), REQUESTS_CA_BUNDLE="/no/such"))
    assert run["options"]["--bind"][2:] == [str(tmp_path), str(certificate)]
    assert run["environment"]["SSL_CERT_FILE"] == str(certificate)
    assert "REQUESTS_CA_BUNDLE" not in run["environment"]


def test_a_kernel_that_wants_a_gpu_says_when_there_is_none(stage: Stage) -> None:
    here = Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists()
    stage.changes = {"gpu": "on"}
    started = stage.start()
    assert started.returncode == 0
    assert ("No GPU is visible on " in started.log) == (not here)


@pytest.mark.parametrize("gpu", ["auto", "off"])
def test_a_kernel_that_needs_no_gpu_says_nothing(stage: Stage, gpu: str) -> None:
    stage.changes = {"gpu": gpu}
    started = stage.start()
    assert "GPU" not in started.log
    if gpu == "off":
        assert set(run_of(started)["options"]) & {"--nv", "--rocm"} == set()


def test_the_log_has_a_head_and_an_end(stage: Stage) -> None:
    stage.changes = {"argv": ["/bin/sh", "-c", "echo oh dear >&2; exit 7"]}
    started = stage.start(JPY_PARENT_PID=str(os.getpid()))
    lines = started.log.splitlines()
    assert re.fullmatch(r"# started: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", lines[0])
    assert lines[1:5] == [
        f"# node: {socket.gethostname()}", f"# jupyter: {os.getpid()}", f"# runtime: {FAKE_APPTAINER}",
        f"# image: {stage.image}",
    ]  # fmt: skip
    assert lines[-2] == "container-kernels: The kernel ended with the exit code 7."
    assert re.fullmatch(r"# ended: \S+ failed 7", lines[-1])


#: How a kernel ends, and what the log says of it.
ENDS = [("exit 0", "ended 0", ""), ("kill -SEGV $$", "failed 139", "ended by signal 11 (SEGV)")]


@pytest.mark.parametrize(("how", "end", "words"), ENDS)
def test_the_end_of_the_log_tells_how_the_kernel_ended(stage: Stage, how: str, end: str, words: str) -> None:
    stage.changes = {"argv": ["/bin/sh", "-c", how]}
    log = stage.start().log
    assert log.splitlines()[-1].endswith(end)
    assert words in log


def test_a_long_log_is_cut_while_the_kernel_runs(stage: Stage) -> None:
    stage.changes = {"argv": [sys.executable, "-c", "import sys, time\nsys.stderr.write('x' * 79 + '\\n')\n"
                              "for _ in range(20000): sys.stderr.write('x' * 79 + '\\n')\ntime.sleep(60)"]}  # fmt: skip
    process = stage.popen()
    until(lambda: stage.log.exists() and stage.log.stat().st_size > 1024 * 1024)
    until(lambda: stage.log.stat().st_size < 4096)
    assert stage.log.read_text().splitlines()[0].startswith("# started: ")
    assert "(earlier lines were dropped)" in stage.log.read_text()
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=20)
    assert "ended" in stage.log.read_text().splitlines()[-1]


# ---- signals and ends

#: Counts what it is sent, writes it down, and ends when it is told to.
COUNTER = """
import os, signal, sys, time
counts = {"INT": 0, "TERM": 0}
def note(number, frame):
    counts["INT" if number == signal.SIGINT else "TERM"] += 1
    open("counts", "w").write(f"{counts['INT']} {counts['TERM']}")
    if number == signal.SIGTERM:
        sys.exit(0)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, note)
open("ready", "w").write(str(os.getpid()))
while True:
    time.sleep(0.05)
"""


def until(condition: Callable[[], object], timeout_s: float = 15) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def counter(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    """A script that runs, with a kernel that counts its signals."""
    stage.changes = {"argv": [sys.executable, "-c", COUNTER]}
    process = stage.popen()
    until(lambda: (stage.work / "ready").exists() and (stage.work / "ready").read_text())
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    family = [run["pid"] for run in stage.runs()] + [int((stage.work / "ready").read_text())]
    until(lambda: all(start_ticks_of(pid) is None for pid in family))


def test_an_interrupt_arrives_once_and_ends_nothing(stage: Stage, counter: subprocess.Popen[str]) -> None:
    for number in range(1, 6):
        os.killpg(counter.pid, signal.SIGINT)
        until((stage.work / "counts").exists)
        until(lambda number=number: (stage.work / "counts").read_text() == f"{number} 0")
        time.sleep(0.1)
        assert (stage.work / "counts").read_text() == f"{number} 0"
    assert counter.poll() is None


def test_the_container_has_a_process_group_of_its_own(stage: Stage, counter: subprocess.Popen[str]) -> None:
    [run] = stage.runs()
    assert run["group"] == run["pid"] != counter.pid


def test_a_termination_is_handed_on(stage: Stage, counter: subprocess.Popen[str]) -> None:
    os.killpg(counter.pid, signal.SIGTERM)
    assert counter.wait(15) == 0
    assert (stage.work / "counts").read_text() == "0 1"


def test_nothing_outlives_a_script_that_is_killed(stage: Stage, counter: subprocess.Popen[str]) -> None:
    kernel = int((stage.work / "ready").read_text())
    os.killpg(counter.pid, signal.SIGKILL)
    until(lambda: start_ticks_of(kernel) is None and start_ticks_of(stage.runs()[0]["pid"]) is None)
    until(lambda: stage.log.read_text().rstrip().endswith("killed"))


def test_nothing_outlives_a_server_that_is_killed(stage: Stage) -> None:
    server = subprocess.Popen(["/bin/sleep", "300"])
    stage.changes = {"argv": [sys.executable, "-c", COUNTER]}
    process = stage.popen(JPY_PARENT_PID=str(server.pid))
    until(lambda: (stage.work / "ready").exists() and (stage.work / "ready").read_text())
    server.kill()
    server.wait()
    process.communicate(timeout=20)
    assert start_ticks_of(int((stage.work / "ready").read_text())) is None
    assert "server-gone" in stage.log.read_text()
