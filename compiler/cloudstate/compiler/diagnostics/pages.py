"""The pages that explain findings: one Markdown file per code, shipped with the package."""

from __future__ import annotations

from importlib import resources

from cloudstate.compiler.diagnostics.diagnostic import Code


def page(code: Code) -> str:
    """The page of a code.

    Raises:
        FileNotFoundError: the catalogue has a code without a page: a defect.
    """
    return (resources.files("cloudstate.compiler.diagnostics") / "explain" / f"{code.id}.md").read_text(
        encoding="utf-8"
    )
