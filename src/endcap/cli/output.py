"""What commands have in common: their options, progress, and how they answer.

The answer goes to standard output, once; all else goes to standard error.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.pace import Pace
from endcap.errors import EndcapError, SourceError, StateError
from endcap.tables.atomic import atomic

if TYPE_CHECKING:
    from rich.console import Console

    from endcap.config import Shop
    from endcap.types import Report

LINE_SECONDS = 10
"""Between two lines of progress where no bar can be drawn."""

ShopOption = Annotated[
    Path | None,
    typer.Option(
        "--shop", metavar="DIR", help="The shop folder; $ENDCAP_SHOP or else this one if not given."
    ),
]
ReleaseOption = Annotated[
    str | None, typer.Option("--release", metavar="ID", help="The live one where not given.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output.")
]


def given_id(text: str | None) -> str | None:
    """An id as it stands. Raises typer.BadParameter for an empty one, as a script has it whose
    variable is not set: nobody is called so, and to forget nobody would look like success."""
    if text is not None and not text.strip():
        raise typer.BadParameter("is empty, expected an id")
    return text


def shop_folder(given: Path | None) -> Path:
    """The folder that ``--shop`` names, else ``$ENDCAP_SHOP``, else the current one."""
    return given or Path(os.environ.get("ENDCAP_SHOP") or ".")


def open_shop(
    given: Path | None,
    changes: Iterable[str] = (),
    *,
    file: Path | None = None,
    new: bool = False,
) -> Shop:
    """The shop in that folder. changes: as ``--set`` has them. file: instead of its endcap.toml.

    new: whether the folder may be one that is still to be made; else a name that was typed wrong
    would be an empty shop. Raises StateError.
    """
    from endcap.config import Shop

    folder = shop_folder(given)
    if not new and not folder.is_dir():
        raise StateError(f"There is no shop folder {folder}", mend="Run `endcap init` first")
    return Shop.open(folder, changes, file=file)


def answer(value: Any, as_json: bool, show: Callable[[Any, Console], None]) -> None:
    """Print the answer of a command: as JSON, or as `show` draws it for people. Texts stand as
    they are: a title may have what looks like markup."""
    from rich.console import Console

    if as_json:
        print(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(value, Console(markup=False))


@contextmanager
def progress() -> Iterator[Report]:
    """A bar on standard error while work goes on; in a log, a line every now and then.

    Both tell how much longer the work under way will take, at the pace so far. Of several
    processes that torchrun starts, the first alone tells.
    """
    if os.environ.get("RANK", "0") != "0":
        yield lambda step, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(LINE_SECONDS)
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True, min_width=13)),
        console=console,
        transient=True,
    )
    with bar:
        task, pace = bar.add_task("", total=1.0, left=""), Pace()

        def report(step: str, share: float) -> None:
            left = pace.left(step, share, time.monotonic())
            bar.update(task, description=step, completed=share, left=left)

        yield report


def _lines(pause: float) -> Report:
    """A line for what is being done, at most one in `pause` seconds."""
    last, pace = time.monotonic(), Pace()

    def report(step: str, share: float) -> None:
        nonlocal last
        now = time.monotonic()
        left = pace.left(step, share, now)
        if now - last >= pause:
            last = now
            print(f"{share:4.0%}  {step}{left and ','}{left}", file=sys.stderr, flush=True)

    return report


def columns(rows: Mapping[str, str], *, title: str) -> Any:
    """A small table of two columns, for `Console.print`."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
    for name, value in rows.items():
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """``5,10,20`` as numbers. Raises typer.BadParameter (wrong usage)."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(f"{text!r} is not a list of whole numbers", param_hint=option)
    return numbers


def key_and_value(text: str) -> tuple[str, str]:
    """``KEY=VALUE``, parted. Raises typer.BadParameter (wrong usage)."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--set")
    return key.strip(), value


def check_table(path: Path) -> None:
    """Refuse a file that `write_table` could not write, before hours of work. Raises SourceError,
    OSError."""
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise SourceError(f"{path} ends in {path.suffix!r}", expected=".parquet or .csv")
    if path.is_dir():
        raise SourceError(f"{path} is a folder", expected="a file")
    path.parent.mkdir(parents=True, exist_ok=True)


def write_table(table: Any, path: Path) -> None:
    """Write a table as Parquet or CSV, by the file's ending; whole or not at all."""
    import pyarrow.csv
    import pyarrow.parquet

    check_table(path)
    csv = path.suffix.lower() == ".csv"
    with atomic(path) as draft:
        (pyarrow.csv.write_csv if csv else pyarrow.parquet.write_table)(table, draft)


def failure(error: Exception) -> str | None:
    """What an error says that is no defect of ours, None for one that is. A full disk, a missing
    permission and a database that is away are no defects."""
    if isinstance(error, EndcapError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):  # of a command line or a terminal
        wrong = error.object[error.start : error.end]
        return f"{wrong!r} can't be written as {error.encoding}. Set PYTHONUTF8=1, and give UTF-8."
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}"
    store = sys.modules.get("sqlalchemy.exc")  # not imported for this
    if store is not None and isinstance(error, store.SQLAlchemyError):
        from endcap.store.address import cause

        return f"The store can't be used: {cause(error)}"
    return None


def account() -> str:
    """Who gives the commands, for what is written down: the account on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return str(os.getuid())


def written_down(shop: Shop, action: str, what: str) -> None:
    """Note in the shop's store an administrative action that has been done. Where it can't be
    noted, it is done all the same."""
    from sqlalchemy.exc import SQLAlchemyError

    from endcap.store.address import shown
    from endcap.store.keys import Keys

    try:
        with closing(Keys.open(shop.live)) as keys:
            keys.note(account(), action, what)
    except SQLAlchemyError as error:
        print(f"Done, but it can't be noted in {shown(shop.live)}: {error}", file=sys.stderr)
