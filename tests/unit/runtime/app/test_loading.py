"""What does not fit between a compiled service and the author's code is said clearly, with the place and a way out."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.front_door.protos import compile_protos

from cloudstate.runtime.app.loading import Functions, load_functions
from cloudstate.runtime.description import CommandDescription, EntityDescription, Model, Schema, ServiceDescription
from cloudstate.runtime.errors import ServiceInvalid

NAMES = (f"author_{number}" for number in itertools.count())

Load = Callable[..., Functions]

PROTO = """
syntax = "proto3";
package test;
import "google/type/money.proto";
service Account {
  rpc Deposit(google.type.Money) returns (google.type.Money);
  rpc Close(google.type.Money) returns (google.type.Money);
  rpc Audit(google.type.Money) returns (google.type.Money);
}
service Sums { rpc Negate(google.type.Money) returns (google.type.Money); }
"""


def commands(*names: str) -> tuple[CommandDescription, ...]:
    return tuple(CommandDescription(name, "google.type.Money", "google.type.Money") for name in names)


ACCOUNT = EntityDescription("test.Account", Model.EVENT_SOURCED, "account", commands("Deposit"))


@functools.cache
def schema() -> Schema:
    return Schema(compile_protos(accounts=PROTO).file)


def described(entity: EntityDescription, implementation: str) -> ServiceDescription:
    return ServiceDescription("accounts", (replace(entity, implementation=implementation),), schema())


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module that no other test has; the module path and the loaded modules are put back."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = next(NAMES)
    yield name
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == name]:
        del sys.modules[loaded]


@pytest.fixture
def load(module: str, tmp_path: Path) -> Load:
    """Load the account whose class is ``Account`` of a module with this text."""

    def load(text: str, entity: EntityDescription = ACCOUNT, name: str = module) -> Functions:
        (tmp_path / f"{module}.py").write_text(text)
        return load_functions(described(entity, f"{name}.Account"), tmp_path / "generated", tmp_path)

    return load


def refusal(load: Load, text: str, entity: EntityDescription = ACCOUNT) -> ServiceInvalid:
    with pytest.raises(ServiceInvalid) as refused:
        load(text, entity)
    return refused.value


def test_the_class_is_made_and_bound(load: Load) -> None:
    functions = load("from tests.unit.runtime.accounts import Account")
    assert [function.service for function in functions.entities] == ["test.Account"]
    assert functions.actions == ()


def test_actions_are_kept_apart(load: Load) -> None:
    sums = EntityDescription("test.Sums", Model.ACTION, "", commands("Negate"))
    functions = load("from tests.unit.runtime.accounts import Sums as Account", sums)
    assert [function.service for function in functions.actions] == ["test.Sums"]
    assert functions.entities == ()


def test_no_such_module(load: Load, module: str, tmp_path: Path) -> None:
    with pytest.raises(ServiceInvalid) as refused:
        load("", name=f"{module}_other")
    assert refused.value.args[0] == (
        f"there is no module `{module}_other` in {tmp_path}, which the spec names for `test.Account`"
    )
    assert refused.value.help == f"write {module}_other.py, or mend `class:` in the spec"


def test_no_such_package(load: Load, module: str) -> None:
    with pytest.raises(ServiceInvalid) as refused:
        load("", name=f"{module}_other.accounts.account")
    assert str(refused.value).startswith(f"there is no module `{module}_other.accounts.account` in ")
    assert refused.value.help == f"write {module}_other/accounts/account.py, or mend `class:` in the spec"


def test_no_such_class(load: Load, module: str) -> None:
    refused = refusal(load, "Account = 1")
    assert refused.args[0] == f"module `{module}` has no class `Account`, which the spec names for `test.Account`"
    assert refused.help == "write `class Account` there, or mend `class:` in the spec"


def test_a_module_that_needs_another(load: Load, module: str, tmp_path: Path) -> None:
    refused = refusal(load, "\nimport surely_not_there")
    assert refused.args[0] == (
        f"module `{module}` cannot be imported (at {tmp_path / module}.py:2): "
        "ModuleNotFoundError: No module named 'surely_not_there'"
    )


def test_a_module_that_python_cannot_read(load: Load, module: str, tmp_path: Path) -> None:
    refused = refusal(load, "class Account\n")
    assert refused.args[0].startswith(f"module `{module}` cannot be imported (at {tmp_path / module}.py:1): SyntaxErr")


def test_a_module_that_fails(load: Load, module: str, tmp_path: Path) -> None:
    refused = refusal(load, "def ratio():\n    return 1 / 0\nratio()\n")
    assert refused.args[0] == (
        f"module `{module}` cannot be imported (at {tmp_path / module}.py:2): ZeroDivisionError: division by zero"
    )
    assert isinstance(refused.__cause__, ZeroDivisionError)


def test_the_place_is_told_where_the_project_is_named_from_here(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{module}.py").write_text("raise ValueError('no')")
    with pytest.raises(ServiceInvalid, match=rf"cannot be imported \(at \S+{module}.py:1\): ValueError: no"):
        load_functions(described(ACCOUNT, f"{module}.Account"), Path("generated"), Path())


def test_a_class_that_is_no_entity(load: Load, module: str) -> None:
    refused = refusal(load, "class Account: pass")
    assert refused.args[0] == f"`{module}.Account` is not an entity"
    assert refused.help == "derive it from the generated base class of `test.Account`"


def test_a_class_that_lacks_handlers(load: Load, module: str) -> None:
    refused = refusal(
        load,
        "from abc import ABC, abstractmethod\n"
        "class Base(ABC):\n"
        "    @abstractmethod\n"
        "    def withdraw(self): ...\n"
        "    @abstractmethod\n"
        "    def deposit(self): ...\n"
        "class Account(Base): pass\n",
    )
    assert refused.args[0] == f"`{module}.Account` does not implement `deposit`, `withdraw`"
    assert refused.help == "write these methods; their signatures are in the generated base class"


def test_a_class_that_cannot_be_made(load: Load, module: str, tmp_path: Path) -> None:
    refused = refusal(load, "class Account:\n    def __init__(self):\n        {}['rate']\n")
    assert refused.args[0] == f"`{module}.Account()` failed (at {tmp_path / module}.py:3): KeyError: 'rate'"


def test_a_class_that_wants_arguments(load: Load, module: str) -> None:
    refused = refusal(load, "class Account:\n    def __init__(self, database): ...\n")
    assert refused.args[0].startswith(f"`{module}.Account()` failed: TypeError: ")
    assert refused.help == "the runtime makes one object of the class at start, without arguments"


def test_a_class_of_another_service(load: Load, module: str) -> None:
    refused = refusal(load, "from tests.unit.runtime.accounts import Note as Account")
    assert refused.args[0] == f"`{module}.Account` implements `test.Note`, the spec wants `test.Account`"


def test_generated_code_that_is_older_than_the_service(load: Load) -> None:
    newer = replace(ACCOUNT, commands=commands("Deposit", "Close", "Audit"))
    refused = refusal(load, "from tests.unit.runtime.accounts import Account", newer)
    assert refused.args[0] == "the generated code of `test.Account` does not know `Audit`, `Close`"
    assert refused.help == "it is older than the compiled service: run `cloudstate compile`"
