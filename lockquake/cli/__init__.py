"""The command line: ``lockquake run | campaign | claims | check | export | list | images | doctor``.

Commands are imported when they are called, so that ``lockquake --help`` is quick and needs no Docker.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

COMMANDS = {
    "run": "Run one nucleus under faults and judge what its clients saw.",
    "campaign": "Run a file of plans with expectations.",
    "claims": "Show what is claimed of locks, or hold it against real trials.",
    "check": "Judge recorded histories again, from the files alone.",
    "conform": "Test whether a lock's adapter keeps the contract, call by call.",
    "export": "Write a history as Jepsen would, for other checkers.",
    "list": "Show the locks, clusters, faults and workloads there are.",
    "images": "Show the container images that are needed, and bring them.",
    "servers": "Show the servers that run here without Docker, and bring what needs no root.",
    "doctor": "Say what can run on this machine, and what would change that.",
}
EXIT_HELP = """Exit codes: 0 all valid · 1 a violation · 2 unknown · 3 harness error · 4 nothing was tested ·
64 bad arguments · 130/143 interrupted."""
BAD_ARGUMENTS = 64


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"lockquake.cli.{cmd_name.replace('list', 'listing')}")
        command: click.Command = getattr(module, "command", None) or getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, epilog=EXIT_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lockquake")
def cli() -> None:
    """Which failures let two holders into your distributed lock? Lockquake breaks things while clients hold it, and
    proves from the recorded history what happened."""


def main(argv: list[str] | None = None) -> Any:
    """Entry point: runs the command line and exits with the documented codes."""
    from lockquake.siblings import Stranger, require_ours

    try:
        require_ours()
    except Stranger as error:
        sys.exit(_fail(error, 3))
    from faults.grammar import BadArgument
    from histories.read import HistoryError
    from nuclei.locks.loading import LoadError
    from nuclei.platforms.base import HarnessError, Unsupported
    from nuclei.registry import UnknownName

    try:
        code = cli.main(args=argv, standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = BAD_ARGUMENTS
    except (BadArgument, UnknownName, LoadError) as error:
        code = _fail(error, BAD_ARGUMENTS)
    except HistoryError as error:
        code = _fail(error, 3)
    except HarnessError as error:
        code = _fail(error, 3)
    except Unsupported as error:
        code = _fail(error, 4)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = 130
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        code = _fail(f"the system refused ({what}); look at its permissions and at the free space, or use --runs", 3)
    except Exception as error:
        if os.environ.get("LOCKQUAKE_DEBUG"):
            raise
        where = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        code = _fail(f"this is a bug in lockquake ({where}); LOCKQUAKE_DEBUG=1 shows where, please report it", 3)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: Exception | str, code: int) -> int:
    click.echo(f"lockquake: {error}", err=True)
    return code
