"""What a site allows, and what it offers: its rules for images, its catalogue, whom to ask.

It is guidance: it holds for what is added through Container Kernels, and keeps nobody from running the runtime.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from ..acquire.reference import ImageReference, parse
from ..errors import ContainerKernelsError, unanswered
from ..languages.base import Language
from ..models import Site, SiteImage, Support
from ..settings import Closes, Settings
from ..system.patience import Patience
from ..system.scripts import fill

_SUPPORT = "Ask your site's support."


class PolicyService:
    """Says whether an image may be used here."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        self._settings = settings
        self._patience = patience

    @property
    def support(self) -> str:
        """Whom to ask, as a sentence."""
        return " ".join(filter(None, (self._settings.support_text, self._settings.support_link))) or _SUPPORT

    def site(self, languages: Mapping[str, Language]) -> Site:
        """Return what the browser is told. Images of the catalogue without a picture get that of their language."""
        settings = self._settings
        pictures = {each.title.lower(): each for each in languages.values()}
        catalogue = [
            SiteImage(
                each["title"],
                each["image"],
                each.get("description", ""),
                each.get("gpu", "auto"),
                each.get("language"),
                each.get("icon") or _picture(pictures.get(each.get("language", "").lower())),
            )
            for each in settings.catalogue
        ]
        has_support = settings.support_text or settings.support_link
        return Site(
            catalogue=catalogue,
            support=Support(settings.support_text, settings.support_link or None) if has_support else None,
            registries=None if settings.allowed_registries is None else list(settings.allowed_registries),
            files=None if settings.allowed_paths is None else list(settings.allowed_paths),
            digest_required=settings.digest_required,
            binds=list(settings.default_binds),
        )

    async def require(self, reference: ImageReference, *, is_pinned: bool = False) -> None:
        """Refuse an image that the site does not allow. What is in its catalogue always is.

        Parameters
        ----------
        reference : ImageReference
            The image.
        is_pinned : bool
            Whether its digest is known, though it is named by a tag.

        Raises
        ------
        ContainerKernelsError
            ``not_allowed``; ``timed_out``: the file system of a file does not answer.
        """
        if self._is_offered(reference):
            return
        is_file = reference.transport == "file"
        self._require_open("files" if is_file else "registries")
        if is_file:
            await self._require_file(reference.path)
            return
        names = _names(reference)
        shown = names[0]
        if _any_below(self._settings.denied_registries, names):
            raise self._refused(f"Your site does not allow {shown}.", "Choose another image.")
        allowed = self._settings.allowed_registries
        if allowed is not None and not _any_below(allowed, names):
            raise self._refused(f"Your site does not allow {shown}.", self._offers(allowed, "images from"))
        if not is_pinned:
            self.require_digest(reference)

    def require_digest(self, reference: ImageReference, digest: str | None = None) -> None:
        """Refuse an image that is named by a tag where the site wants digests; ``digest`` is that of the tag.

        Raises
        ------
        ContainerKernelsError
            ``not_allowed``
        """
        is_exact = reference.transport == "file" or reference.digest is not None
        if is_exact or not self._settings.digest_required or self._is_offered(reference):
            return
        example = str(reference.pinned(digest)) if digest else f"{str(reference).rpartition(':')[0]}@sha256:…"
        raise self._refused(
            f"Your site wants images to be named by their digest; {reference.tag} may name another one tomorrow.",
            f"Name it as {example}.",
        )

    def _is_offered(self, reference: ImageReference) -> bool:
        return any(parse(each["image"], Path.home()) == reference for each in self._settings.catalogue)

    def _require_open(self, what: Closes) -> None:
        """Refuse everything while it is not known what was meant to be refused."""
        policy = self._settings.policy
        problem = next((each for each in policy.problems if what in each.closes), None)
        if problem is not None:
            images = "image files" if what == "files" else "images from registries"
            raise self._refused(
                f"No {images} can be added but your site's own: its policy file {policy.path} is wrong ({problem}).",
                "An administrator has to mend it.",
            )

    async def _require_file(self, path: Path) -> None:
        denied, allowed = self._settings.denied_paths, self._settings.allowed_paths
        if not denied and allowed is None:
            return

        def look() -> tuple[bool, bool]:
            real = os.path.realpath(path)
            # what is denied is so under each of its names; what is allowed has to lie there in truth
            is_denied = _any_below([*denied, *map(_real, denied)], [os.path.normpath(path), real])
            return is_denied, allowed is None or _any_below([*allowed, *map(_real, allowed)], [real])

        try:
            is_denied, is_allowed = await self._patience.ask(("policy", path), look)
        except TimeoutError as error:
            raise unanswered(path) from error
        if is_denied or not is_allowed:
            hint = "Choose another one." if is_denied else self._offers(allowed or (), "those below")
            raise self._refused(f"Your site does not allow image files such as {path}.", hint)

    def _offers(self, allowed: Sequence[str], what: str) -> str:
        kinds = [f"{what} {', '.join(allowed)}"] if allowed else []
        kinds += ["its own images"] if self._settings.catalogue else []
        return f"It allows {' and '.join(kinds)}." if kinds else "It allows none."

    def _refused(self, message: str, hint: str) -> ContainerKernelsError:
        return ContainerKernelsError("not_allowed", message, f"{hint} {self.support}".strip())


def _picture(language: Language | None) -> str | None:
    if language is None:
        return None
    return "data:image/svg+xml," + quote(fill("logo.svg.j2", logo=language.logo, title=language.title))


def _names(reference: ImageReference) -> list[str]:
    """Return what an image is called in rules. Docker Hub's own are `docker.io/debian` for people."""
    if reference.transport == "library":
        return [f"library://{'/'.join(filter(None, (reference.registry, reference.repository)))}"]
    host = reference.registry.lower()
    names = [f"{host}/{reference.repository}"]
    if host == "docker.io":
        names.append(f"{host}/{reference.repository.removeprefix('library/')}")
    return names


def _any_below(patterns: Iterable[str], names: Sequence[str]) -> bool:
    return any(is_below(pattern, name) for pattern in patterns for name in names)


def is_below(pattern: str, name: str) -> bool:
    """Tell whether a name is what a pattern says, or lies below it; ``*`` stands for anything between two ``/``."""
    parts = "[^/]*".join(map(re.escape, pattern.rstrip("/").split("*")))
    return re.match(rf"{parts}(?:/|$)", name) is not None


def _real(pattern: str) -> str:
    """Return a folder under its real name, as far as there is no ``*`` in it."""
    head, star, tail = pattern.partition("*")
    if not star:
        return os.path.realpath(pattern)
    parent, _, begun = head.rpartition("/")
    return f"{os.path.realpath(parent or '/').rstrip('/')}/{begun}{star}{tail}"
