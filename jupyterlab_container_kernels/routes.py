"""HTTP: parse, call one service, write JSON. The only module that knows tornado.

The contract is ``openapi.yaml``; a test holds these routes to it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from .errors import ContainerKernelsError

if TYPE_CHECKING:
    from .models import Task
    from .services.wiring import Services

#: What tells every open page, in whatever browser, that a kernel came or went.
KERNEL_EVENT_SCHEMA = "https://schema.jupyter.org/container-kernels/kernel/v1"

_SLUG = r"(?P<slug>[a-z0-9][a-z0-9._-]{0,79})"
_ITEM = r"(?P<item_id>[0-9a-f]{16})"
_TASK = r"(?P<task_id>[0-9a-f]{32})"


class _Handler(APIHandler):
    """What all routes share: who may, what they must send, how errors look."""

    auth_resource = "container-kernels"

    def initialize(self, services: Callable[[], Services]) -> None:
        self._services = services

    @property
    def services(self) -> Services:
        return self._services()

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def body(self) -> object:
        """Return the parsed body of a mutating request.

        Many sites switch Jupyter's XSRF check off; a page from elsewhere cannot send this content type unasked.
        """
        content_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise ContainerKernelsError(
                "unsupported_media_type",
                f"The request is {content_type or 'of no type'}, not application/json.",
                "Reload the page and try again.",
            )
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise ContainerKernelsError(
                "unreadable", "The request is not JSON.", "Reload the page and try again."
            ) from error

    def answer(self, model: Any, status: int = 200) -> None:
        """Write a model as JSON."""
        from .models import to_json

        self.set_status(status)
        self.finish(json.dumps(to_json(model)))

    async def answer_many(self, name: str, models: Sequence[Any]) -> None:
        """Write an object with one list, of which each entry is written by itself so that the loop is never kept."""
        from .models import to_json

        entries = await asyncio.to_thread(lambda: ", ".join([json.dumps(to_json(model)) for model in models]))
        self.finish(f'{{"{name}": [{entries}]}}')

    def accept(self, task: Task) -> None:
        """Write a task that has begun, and where it is read."""
        self.set_header("Location", url_path_join(self.base_url, "container-kernels", "tasks", task.id))
        self.answer(task, 202)

    async def tell(self, slug: str) -> None:
        """Tell every open page that a kernel came or went; another of its name, as one that is shared, may be there."""
        is_there = await self.services.session.jupyter.resource_dir(slug) is not None
        self.event_logger.emit(schema_id=KERNEL_EVENT_SCHEMA, data={"slug": slug, "present": is_there})

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write any error as ``{code, message, hint}``, also those that Jupyter raised before we were asked."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, ContainerKernelsError):
            self.set_status(error.status)
            body = {"code": error.code, "message": error.message, "hint": error.hint}
        else:
            known = {401: "forbidden", 403: "forbidden", 404: "not_found"}
            code = known.get(status_code, "internal" if status_code >= 500 else "unreadable")
            message = self._reason
            if isinstance(error, web.HTTPError) and error.log_message:
                message = error.log_message % error.args  # also what undoes its doubled %
            hint = "The Jupyter server's log holds the details." if status_code >= 500 else ""
            body = {"code": code, "message": message, "hint": hint}
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """Leave errors that a person reads anyway out of the server's log."""
        if not isinstance(value, ContainerKernelsError):
            super().log_exception(kind, value, trace)


class InfoHandler(_Handler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await self.services.session.info())


class DiagnosticsHandler(_Handler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await self.services.diagnostics.get())


class ResolveHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self) -> None:
        from .models import ResolveRequest, from_json

        request = from_json(ResolveRequest, self.body())
        answer = self.services.images.resolution.resolve(
            request.image, request.image_dir, by_runtime=request.by_runtime
        )
        self.answer(await answer)


class TagsHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self) -> None:
        from .models import TagsRequest, from_json

        self.answer(await self.services.images.resolution.tags(from_json(TagsRequest, self.body()).image))


class LoginHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self) -> None:
        from .models import LoginRequest, from_json

        self.answer(await self.services.logins.log_in(from_json(LoginRequest, self.body())))

    @web.authenticated
    @authorized
    async def delete(self) -> None:
        from .models import LogoutRequest, from_json

        self.answer(await self.services.logins.log_out(from_json(LogoutRequest, self.body()).registry))


class InspectHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self) -> None:
        from .models import InspectRequest, from_json

        self.answer(await self.services.add.inspect(from_json(InspectRequest, self.body()).image))


class KernelsHandler(_Handler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer_many("kernels", (await self.services.kernels.list_kernels()).kernels)

    @web.authenticated
    @authorized
    async def post(self) -> None:
        from .models import AddRequest, from_json

        self.accept(await self.services.add.add(from_json(AddRequest, self.body())))


class KernelHandler(_Handler):
    @web.authenticated
    @authorized
    async def get(self, slug: str) -> None:
        self.answer(await self.services.kernels.get(slug, self.get_query_argument("directory", None)))

    @web.authenticated
    @authorized
    async def patch(self, slug: str) -> None:
        from .models import EditRequest, from_json

        self.accept(await self.services.edit.edit(slug, from_json(EditRequest, self.body())))

    @web.authenticated
    @authorized
    async def delete(self, slug: str) -> None:
        from .models import RemoveRequest, from_json

        request = from_json(RemoveRequest, self.body())
        removal = await self.services.deletion.remove(slug, request)
        await self.tell(slug)
        self.answer(removal)


class KernelLogHandler(_Handler):
    @web.authenticated
    @authorized
    async def get(self, slug: str) -> None:
        self.answer(await self.services.kernels.log(slug))


class KernelRepairHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self, slug: str) -> None:
        from .models import RepairRequest, from_json

        self.accept(await self.services.repair.repair(slug, from_json(RepairRequest, self.body())))


class KernelDuplicateHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self, slug: str) -> None:
        from .models import EditRequest, from_json

        self.accept(await self.services.edit.duplicate(slug, from_json(EditRequest, self.body())))


class KernelCheckHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self, slug: str) -> None:
        from .models import CheckRequest, from_json

        self.accept(await self.services.edit.check(slug, from_json(CheckRequest, self.body())))


class KernelSharePlanHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self, slug: str) -> None:
        from .models import ShareRequest, from_json

        self.answer(await self.services.publishing.plan(slug, from_json(ShareRequest, self.body())))


class KernelShareHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self, slug: str) -> None:
        from .models import ShareRequest, from_json

        self.accept(await self.services.publishing.publish(slug, from_json(ShareRequest, self.body())))


class KernelWithdrawHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self, slug: str) -> None:
        from .models import WithdrawRequest, from_json

        request = from_json(WithdrawRequest, self.body())
        freed = await self.services.publishing.withdraw(slug, request.resource_dir)
        await self.tell(slug)
        self.answer(freed)


class SpaceHandler(_Handler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await self.services.space.get())


class SpaceItemHandler(_Handler):
    @web.authenticated
    @authorized
    async def delete(self, item_id: str) -> None:
        self.body()
        self.answer(await self.services.space.free(item_id))


class RestoreHandler(_Handler):
    @web.authenticated
    @authorized
    async def post(self, item_id: str) -> None:
        self.body()
        restored = await self.services.space.restore(item_id)
        await self.tell(restored.slug)
        self.answer(restored)


class _WatchingHandler(_Handler):
    """Read again and again while a task runs: that somebody looks keeps no idle server alive."""

    _track_activity = False


class TasksHandler(_WatchingHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer_many("tasks", await self.services.tasks.list_tasks())


class TaskHandler(_WatchingHandler):
    @web.authenticated
    @authorized
    async def get(self, task_id: str) -> None:
        self.answer(await self.services.tasks.get(task_id))

    @web.authenticated
    @authorized
    async def delete(self, task_id: str) -> None:
        self.body()
        self.answer(await self.services.tasks.end(task_id))


class TaskLogHandler(_WatchingHandler):
    @web.authenticated
    @authorized
    async def get(self, task_id: str) -> None:
        text = self.get_query_argument("offset", "0")
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise ContainerKernelsError("unreadable", "offset has to be a number of bytes.")
        self.answer(await self.services.tasks.log(task_id, int(text)))


class UnknownHandler(_Handler):
    """Everything else below our namespace, so that a name that cannot be one is answered in our words."""

    @web.authenticated
    @authorized
    async def get(self, _path: str) -> None:
        raise ContainerKernelsError("not_found", "There is nothing of Container Kernels at this address.")

    post = put = patch = delete = get


#: Path below ``container-kernels`` (as a regular expression) and its handler; the order of ``openapi.yaml``.
ROUTES: list[tuple[str, type[_Handler]]] = [
    (r"info", InfoHandler),
    (r"diagnostics", DiagnosticsHandler),
    (r"resolve", ResolveHandler),
    (r"tags", TagsHandler),
    (r"login", LoginHandler),
    (r"inspect", InspectHandler),
    (r"kernels", KernelsHandler),
    (rf"kernels/{_SLUG}", KernelHandler),
    (rf"kernels/{_SLUG}/log", KernelLogHandler),
    (rf"kernels/{_SLUG}/repair", KernelRepairHandler),
    (rf"kernels/{_SLUG}/duplicate", KernelDuplicateHandler),
    (rf"kernels/{_SLUG}/check", KernelCheckHandler),
    (rf"kernels/{_SLUG}/share/plan", KernelSharePlanHandler),
    (rf"kernels/{_SLUG}/share", KernelShareHandler),
    (rf"kernels/{_SLUG}/withdraw", KernelWithdrawHandler),
    (r"space", SpaceHandler),
    (rf"space/{_ITEM}", SpaceItemHandler),
    (rf"trash/{_ITEM}/restore", RestoreHandler),
    (r"tasks", TasksHandler),
    (rf"tasks/{_TASK}", TaskHandler),
    (rf"tasks/{_TASK}/log", TaskLogHandler),
]


def handlers(services: Callable[[], Services]) -> list[tuple[str, type[_Handler], dict[str, Any]]]:
    """Return the routes for the server; Jupyter puts ``base_url`` before them.

    ``services`` is called by requests, not now: importing all that they need costs more than the server's start may.
    """
    options = {"services": services}
    routes: list[tuple[str, type[_Handler], dict[str, Any]]] = [
        (rf"/container-kernels/{path}", handler, options) for path, handler in ROUTES
    ]
    return [*routes, (r"/container-kernels/(.*)", UnknownHandler, options)]
