"""Every container kernel that Jupyter could see here, whoever made it, with what its files look like."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

from ..system import foreign, kernel_dirs
from ..system.foreign import Foreign
from ..system.kernel_dirs import Entry, Script
from ..system.survey import Question, Survey
from . import facts, shared_places
from .facts import Owner
from .package_facts import PackageFacts
from .session import SessionService


@dataclass(frozen=True, eq=False)
class Row:
    """One kernel directory that starts a container, or that might.

    Parameters
    ----------
    entry : Entry
    foreign : Foreign or None
        What was understood of one that somebody else made.
    seen : mapping
        What its files look like; see :data:`.status.Seen`.
    shown_from : str or None
        The directory from which Jupyter shows a kernel of this name; ``None`` if it shows none.
    is_read_only : bool
        It is not among the user's own kernels, or those cannot be written.
    does_answer : bool
        Its directory was read just now, not some time ago.

    As long as nothing of it changes, a row is the same object in each listing.
    """

    entry: Entry
    foreign: Foreign | None
    seen: Mapping[str, Any]
    shown_from: str | None
    is_read_only: bool
    does_answer: bool = True

    def is_like(self, other: Row) -> bool:
        """Tell whether another row of the same kernel says the same."""
        return (
            (self.entry, self.foreign) == (other.entry, other.foreign)
            and (self.shown_from, self.is_read_only) == (other.shown_from, other.is_read_only)
            and self.does_answer == other.does_answer
            and self.seen == other.seen
        )

    @property
    def is_shown(self) -> bool:
        return self.shown_from == self.entry.directory

    @property
    def owner(self) -> str | None:
        """Whose it is, if it is not the user's own and somebody can tell."""
        owner = self.seen.get("owner")
        return owner.name if isinstance(owner, Owner) else None

    @property
    def is_withdrawable(self) -> bool:
        """The user shares it with others."""
        owner, spec = self.seen.get("owner"), self.entry.spec
        is_mine = isinstance(owner, Owner) and owner.uid == os.geteuid()
        return is_mine and spec is not None and shared_places.data_of(spec) is not None

    @property
    def image(self) -> str:
        """What tells its image from others: the path, or the reference."""
        if self.entry.spec is not None:
            return self.entry.spec.record.image.path
        return (self.foreign.path or self.foreign.image) if self.foreign else ""


class Listing:
    """Finds all container kernels."""

    def __init__(self, session: SessionService) -> None:
        self._session = session
        self._survey = Survey(session.patience)
        #: The user's own directory of kernels, and the name under which it is listed.
        self._own = self._own_as_listed = str(session.roots.kernels)
        self._packages = {name: PackageFacts(each, name) for name, each in session.languages.items()}
        self._no_language = PackageFacts(None, "")
        #: What was read last of each directory of Jupyter's, for when it does not answer.
        self._last: dict[str, list[str]] = {}
        self._last_entries: dict[str, Entry] = {}
        #: What stays the same from one listing to the next.
        self._asked: dict[Entry, dict[str, Question]] = {}
        self._rows: dict[str, Row] = {}
        self._understood_before: dict[Entry, tuple[Script | None, Foreign | None]] = {}

    async def rows(self) -> list[Row]:
        """Return all kernels, in the order of Jupyter's path."""
        directories = await self._directories()
        shown, entries, writable = await asyncio.gather(
            self._shown(), self._entries(directories), self._survey.ask([(facts.may_write, self._own)])
        )
        found = await self._understood(entries)
        asked = await asyncio.to_thread(self._questions, found)
        answers = await self._survey.ask(question for each in asked.values() for question in each.values())
        may_write = writable.get((facts.may_write, self._own)) is True

        def rows() -> list[Row]:
            first: dict[str, str] = {}
            for entry in found:
                first.setdefault(entry.slug, entry.directory)
            made: dict[str, Row] = {}
            for entry, (understood, script) in found.items():
                seen = _seen(asked[entry], answers)
                if script is not None and entry.argv[0] == (understood.script if understood else None):
                    seen["is_executable"] = script.is_executable
                by = first[entry.slug] if shown is None else shown.get(entry.slug)
                if by is None and first[entry.slug] != entry.directory:
                    by = first[entry.slug]
                root = entry.directory.rpartition("/")[0]
                is_read_only = root != self._own_as_listed or not may_write
                row = Row(entry, understood, seen, by, is_read_only, entries[entry.directory][1])
                before = self._rows.get(entry.directory)
                made[entry.directory] = before if before is not None and before.is_like(row) else row
            self._rows = made
            return list(made.values())

        return await asyncio.to_thread(rows)

    async def look(self, slug: str) -> tuple[Entry, Mapping[str, Any]] | None:
        """Return one of the user's own kernels, if we made it, and what its files look like."""
        question: Question = (kernel_dirs.read, f"{self._own}/{slug}")
        entry = (await self._survey.ask([question])).get(question)
        if not isinstance(entry, Entry) or entry.spec is None:
            return None
        asked = self._about_ours(entry)
        return entry, _seen(asked, await self._survey.ask(asked.values()))

    async def files(self, row: Row) -> list[tuple[str, int]]:
        """Return the files in a kernel's folder, with their sizes; none if they do not answer."""
        question = (facts.files, row.entry.directory)
        found = (await self._survey.ask([question])).get(question)
        return found if isinstance(found, list) else []

    async def _shown(self) -> dict[str, str] | None:
        """Return where Jupyter finds the kernels that it shows; ``None`` if that cannot be known now."""
        question: Question = (self._find_kernels, "Jupyter/kernels")
        found = (await self._survey.ask([question])).get(question)
        return found if isinstance(found, dict) else None

    def _find_kernels(self, _path: str) -> dict[str, str]:
        return self._session.jupyter.find_kernels()

    async def _directories(self) -> list[str]:
        """Return all directories that may be kernels."""
        note: Question = (shared_places.noted, str(self._session.roots.state / shared_places.NOTE))
        shared = (await self._survey.ask([note])).get(note, [])
        roots = list(dict.fromkeys([*self._session.jupyter.kernel_dirs, self._own, *shared]))
        answers = await self._survey.ask(
            (question, root) for root in roots for question in (kernel_dirs.real_path, kernel_dirs.subdirectories)
        )
        found: list[str] = []
        real: dict[str, str] = {}
        for root in roots:
            below = answers.get((kernel_dirs.subdirectories, root))
            if isinstance(below, list):
                self._last[root] = sorted(below)
            where = answers.get((kernel_dirs.real_path, root), root)
            # one that Jupyter knows by two names has its kernels once
            if real.setdefault(where, root) == root:
                found += self._last.get(root, [])
        self._own_as_listed = real.get(answers.get((kernel_dirs.real_path, self._own), self._own), self._own)
        return found

    async def _entries(self, directories: list[str]) -> dict[str, tuple[Entry, bool]]:
        """Return what lies in directories, and whether they have answered."""
        answers = await self._survey.ask([(kernel_dirs.read, directory) for directory in directories])
        found: dict[str, tuple[Entry, bool]] = {}
        known: dict[str, Entry] = {}
        for directory in directories:
            question: Question = (kernel_dirs.read, directory)
            entry = answers.get(question)
            does_answer = question in answers and not isinstance(entry, OSError)
            if not does_answer:
                entry = self._last_entries.get(directory)
            if isinstance(entry, Entry):
                found[directory] = entry, does_answer
                known[directory] = entry
        self._last_entries = known
        return found

    async def _understood(
        self, entries: Mapping[str, tuple[Entry, bool]]
    ) -> dict[Entry, tuple[Foreign | None, Script | None]]:
        """Return the kernels that start a container, with what was understood of those that are not ours."""
        scripts: dict[str, Question] = {}
        for directory, (entry, _) in entries.items():
            path = None if entry.spec or entry.problem else foreign.script_of(entry.argv, directory)
            if path is not None:
                scripts[directory] = (kernel_dirs.read_script, path)
        answers = await self._survey.ask(scripts.values()) if scripts else {}

        def understand() -> dict[Entry, tuple[Foreign | None, Script | None]]:
            variables, runtime_dir = dict(os.environ), jupyter_runtime_dir()
            found: dict[Entry, tuple[Foreign | None, Script | None]] = {}
            known: dict[Entry, tuple[Script | None, Foreign | None]] = {}
            for directory, (entry, _) in entries.items():
                if entry.spec or entry.problem:
                    found[entry] = None, None
                    continue
                script = answers.get(scripts[directory]) if directory in scripts else None
                script = script if isinstance(script, Script) else None
                before = self._understood_before.get(entry)
                if before is not None and before[0] is script:
                    understood = before[1]
                else:
                    understood = foreign.understand(
                        entry.argv,
                        directory,
                        script.text if script else None,
                        variables={**variables, **entry.environment},
                        runtime_dir=runtime_dir,
                        interrupt_mode=entry.interrupt_mode,
                    )
                known[entry] = script, understood
                if understood is not None:
                    found[entry] = understood, script
            self._understood_before = known
            return found

        return await asyncio.to_thread(understand)

    def _questions(
        self, found: Mapping[Entry, tuple[Foreign | None, Script | None]]
    ) -> dict[Entry, dict[str, Question]]:
        """Return what has to be asked about each kernel."""
        asked: dict[Entry, dict[str, Question]] = {}
        for entry, (understood, _) in found.items():
            if entry.spec:
                asked[entry] = self._asked.get(entry) or self._about_ours(entry)
            else:
                asked[entry] = _about_foreign(understood) if understood else {}
            if entry.directory.rpartition("/")[0] != self._own_as_listed:
                asked[entry]["owner"] = (facts.owner, entry.directory)
        self._asked = asked
        return asked

    def _about_ours(self, entry: Entry) -> dict[str, Question]:
        assert entry.spec is not None  # noqa: S101
        record = entry.spec.record
        packages = self._packages.get(record.language, self._no_language)
        logs = record.log.rpartition("/")[0]
        asked: dict[str, Question] = {
            "image": (facts.image, record.image.path),
            "place": (facts.exists, facts.top(record.image.path)),
            "runtime": (facts.executable, record.runtime.path),
            "own": (packages.own, record.packages.path),
            "start": (facts.start, record.log),
            "checked": (facts.checked, f"{logs}/checked.json"),
        }
        if record.packages.shared:
            asked["shared"] = (packages.shared, record.packages.shared)
        runtime = self._session.runtimes.get(record.runtime.name)
        for name in runtime.programs if runtime else ():
            asked[f"program:{name}"] = (facts.program, name)
        for bind in record.binds:
            asked[f"bind:{bind.source}"] = (facts.exists, os.path.expanduser(bind.source))  # noqa: PTH111
        return asked


def _seen(questions: Mapping[str, Question], answers: Mapping[Question, Any]) -> dict[str, Any]:
    """Return answers by what was asked."""
    seen = {name: answers[each] for name, each in questions.items() if each in answers}
    # of folders that are mounted, not all were asked
    return seen | {name: None for name, each in questions.items() if name.startswith("bind:") and each not in answers}


def _about_foreign(understood: Foreign) -> dict[str, Question]:
    asked: dict[str, Question] = {}
    if understood.path:
        asked["image"] = (facts.image, understood.path)
        asked["place"] = (facts.exists, facts.top(understood.path))
    is_path = understood.program.startswith("/")
    asked["runtime"] = (facts.executable if is_path else facts.program, understood.program)
    for bind in understood.binds:
        if bind.source.startswith("/") and "$" not in bind.source and "`" not in bind.source:
            asked[f"bind:{bind.source}"] = (facts.exists, bind.source)
    return asked
