"""The command `endcap`: finds the groups of commands, and turns errors into one clear message.

A group is a module of this folder with ``register(app)``; adding one touches no other file.
Modules import what is heavy inside their commands, so that ``endcap --help`` is quick.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from importlib import metadata
from typing import Annotated

import typer

from endcap import cli
from endcap.cli.output import failure

LINE = ("data", "doctor", "learn", "tune", "answer", "service", "schedule")
"""Groups in the order in which a shop needs them, as ``--help`` lists them; others come after."""

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def build() -> typer.Typer:
    """The program with the commands of all groups."""
    app = typer.Typer(
        name="endcap",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_about)
    names = [module.name for module in pkgutil.iter_modules(cli.__path__)]
    for name in sorted(names, key=lambda name: LINE.index(name) if name in LINE else len(LINE)):
        register = getattr(importlib.import_module(f"{cli.__name__}.{name}"), "register", None)
        if register is not None:
            register(app)
    return app


def _version(asked: bool) -> None:
    if asked:
        print(metadata.version("endcap"))
        raise typer.Exit


def _about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A product recommender that a shop runs itself: from its log to live recommendations.

    Options stand behind the command, such as `endcap prepare --shop DIR`.
    """


def run(arguments: list[str] | None = None) -> int:
    """Run a command line; what the exit code means stands above."""
    try:
        build()(args=arguments, prog_name="endcap")
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else FAILED
        return _interrupted() if code == INTERRUPTED else code
    except KeyboardInterrupt:
        return _interrupted()
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # as DuckDB calls a Ctrl-C
            raise
        return _interrupted()
    except Exception as error:
        if (why := failure(error)) is None:
            raise
        print(f"Error: {why}", file=sys.stderr)
        return FAILED
    return DONE


def _interrupted() -> int:
    print("Interrupted; run the same command again to go on.", file=sys.stderr)
    return INTERRUPTED


def main() -> None:
    """The console script."""
    sys.exit(run())
