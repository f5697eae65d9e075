"""Kernels that others made are understood from their files, and nothing is run for it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from jupyterlab_container_kernels.models import Bind
from jupyterlab_container_kernels.system import container_argv, foreign, shell_words
from jupyterlab_container_kernels.system.foreign import Foreign

HOME = "/home/mst3k"
KERNELS = f"{HOME}/.local/share/jupyter/kernels"
RUNTIME_DIR = f"{HOME}/.local/share/jupyter/runtime"
PYTHON = ["python", "-m", "ipykernel", "-f", "{connection_file}"]


def understand(argv: list[str], script: str | None = None, **changes: Any) -> Foreign | None:
    directory = f"{KERNELS}/demo"
    given = {"variables": {"HOME": HOME, "USER": "mst3k"}, "runtime_dir": RUNTIME_DIR} | changes
    return foreign.understand(argv, directory, script, **given)


def understood(argv: list[str], script: str | None = None, **changes: Any) -> Foreign:
    found = understand(argv, script, **changes)
    assert found is not None
    return found


#: What jkrollout2 writes for `jkrollout2 ~/pytorch-2.9.1.sif "PyTorch 2.9.1" gpu` when the image lacks ipykernel.
JKROLLOUT2 = f"""#!/bin/bash
ml apptainer
apptainer exec --nv --bind {HOME}/local/pytorch-2.9.1:{HOME}/.local {HOME}/pytorch-2.9.1.sif python -m ipykernel $@
"""
#: Without a third argument, and with ipykernel in the image: two spaces where the folder would stand.
JKROLLOUT2_PLAIN = f"""#!/bin/bash
ml apptainer
apptainer exec  {HOME}/demo.sif python -m ipykernel $@
"""
JKROLLOUT = f"""#!/bin/bash
module load singularity/3.7.1
singularity exec --nv {HOME}/demo.sif python -m ipykernel $@
"""
TUTORIAL = """#!/usr/bin/env bash
. /etc/profile.d/00-modulepath.sh
. /etc/profile.d/rci.sh
nvidia-modprobe -u -c=0

module purge
module load apptainer
apptainer exec --nv --bind $HOME/local/pytorch-2.9.1:$HOME/.local $HOME/pytorch-2.9.1.sif python -m ipykernel $@
"""
NESI = """#!/usr/bin/env bash

set -e

# start with a clean environment
module purge

# load required modules
module load slurm NeSI || true  # ensure these modules gets loaded even on Maui ancil, ok to fail on ondemand
module load CUDA/11.2

module load Singularity

# run the kernel inside the container
exec singularity exec --nv -B /nesi/project,/nesi/nobackup:/in:ro /nesi/project/nesi99999/demo.sif python $@
"""


def test_a_kernel_of_jkrollout2_is_understood() -> None:
    found = understood([f"{KERNELS}/demo/init.sh", "-f", "{connection_file}"], JKROLLOUT2)
    assert (found.maker, found.runtime, found.program) == ("jkrollout2", "apptainer", "apptainer")
    assert found.image == found.path == f"{HOME}/pytorch-2.9.1.sif"
    assert found.gpu
    assert found.binds == [Bind(f"{HOME}/local/pytorch-2.9.1", f"{HOME}/.local", False)]
    assert found.argv == ["python", "-m", "ipykernel", "$@"]
    assert found.modules == ["apptainer"]
    assert found.script == f"{KERNELS}/demo/init.sh"
    assert found.hazards == ["hides_local", "module", "interrupts", "left_behind"]


def test_without_a_folder_over_it_the_users_own_packages_leak_in() -> None:
    found = understood([f"{KERNELS}/demo/init.sh", "-f", "{connection_file}"], JKROLLOUT2_PLAIN)
    assert (found.maker, found.gpu, found.binds) == ("jkrollout2", False, [])
    assert "leaks_local" in found.hazards
    assert "hides_local" not in found.hazards


def test_a_kernel_of_the_first_jkrollout_is_understood() -> None:
    found = understood([f"{KERNELS}/demo/init.sh", "-f", "{connection_file}"], JKROLLOUT)
    assert (found.maker, found.runtime, found.modules) == ("jkrollout", "singularity", ["singularity/3.7.1"])


def test_a_kernel_of_the_tutorials_recipe_is_understood() -> None:
    found = understood([f"{KERNELS}/demo/init.sh", "-f", "{connection_file}"], TUTORIAL)
    assert found.maker == "the tutorial's recipe"
    assert found.path == f"{HOME}/pytorch-2.9.1.sif"
    assert found.binds == [Bind(f"{HOME}/local/pytorch-2.9.1", f"{HOME}/.local", False)]
    assert found.gpu and found.modules == ["apptainer"]
    assert "hides_local" in found.hazards


def test_a_kernel_of_nesi_add_kernel_is_understood() -> None:
    argv = [f"{KERNELS}/demo/wrapper.bash", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    found = understood(argv, NESI)
    assert (found.maker, found.runtime) == ("nesi-add-kernel", "singularity")
    assert found.path == "/nesi/project/nesi99999/demo.sif"
    assert found.binds == [Bind("/nesi/project", None, False), Bind("/nesi/nobackup", "/in", True)]
    assert found.modules == ["slurm", "NeSI", "CUDA/11.2", "Singularity"]
    assert "left_behind" not in found.hazards, "its script ends with exec"


@pytest.mark.parametrize("engine", ["singularity", "docker"])
def test_a_kernel_of_envkernel_is_understood(engine: str) -> None:
    argv = ["/opt/bin/envkernel", engine, "run", "--connection-file", "{connection_file}", "/data/demo.sif"]
    found = understood([*argv, "--nv", "--bind", "/scratch", "--", *PYTHON])
    assert (found.maker, found.runtime, found.image) == ("envkernel", engine, "/data/demo.sif")
    assert found.argv == PYTHON
    assert found.binds == [Bind("/scratch", None, False)]
    assert found.gpu
    assert "no_connection" not in found.hazards


@pytest.mark.parametrize("nv", [["--nv"], []])
def test_a_kernel_of_juelichs_script_is_understood(nv: list[str]) -> None:
    found = understood(["apptainer", "exec", *nv, "--cleanenv", "/p/project/demo.sif", *PYTHON])
    assert (found.maker, found.path, found.gpu) == ("Jülich's script", "/p/project/demo.sif", bool(nv))
    assert "left_behind" not in found.hazards


@pytest.mark.parametrize(
    ("argv", "runtime", "image", "gpu"),
    [
        (["/opt/apps/bin/apptainer", "exec", "--nv", "--bind", "/run/user:/run/user", "/s/tf.sif"], "apptainer",
         "/s/tf.sif", True),
        (["singularity", "-q", "run", "-ec", "-B/a:/b", "docker://debian:12"], "singularity", "docker://debian:12",
         False),
        (["env", "A=1", "apptainer", "run", "--rocm", "--env", "X=1,Y=2", "/a b.sif"], "apptainer", "/a b.sif", True),
        (["srun", "-n1", "apptainer", "exec", "/a.sif"], "apptainer", "/a.sif", False),
        (["podman", "run", "--rm", "-it", "--network=host", "-v", "/home/mst3k:/home/mst3k", "quay.io/x/y:1"],
         "podman", "quay.io/x/y:1", False),
        (["podman-hpc", "run", "--rm", "--gpu", "--jupyter", "x/y:1"], "podman-hpc", "x/y:1", True),
        (["docker", "run", "--gpus", "all", "--mount", "type=bind,src=/a,dst=/b,ro", "x"], "docker", "x", True),
        (["shifter", "--image=docker:x/y:1", "--module=gpu,mpich"], "shifter", "docker:x/y:1", True),
        (["shifter", "--image", "x/y:1"], "shifter", "x/y:1", False),
        (["ch-run", "--set-env", "--bind=/a:/b", "/img.sqfs", "--"], "ch-run", "/img.sqfs", False),
        (["udocker", "run", "--volume=/a", "--env=A=1", "x:1"], "udocker", "x:1", False),
        (["bash", "-lc", "module load apptainer; exec apptainer exec --nv '/a b.sif' python $0 $@"], "apptainer",
         "/a b.sif", True),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else None,
)  # fmt: skip
def test_command_lines_of_all_runtimes_are_read(argv: list[str], runtime: str, image: str, gpu: bool) -> None:
    found = understood([*argv, *PYTHON] if argv[0] != "bash" else [*argv, "{connection_file}"])
    assert (found.runtime, found.image, found.gpu) == (runtime, image, gpu)
    assert found.maker == "by hand"
    assert "python" in found.argv[0]


@pytest.mark.parametrize(
    ("argv", "script"),
    [
        (["/opt/conda/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], None),
        (["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"], None),
        ([f"{KERNELS}/x/run.sh", "{connection_file}"], "#!/bin/bash\nsource activate x\nexec python $@\n"),
        ([f"{KERNELS}/x/run.sh", "{connection_file}"], "#!/bin/bash\n# no apptainer exec x.sif here\nexec python $@\n"),
        ([f"{KERNELS}/x/run.sh", "{connection_file}"], "#!/bin/bash\necho 'apptainer exec a.sif'\nexec python\n"),
        ([f"{KERNELS}/x/run.sh", "{connection_file}"], None),  # it is gone
        ([f"{KERNELS}/x/run.py", "{connection_file}"], "#!/usr/bin/python3\napptainer exec a.sif\n"),
        (["apptainer", "--version"], None),
        (["apptainer", "pull", "a.sif", "docker://x"], None),
        (["bash", "-c"], None),
        ([], None),
    ],
)
def test_what_starts_no_container_is_none_of_ours(argv: list[str], script: str | None) -> None:
    assert understand(argv, script) is None


def test_a_script_with_variables_continued_lines_and_exec_is_read() -> None:
    script = """#!/bin/bash
    # 'an apostrophe in a comment
    IMG_DIR="${HOME}/images"   # where they are
    SIF=$IMG_DIR/'my image'.sif
    export APPTAINERENV_OMP_NUM_THREADS=1 SINGULARITY_BIND=/data
    if [ -e "$SIF" ]; then
      exec apptainer exec \\
        --nv \\
        --bind "$(dirname "$CONN")":/conn --no-home \\
        "$SIF" \\
        python3 -m ipykernel_launcher "$@"
    fi
    """
    found = understood(["bash", "{resource_dir}/start", "{connection_file}"], script)
    assert found.path == f"{HOME}/images/my image.sif"
    assert found.binds == [Bind('$(dirname "$CONN")', "/conn", False), Bind("/data", None, False)]
    assert found.environment == {"OMP_NUM_THREADS": "1"}
    assert found.isolated and found.gpu
    assert found.hazards == ["interrupts"]


def test_what_only_a_shell_can_fill_in_is_said_and_not_guessed() -> None:
    found = understood([f"{KERNELS}/demo/a.sh"], 'apptainer exec "$1" python\n')
    assert (found.image, found.path) == ("$1", "")
    assert "unfilled" in found.hazards
    assert set(found.hazards) <= set(foreign.HAZARDS)


@pytest.mark.parametrize(
    ("options", "hazard"),
    [
        (["--containall"], "no_connection"),
        (["--no-home"], "no_connection"),
        (["--containall", "--bind", RUNTIME_DIR], None),
        (["--contain", "--bind", HOME], None),
        (["--cleanenv"], "leaks_local"),
    ],
)
def test_what_is_not_visible_inside_is_said(options: list[str], hazard: str | None) -> None:
    found = understood(["apptainer", "exec", *options, "/a.sif", *PYTHON], interrupt_mode="message")
    assert found.hazards == ([hazard] if hazard else [])


def test_a_runtime_directory_elsewhere_is_hidden_by_no_folder_over_dot_local() -> None:
    found = understood(
        ["apptainer", "exec", "--bind", f"/x:{HOME}/.local", "/a.sif", *PYTHON], runtime_dir="/run/user/1/jupyter"
    )
    assert "hides_local" not in found.hazards
    assert "no_connection" in found.hazards


@pytest.mark.parametrize(
    ("argv", "script"),
    [
        ([f"{KERNELS}/demo/init.sh"], f"{KERNELS}/demo/init.sh"),
        (["{resource_dir}/init.sh"], f"{KERNELS}/demo/init.sh"),
        (["/bin/bash", "-l", "{resource_dir}/init.sh", "x"], f"{KERNELS}/demo/init.sh"),
        (["/usr/bin/env", "bash", "/x/start"], "/x/start"),
        (["/usr/bin/env", "A=1", "/x/start"], "/x/start"),
        (["/opt/bin/apptainer", "exec", "x"], None),
        (["/opt/bin/python3.11", "-m", "x"], None),
        (["bash", "-c", "x"], None),
        (["bash", "relative.sh"], None),
        (["start"], None),
        ([], None),
    ],
)
def test_the_script_of_a_kernel_is_known_without_looking(argv: list[str], script: str | None) -> None:
    assert foreign.script_of(argv, f"{KERNELS}/demo") == script


@pytest.mark.parametrize(
    ("word", "value"),
    [("${A:---nv}", "--nv"), ("${A-:b}", ":b"), ("${A:-b}", "b"), ("${B:-b}", "c"), ("${A:+b}", "${A:+b}")],
)
def test_a_default_stands_for_a_variable_that_nobody_knows(word: str, value: str) -> None:
    [command] = shell_words.commands(f"echo {word}", {"B": "c"})
    assert command.words == ["echo", value]


@pytest.mark.parametrize(
    "text", ["'", '"', "\\", "$", "${", "$(", "`", "a\\", "x=$(", 'a "b $(c', "~", "\0", "((((", "=;=&&"]
)
def test_damaged_scripts_are_read_to_their_end(text: str) -> None:
    list(shell_words.commands(text, {}))
    understand([f"{KERNELS}/demo/a.sh"], f"{text}\napptainer exec {text}")


def test_a_large_file_is_read_in_no_time() -> None:
    text = "echo ${a:-b} \"$c\" 'd' \\\n" * 2600
    begin = time.perf_counter()
    shell_words.commands(text, {"c": "1"})
    assert time.perf_counter() - begin < 2


def test_mounts_are_read_as_csv() -> None:
    assert container_argv.read_mount('type=bind,"src=/a,b",dst=/c') == Bind("/a,b", "/c", False)
    assert container_argv.read_mount("type=tmpfs,dst=/c") is None
    assert container_argv.read_mount("type=bind,src=/a\n,dst=/c") is None
    assert container_argv.read_binds("/a\\:b:/c:ro,/d", several=True) == [
        Bind("/a:b", "/c", True),
        Bind("/d", None, False),
    ]
