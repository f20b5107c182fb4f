"""``cloudstate journal ...``: look into a journal, also while a runtime serves it; move and check what it holds.

Output is a table on a terminal and JSON lines elsewhere, or with ``--json``.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudstate.cli.project import NotCompiled, find_project

if TYPE_CHECKING:
    from cloudstate.runtime.app.inspection import Inspection
    from cloudstate.runtime.journal import Journal

HELP = "look into a journal: entities, events, states, dead letters; export, import and verify it"

Row = dict[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True)
    _verb(verbs, "ls", "list the entity types, or the entities of one", "TYPE?")
    _verb(verbs, "events", "show the events of an entity", "TYPE", "ID")
    state = _verb(verbs, "state", "show the state of an entity", "TYPE", "ID")
    state.add_argument("--at", metavar="SEQ|TIME", help="after so many events, or at a moment (2026-11-25T12:00:00Z)")
    diff = _verb(verbs, "diff", "show how the state of an entity has changed", "TYPE", "ID")
    diff.add_argument("--from", dest="since", metavar="SEQ|TIME", required=True, help="the state to begin with")
    diff.add_argument("--to", metavar="SEQ|TIME", help="the state to end with (default: as it is now)")
    _verb(verbs, "export", "write everything as JSON lines", "TYPE?")
    _verb(verbs, "import", "bring an export in; what is there is left alone", "FILE")
    _verb(verbs, "verify", "find gaps, and what the service cannot read; exit code 1 if there is any")
    letters = _verb(verbs, "dead-letters", "list the messages that were given up, or have them tried again")
    letters.add_argument("action", choices=["ls", "retry"], help="what to do")
    letters.add_argument("group", nargs="?", metavar="GROUP", help="of this consumer group (as `ls` names it)")
    letters.add_argument("number", nargs="?", type=int, metavar="NUMBER", help="this one (default: all of the group)")


def _verb(verbs: Any, name: str, text: str, *positions: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.add_argument("project", type=Path, metavar="PROJECT", help="the folder with service.yaml, compiled")
    for position in positions:
        optional, label = position.endswith("?"), position.rstrip("?")
        parser.add_argument(label.lower(), nargs="?" if optional else None, metavar=label)
    parser.add_argument(
        "--journal",
        metavar="URL",
        default=os.environ.get("CLOUDSTATE_JOURNAL"),
        help="its address (default: $CLOUDSTATE_JOURNAL, or what the spec's store says)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where `cloudstate compile --out` has written")
    parser.add_argument("--json", action="store_true", help="JSON lines, on a terminal too")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit code: 1 for findings and mistakes, 3 if the journal cannot be used."""
    from cloudstate.runtime.errors import ServiceInvalid
    from cloudstate.runtime.journal.errors import JournalError

    try:
        return asyncio.run(_VERBS[arguments.verb](arguments))
    except (NotCompiled, ServiceInvalid) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except JournalError as error:
        print(f"error: the journal cannot be used: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 3


@asynccontextmanager
async def _opened(arguments: argparse.Namespace, *, writing: bool = False) -> AsyncIterator[Inspection]:
    from cloudstate.runtime.app.inspection import Inspection
    from cloudstate.runtime.app.loading import load_functions
    from cloudstate.runtime.app.serve import default_journal
    from cloudstate.runtime.clock import SystemClock
    from cloudstate.runtime.description import load
    from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
    from cloudstate.runtime.journal import open_for_reading, open_journal

    project = find_project(arguments.project, arguments.out)
    description = load(project.generated)
    functions: dict[str, EmbeddedEventSourced] = {}
    if arguments.verb in ("state", "diff"):
        loaded = load_functions(description, project.generated, project.code)
        functions = {it.entity_type: it for it in loaded.entities if isinstance(it, EmbeddedEventSourced)}
    address = arguments.journal or default_journal(description, project.code)
    journal: Journal = (open_journal if writing else open_for_reading)(address, SystemClock())
    await journal.open()
    try:
        yield Inspection(journal, description, functions)
    finally:
        await journal.close()


async def _ls(arguments: argparse.Namespace) -> int:
    async with _opened(arguments) as seen:
        await _print(seen.types() if arguments.type is None else seen.entities(arguments.type), arguments)
    return 0


async def _events(arguments: argparse.Namespace) -> int:
    async with _opened(arguments) as seen:
        await _print(seen.events(_key(arguments)), arguments)
    return 0


async def _state(arguments: argparse.Namespace) -> int:
    async with _opened(arguments) as seen:
        row = await seen.state(_key(arguments), await _place(seen, arguments, arguments.at))
    print(json.dumps(row, indent=None if _is_for_machines(arguments) else 2, ensure_ascii=False))
    return 0


async def _diff(arguments: argparse.Namespace) -> int:
    async with _opened(arguments) as seen:
        places = [await _place(seen, arguments, text) for text in (arguments.since, arguments.to)]
        rows = [await seen.state(_key(arguments), place) for place in places]
    before, after = (json.dumps(row["state"], indent=2, sort_keys=True, ensure_ascii=False).split("\n") for row in rows)
    names = [f"{row['type']} {row['id']} after {row['sequence']} events" for row in rows]
    for line in difflib.unified_diff(before, after, names[0], names[1], lineterm=""):
        print(line)
    return 0


async def _export(arguments: argparse.Namespace) -> int:
    async with _opened(arguments) as seen:
        async for row in seen.export(arguments.type):
            print(json.dumps(row, ensure_ascii=False))
    return 0


async def _import(arguments: argparse.Namespace) -> int:
    from cloudstate.runtime.app.inspection import take_in

    async with _opened(arguments, writing=True) as seen:
        written, known = await take_in(seen.journal, _lines(Path(arguments.file)))
    print(f"{written} rows written, {known} were there")
    return 0


async def _verify(arguments: argparse.Namespace) -> int:
    found = 0

    async def counted(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        nonlocal found
        async for row in rows:
            found += 1
            yield row

    async with _opened(arguments) as seen:
        await _print(counted(seen.verify()), arguments)
    print(f"{found or 'no'} problem{'' if found == 1 else 's'}", file=sys.stderr)
    return 1 if found else 0


async def _dead_letters(arguments: argparse.Namespace) -> int:
    from cloudstate.runtime.errors import ServiceInvalid
    from cloudstate.runtime.eventing.bookkeeping import DEAD_LETTER, DeadLetters

    is_retry = arguments.action == "retry"
    if is_retry and arguments.group is None:
        raise ServiceInvalid("whose dead letters are to be tried again?", help="name the group, as `ls` does")
    asked = 0
    async with _opened(arguments, writing=is_retry) as seen:
        groups = [arguments.group] if arguments.group else [key.id async for key in seen.keys(DEAD_LETTER)]
        rows: list[Row] = []
        for group in groups:
            dead = DeadLetters(seen.journal, group)
            await dead.load()
            for number, letter in sorted(dead.letters.items()):
                if arguments.number not in (None, number):
                    continue
                if is_retry:
                    await dead.ask_again(number)
                    asked += 1
                row = {"group": group, "number": number, "id": letter.id, "source": letter.source, "type": letter.type}
                rows.append({**row, "attempts": letter.attempts, "reason": letter.reason})
    if is_retry:
        print(f"{asked} dead letters will be tried again by the consumer")
    else:
        await _print(_each(rows), arguments)
    return 0


def _key(arguments: argparse.Namespace) -> Any:
    from cloudstate.runtime.journal import EntityKey

    return EntityKey(arguments.type, arguments.id)


async def _place(seen: Inspection, arguments: argparse.Namespace, text: str | None) -> int | None:
    """A number of events, as itself or as a moment.

    Raises:
        ServiceInvalid: the text is neither.
    """
    from cloudstate.runtime.errors import ServiceInvalid

    if text is None or text.isdigit():
        return None if text is None else int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ServiceInvalid(
            f"`{text}` is neither a number of events nor a time", help="write for example 17 or 2026-11-25T12:00:00Z"
        ) from None
    return await seen.sequence_at(_key(arguments), moment if moment.tzinfo else moment.replace(tzinfo=UTC))


async def _lines(path: Path) -> AsyncIterator[Row]:
    from cloudstate.runtime.errors import ServiceInvalid

    with path.open() as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ServiceInvalid(f"{path}:{number}: not a line of JSON", help="give what `export` wrote") from error
            yield row


async def _each(rows: list[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row


def _is_for_machines(arguments: argparse.Namespace) -> bool:
    return bool(arguments.json) or not sys.stdout.isatty()


async def _print(rows: AsyncIterator[Row], arguments: argparse.Namespace) -> None:
    if _is_for_machines(arguments):
        async for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    table = [{name: _cell(value) for name, value in row.items()} async for row in rows]
    names = list(dict.fromkeys(name for row in table for name in row))
    widths = {name: max(len(name), *(len(row.get(name, "")) for row in table)) for name in names}
    for line in ({name: name for name in names}, *table) if table else ():
        print("  ".join(line.get(name, "").ljust(widths[name]) for name in names).rstrip())


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_VERBS: dict[str, Callable[[argparse.Namespace], Coroutine[Any, Any, int]]] = {
    "ls": _ls,
    "events": _events,
    "state": _state,
    "diff": _diff,
    "export": _export,
    "import": _import,
    "verify": _verify,
    "dead-letters": _dead_letters,
}
