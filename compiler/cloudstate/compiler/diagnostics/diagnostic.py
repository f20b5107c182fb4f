"""A finding as a value: what is wrong, where, why, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cloudstate.compiler.source import Span


class Severity(StrEnum):
    """How bad it is. Only errors keep the compiler from writing; ``bug`` is a defect of the compiler itself."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Code:
    """An entry of the catalogue: one kind of finding.

    Attributes:
        id: stable code, e.g. ``CS2004``; its first digit is the phase (``codes.py``).
        name: stable kebab name, e.g. ``unknown-command``.
        severity: how bad findings of this kind are.
        template: the message, with ``{placeholders}`` for the things that it names.
    """

    id: str
    name: str
    severity: Severity
    template: str

    def at(self, span: Span, label: str = "", **names: object) -> Diagnostic:
        """A finding of this kind at ``span``; ``label`` says what stands there."""
        return Diagnostic(self, self.template.format(**names), (Label(span, label),))


@dataclass(frozen=True, slots=True)
class Label:
    """A marked stretch of source and what is to be said about it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that would help: the text at ``span`` becomes ``replacement``."""

    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: its kind.
        message: what is wrong, in one line: lower case, no full stop.
        labels: where; the first is the primary one.
        notes: facts that explain it.
        helps: what to do, in the imperative.
        edits: the same as changes that a tool can make.
    """

    code: Code
    message: str
    labels: tuple[Label, ...]
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.code.severity

    @property
    def span(self) -> Span:
        """Where it is."""
        return self.labels[0].span

    @property
    def sort_key(self) -> tuple[object, ...]:
        """Orders findings by file, offset and code; the rest only makes the order total."""
        span = self.span
        return (span.source.name, span.start, self.code.id, span.end, self.message)

    def also(self, span: Span, text: str) -> Diagnostic:
        """This finding with another place marked."""
        return replace(self, labels=(*self.labels, Label(span, text)))

    def note(self, text: str) -> Diagnostic:
        """This finding with another fact."""
        return replace(self, notes=(*self.notes, text))

    def help(self, text: str) -> Diagnostic:
        """This finding with another advice."""
        return replace(self, helps=(*self.helps, text))

    def edit(self, span: Span, replacement: str) -> Diagnostic:
        """This finding with a change that would mend it."""
        return replace(self, edits=(*self.edits, Edit(span, replacement)))

    def did_you_mean(self, wanted: str, written: Span | None = None) -> Diagnostic:
        """This finding with a correction of the spelling; "" leaves it as it is."""
        if not wanted:
            return self
        suggested = self.help(f"did you mean `{wanted}`?")
        return suggested.edit(written, wanted) if written else suggested
