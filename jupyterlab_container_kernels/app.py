"""The server extension: traits, wiring, events, and the Jupyter server as the services see it."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_config_path, jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Dict, Enum, Float, Integer, List, TraitError, Unicode, validate
from traitlets.config import Application

from . import __version__
from .settings import PolicyFile, PolicyProblem, Settings

if TYPE_CHECKING:
    from .models import RunningKernel
    from .services.policy_reading import PolicyReading
    from .services.wiring import Services

EVENT_SCHEMA = "https://schema.jupyter.org/container-kernels/task/v1"
#: Listeners hear of one task at most this often, in seconds; its end is always told.
_EVENT_INTERVAL_S = 0.25


class ContainerKernelsApp(ExtensionApp):
    """Container images as kernels."""

    name = "container_kernels"
    description = "Container images as kernels, from a registry or a file, with one click."
    extension_url = "/container-kernels"
    version = __version__

    runtime_path = Unicode(
        "",
        config=True,
        help="Absolute path of apptainer or singularity. Empty: the first that is on PATH, comes with a module, "
        "is found by a shell with /etc/profile or by the user's login shell, or lies in a usual folder.",
    )
    runtime_module = Unicode(
        "",
        config=True,
        help="Module to load for apptainer or singularity, with or without a version, before PATH is looked at. "
        "Empty: one that has the name of the program, if nothing is on PATH.",
    )
    images_dir = Unicode(
        "",
        config=True,
        help="Folder for pulled images, large. '~' and environment variables are filled in. "
        "Empty: container-kernels/images in Jupyter's data directory.",
    )
    packages_dir = Unicode(
        "",
        config=True,
        help="Folder for what is installed beside images, some 100 MB for each version of Python. '~' and "
        "environment variables are filled in. Empty: container-kernels/packages in Jupyter's data directory.",
    )
    temporary_dir = Unicode(
        "",
        config=True,
        help="Folder for what is needed only while an image comes: its layers, or five times as much where the runtime "
        "pulls it itself. A fast local disk is best. Empty: layers lie beside images; else $APPTAINER_TMPDIR, $TMPDIR, "
        "/tmp or the data directory, the first with enough room.",
    )
    acquire = Enum(
        ["auto", "runtime"],
        "auto",
        config=True,
        help="How images of registries become files: in one stream that unpacks nothing to disk, and by the runtime "
        "what that does not understand ('auto'), or always by the runtime ('runtime').",
    )
    squashfs_compression = Enum(
        ["auto", "gzip", "zstd"],
        "auto",
        config=True,
        help="How image files are compressed: with zstd where a small image of it starts on this node ('auto'). "
        "'gzip' starts on all nodes of a site that has old ones, too.",
    )
    site_images = List(
        Unicode(),
        config=True,
        help="Folders of image files that are looked at before anything is pulled, and never written to: images_dir "
        "of another account, or .sif files, each with a .json file of its name that holds its digest in the registry "
        "as \"digest\". '~' and environment variables are filled in.",
    )
    wheelhouse = Unicode(
        "",
        config=True,
        help="Folder of wheels from which kernel packages are installed, for nodes without access to a package index: "
        "what `pip download ipykernel pip` brings, for each version of Python. What it lacks comes from the index. "
        "'~' and environment variables are filled in. Empty: the index that pip is configured for.",
    )
    insecure_registries = List(
        Unicode(),
        config=True,
        help="Registries (host or host:port) that may be asked by plain HTTP. Those on this machine always may.",
    )
    registry_timeout_s = Float(15.0, config=True, help="Seconds that a registry has for each of its answers.")
    pull_from = Enum(
        ["auto", "here", "job", "login"],
        "auto",
        config=True,
        help="From where images of registries are pulled: from the node of the session ('here'), by a Slurm job "
        "('job'), or by a line that the user runs on a login node ('login'). 'auto': from here, and where that cannot "
        "reach the registry, in the way that the user chooses.",
    )
    pull_job_options = List(
        Unicode(),
        config=True,
        help="Options of sbatch for jobs that pull an image, as '--partition=transfer', '--account=lab', '--time=60', "
        "'--mem=2G', '--cpus-per-task=4'. What is not named is as Slurm has it.",
    )
    start_timeout_s = Float(120.0, config=True, help="Seconds a new kernel has to answer before it is given up.")
    pull_timeout_s = Float(6 * 3600.0, config=True, help="Seconds after which a pull is given up.")
    install_timeout_s = Float(1800.0, config=True, help="Seconds after which installing packages is given up.")
    max_running_tasks = Integer(
        3,
        min=1,
        config=True,
        help="How many tasks one Jupyter server works on at a time (kernels added, mended, changed or checked). "
        "The others wait in the order in which they came.",
    )
    trash_days = Float(
        7.0,
        config=True,
        help="Days for which deleted kernels stay in the trash, from which they can be put back. 0: none; what is "
        "deleted is gone at once.",
    )

    policy_file = Unicode(
        "",
        config=True,
        help="The site's policy file. Empty: container-kernels.toml in /etc/jupyter, /usr/local/etc/jupyter or "
        "etc/jupyter of the environment in which Jupyter is installed, the first that is there.",
    )
    allowed_registries = List(
        Unicode(),
        default_value=None,
        allow_none=True,
        config=True,
        help="Registries, or beginnings of the names of images in them, from which images may be added, as "
        "'docker.io/pytorch' and '*.example.org'; '*' stands for anything between two '/'. A library is written "
        "'library://USER'. None: all.",
    )
    denied_registries = List(
        Unicode(),
        config=True,
        help="Registries, or beginnings of the names of images in them, from which none may be added.",
    )
    digest_required = Bool(
        False, config=True, help="Whether images of registries have to be named by their digest, not by a tag."
    )
    allowed_paths = List(
        Unicode(),
        default_value=None,
        allow_none=True,
        config=True,
        help="Folders below which image files have to lie to be added; '*' stands for anything between two '/', '~' "
        "and environment variables are filled in. None: anywhere.",
    )
    denied_paths = List(
        Unicode(),
        config=True,
        help="Folders of whose image files none may be added, under whatever name they are reached.",
    )
    catalogue = List(
        Dict(),
        config=True,
        help="Images that users are offered first, and may always add: 'title' and 'image', and if you like "
        "'description', 'gpu' ('auto', 'on' or 'off'), 'language' and 'icon' (an .svg or .png file of 32 kB at most).",
    )
    support_text = Unicode("", config=True, help="Whom users are told to ask, as a sentence.")
    support_link = Unicode("", config=True, help="Where they find help: an address of a page, or a mailto: one.")
    default_binds = List(
        Unicode(),
        config=True,
        help="Folders that every new kernel sees at their own paths, where they are there. '~' and environment "
        "variables are filled in. Users can take them out with Edit.",
    )
    default_environment = Dict(
        config=True,
        help="Variables of every new kernel, unless its user sets them otherwise. Environment variables in their "
        "values are filled in.",
    )
    scratch_dirs = List(
        Unicode(),
        config=True,
        help="Folders with much room that are named to users whose images do not fit, before those in $SCRATCH, "
        "$PSCRATCH, $WORK and $PROJECT.",
    )
    shared_kernel_dirs = List(
        Unicode(),
        config=True,
        help="Folders from which others share kernels, as *Share…* has made them, looked at after all others of "
        "Jupyter's. '~' and environment variables are filled in.",
    )

    _services: Services | None = None
    _former_services: Services | None = None
    _policy_reading: PolicyReading | None = None
    _policy: PolicyFile | None = None

    @property
    def services(self) -> Services:
        """The services, made when they are first asked for: who never opens the panel pays nothing for them.

        They are made anew once a policy file that could not be read has been, as soon as nothing runs.
        """
        if self._services is not None and self._has_policy_come() and not self._services.tasks.running():
            self._former_services, self._services = self._services, None  # requests under way still use them
            self._policy = None
            self._add_shared()
        if self._services is None:
            from .services.wiring import connect

            assert self.serverapp is not None  # noqa: S101 (it has initialized us)
            events = Events(self.serverapp.event_logger)
            jupyter = ServerJupyter(self.serverapp)
            self._services = connect(self.values(), Path(jupyter_data_dir()), jupyter, events.tell)
            if not gc.get_freeze_count():
                # Looking for garbage among all objects of a server keeps its loop for 100 ms and more, and a long list
                # of kernels makes Python do it. What is there by now stays; what comes is looked through as before.
                gc.freeze()
        return self._services

    @validate("registry_timeout_s", "start_timeout_s", "pull_timeout_s", "install_timeout_s")
    def _is_positive(self, proposal: dict[str, Any]) -> float:
        value: float = proposal["value"]
        if value <= 0:
            raise TraitError(f"{proposal['trait'].name} has to be more than 0 seconds")
        return value

    @validate("trash_days")
    def _is_not_negative(self, proposal: dict[str, Any]) -> float:
        value: float = proposal["value"]
        if value < 0:
            raise TraitError("trash_days has to be 0 or more days")
        return value

    @validate("runtime_path", "images_dir", "packages_dir", "temporary_dir", "wheelhouse")
    def _is_absolute(self, proposal: dict[str, Any]) -> str:
        value = _expanded(proposal["value"])
        if value and not Path(value).is_absolute():
            raise TraitError(f"{proposal['trait'].name} has to be a full path, not {proposal['value']!r}")
        return value

    @validate(
        "allowed_registries",
        "denied_registries",
        "allowed_paths",
        "denied_paths",
        "catalogue",
        "support_text",
        "support_link",
        "default_binds",
        "default_environment",
        "scratch_dirs",
        "site_images",
        "shared_kernel_dirs",
        "pull_job_options",
    )
    def _is_policy(self, proposal: dict[str, Any]) -> Any:
        """Check what the policy file can set, too, as it is checked there."""
        from .services.policy_file import checked

        name, value = proposal["trait"].name, proposal["value"]
        if not value:
            return value
        try:
            return checked(name, value)
        except ValueError as error:
            raise TraitError(f"{name} {error}") from error

    @classmethod
    def configured_as_the_server(cls) -> ContainerKernelsApp:
        """Return the traits as the Jupyter server would have them, for use without one."""
        app = cls()
        for name in ("jupyter_config", "jupyter_server_config", "jupyter_container_kernels_config"):
            Application.load_config_file(app, name, path=jupyter_config_path())
        return app

    def values(self) -> Settings:
        """Return the traits as plain values; what is not configured comes from the site's policy file."""
        policy = self._take_policy()
        state = Path(jupyter_data_dir()) / "container-kernels"
        return Settings(
            runtime_path=self.runtime_path,
            runtime_module=self.runtime_module,
            images_dir=Path(self.images_dir) if self.images_dir else state / "images",
            packages_dir=Path(self.packages_dir) if self.packages_dir else state / "packages",
            temporary_dir=Path(self.temporary_dir) if self.temporary_dir else None,
            insecure_registries=tuple(self.insecure_registries),
            registry_timeout_s=self.registry_timeout_s,
            start_timeout_s=self.start_timeout_s,
            pull_timeout_s=self.pull_timeout_s,
            install_timeout_s=self.install_timeout_s,
            wheelhouse=Path(self.wheelhouse) if self.wheelhouse else None,
            trash_days=self.trash_days,
            acquire=self.acquire,
            pull_from=self.pull_from,  # type: ignore[arg-type]  # one of these, says the trait
            pull_job_options=tuple(self.pull_job_options),
            squashfs_compression=self.squashfs_compression,
            max_running_tasks=self.max_running_tasks,
            site_images=tuple(map(Path, self.site_images)),
            allowed_registries=self.allowed_registries,
            denied_registries=self.denied_registries,
            allowed_paths=self.allowed_paths,
            denied_paths=self.denied_paths,
            digest_required=self.digest_required,
            default_binds=self.default_binds,
            default_environment=self.default_environment,
            scratch_dirs=self.scratch_dirs,
            catalogue=self.catalogue,
            support_text=self.support_text,
            support_link=self.support_link,
            policy=policy,
        )

    def _take_policy(self) -> PolicyFile:
        """Take over what the policy file says and nobody has configured."""
        if self._policy is not None:
            return self._policy
        from .services.policy_reading import PolicyReading

        if self._policy_reading is None:
            self._policy_reading = PolicyReading(_expanded(self.policy_file))
        policy = self._policy_reading.get()
        sections = [self.config[name] for name in self.section_names() if name in self.config]
        problems = list(policy.problems)
        for name, value in policy.values.items():
            if not any(name in section for section in sections):
                try:
                    setattr(self, name, value)
                except TraitError as error:  # what is wrong in the file must not keep the panel from people
                    problems.append(PolicyProblem(name, None, f"cannot be set: {error}", ("registries", "files")))
        self._policy = replace(policy, problems=problems)
        return self._policy

    def _has_policy_come(self) -> bool:
        """Tell whether a policy file that could not be read when it was taken can be taken now."""
        policy, reading = self._policy, self._policy_reading
        return policy is not None and not policy.is_read and reading is not None and reading.has_come()

    def with_shared(self, kernel_dirs: Sequence[str]) -> list[str]:
        """Return directories of kernels, and after them those of folders from which others share."""
        self._take_policy()
        shared = [f"{each.rstrip('/')}/kernels" for each in self.shared_kernel_dirs]
        return list(dict.fromkeys([*kernel_dirs, *shared]))

    def _add_shared(self) -> None:
        """Let Jupyter find the kernels that others share."""
        self._take_policy()
        if self.shared_kernel_dirs and self.serverapp is not None:
            specs: Any = self.serverapp.kernel_spec_manager
            specs.kernel_dirs = self.with_shared(specs.kernel_dirs)

    def initialize_settings(self) -> None:
        """Register what the browser listens to; nothing is started and no file of the user is looked at.

        The site's policy file is read here, where no request waits for it.
        """
        assert self.serverapp is not None  # noqa: S101 (it initializes us)
        logger: Any = self.serverapp.event_logger
        for name in ("event_schema.yaml", "kernel_event_schema.yaml"):
            logger.register_event_schema(Path(__file__).with_name(name))
        self._add_shared()

    def initialize_handlers(self) -> None:
        """Add the routes."""
        from .routes import handlers

        self.handlers.extend(handlers(lambda: self.services))

    async def stop_extension(self) -> None:
        """Cancel what runs; nothing outlives the server."""
        for services in filter(None, (self._former_services, self._services)):
            await services.stop(interrupt=True)  # as at the end of a job: the next session goes on

    def current_activity(self) -> bool:
        """Keep a server that is at work from being culled."""
        return any(each.tasks.running() for each in (self._services, self._former_services) if each is not None)


class Events:
    """Emits changes of tasks, not too often."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._last: dict[str, float] = {}

    def tell(self, task_id: str, seq: int, state: str) -> None:
        """Emit a change."""
        moment = time.monotonic()
        if state == "running" and moment - self._last.get(task_id, 0) < _EVENT_INTERVAL_S:
            return
        self._last[task_id] = moment
        if state not in ("running", "cancelling"):
            del self._last[task_id]
        self._logger.emit(schema_id=EVENT_SCHEMA, data={"task_id": task_id, "seq": seq, "state": state})


class ServerJupyter:
    """The Jupyter server around us, as the services ask it."""

    def __init__(self, serverapp: Any) -> None:
        self._server = serverapp

    @property
    def root_dir(self) -> Path | None:
        root = getattr(self._server.contents_manager, "root_dir", "")
        return Path(root) if root else None

    @property
    def kernel_dirs(self) -> list[str]:
        return list(self._server.kernel_spec_manager.kernel_dirs)

    def find_kernels(self) -> dict[str, str]:
        found: dict[str, str] = self._server.kernel_spec_manager.find_kernel_specs()
        return found

    async def kernel_names(self) -> set[str]:
        found = await asyncio.to_thread(self._server.kernel_spec_manager.find_kernel_specs)
        return set(found)

    async def resource_dir(self, slug: str) -> Path | None:
        # not get_kernel_spec: it answers for kernels that allowed_kernelspecs hides
        found = await asyncio.to_thread(self._server.kernel_spec_manager.find_kernel_specs)
        return Path(found[slug]) if slug in found else None

    async def running(self) -> dict[str, list[RunningKernel]]:
        kernels = self._server.kernel_manager
        ids = list(kernels.list_kernel_ids())
        if not ids:
            return {}
        titles = {
            session["kernel"]["id"]: session["path"] or session["name"]
            for session in await self._server.session_manager.list_sessions()
            if session.get("kernel")
        }
        from .models import RunningKernel

        found: dict[str, list[RunningKernel]] = {}
        for kernel_id in ids:
            name = kernels.get_kernel(kernel_id).kernel_name
            found.setdefault(name, []).append(
                RunningKernel(kernel_id, titles.get(kernel_id, "a kernel without a notebook"))
            )
        return found

    async def shut_down(self, slug: str) -> None:
        for kernel in (await self.running()).get(slug, []):
            for session in await self._server.session_manager.list_sessions():
                if session.get("kernel") and session["kernel"]["id"] == kernel.id:
                    await self._server.session_manager.delete_session(session["id"])
            if kernel.id in self._server.kernel_manager:
                await self._server.kernel_manager.shutdown_kernel(kernel.id)


def _expanded(value: str) -> str:
    return os.path.expandvars(os.path.expanduser(value))  # noqa: PTH111 (empty has to stay empty)
