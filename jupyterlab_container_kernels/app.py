"""The server extension: wiring, the site's policy, events, and the Jupyter server as the services see it."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_config_path, jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from traitlets import TraitError
from traitlets.config import Application

from . import __version__
from .settings import PolicyFile, PolicyProblem, Settings
from .traits import Traits, expanded

if TYPE_CHECKING:
    from .models import RunningKernel
    from .services.policy_reading import PolicyReading
    from .services.wiring import Services

EVENT_SCHEMA = "https://schema.jupyter.org/container-kernels/task/v1"
#: Listeners hear of one task at most this often, in seconds; its end is always told.
_EVENT_INTERVAL_S = 0.25


class ContainerKernelsApp(Traits, ExtensionApp):
    """Container images as kernels."""

    name = "container_kernels"
    description = "Container images as kernels, from a registry or a file, with one click."
    extension_url = "/container-kernels"
    version = __version__

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

    @classmethod
    def configured_as_the_server(cls) -> ContainerKernelsApp:
        """Return the traits as the Jupyter server would have them, for use without one."""
        app = cls()
        for name in ("jupyter_config", "jupyter_server_config", "jupyter_container_kernels_config"):
            Application.load_config_file(app, name, path=jupyter_config_path())
        return app

    def values(self) -> Settings:
        """Return the traits as plain values; what is not configured comes from the site's policy file."""
        return self.as_settings(self._take_policy())

    def _take_policy(self) -> PolicyFile:
        """Take over what the policy file says and nobody has configured."""
        if self._policy is not None:
            return self._policy
        from .services.policy_reading import PolicyReading

        if self._policy_reading is None:
            self._policy_reading = PolicyReading(expanded(self.policy_file))
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
        return list(dict.fromkeys([*kernel_dirs, *self._shared()]))

    def _shared(self) -> list[str]:
        """Return the directories of kernels that others share: what is configured, and what the site's file names."""
        of_site = self._take_policy().values.get("shared_kernel_dirs", [])
        return [f"{each.rstrip('/')}/kernels" for each in [*self.shared_kernel_dirs, *of_site]]

    def _add_shared(self) -> None:
        """Let Jupyter find the kernels that others share."""
        if self._shared() and self.serverapp is not None:
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
