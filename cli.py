"""The command line. Its modules load only what the chosen command needs, when it needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from .commands import COMMANDS, Command
from .errors import GesticulateError, UsageError
from .interrupts import INTERRUPTED, Ended, end_as_interrupted

_DESCRIPTION = """Make the person in a photo speak and gesture to a speech recording.

Other commands (each with its own --help):
{commands}

Before any command: --debug shows where an error arose. Exit codes: 0 done, 1 failed, 2 wrong
arguments, 130 interrupted, 143 ended by SIGTERM, 129 by SIGHUP."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. argv: without the program's name."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    end_as_interrupted()
    # The networks and splines are small: threads that wait for work by spinning cost four times
    # the processor time of the work itself (70 ms instead of 19 ms a frame on two busy cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt as error:
        with suppress(OSError):  # after a SIGHUP the terminal is gone
            print("gesticulate: interrupted; no unfinished file was left.", file=sys.stderr)
        return error.exit_code if isinstance(error, Ended) else INTERRUPTED
    except BrokenPipeError:  # whoever read our output (head, less) has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        known = isinstance(error, GesticulateError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        hint = "" if known else "\nThis is unexpected; --debug shows where it arose."
        print(f"gesticulate: {message}{hint}", file=sys.stderr)
        return error.exit_code if isinstance(error, GesticulateError) else 1


def _dispatch(arguments: list[str]) -> int:
    """Choose the command by its first words; without one it is the main job."""
    if arguments[:1] == ["--version"]:
        from . import __version__

        print(f"gesticulate {__version__}")
        return 0
    for words, command in COMMANDS.items():
        if tuple(arguments[: len(words)]) == words:
            return _run(command, arguments[len(words) :], f"gesticulate {' '.join(words)}")
    choices = [words[1] for words in COMMANDS if arguments[:1] == [words[0]] and len(words) > 1]
    if choices:
        wanted = " or ".join(f"`gesticulate {arguments[0]} {choice}`" for choice in choices)
        if arguments[1:] in (["--help"], ["-h"]):
            print(f"Use {wanted}, each with its own --help.")
            return 0
        raise UsageError(f"Expected {wanted}.")
    return _run(COMMANDS["run",], arguments, "gesticulate", _description())


def _run(command: Command, arguments: list[str], prog: str, description: str | None = None) -> int:
    options = _load(command.options)
    parse = _parse_over_preset if command.from_preset else _parse
    _load(command.job)(parse(options, arguments, prog, description))
    return 0


def _load(place: str) -> Any:
    """What stands at "module:name" within the package."""
    module, _, name = place.partition(":")
    return getattr(import_module(f".{module}", __package__), name)


def _description() -> str:
    """What `gesticulate --help` says above the main job's options."""
    lines = [
        f"  gesticulate {' '.join(words):<22} {command.summary}"
        for words, command in COMMANDS.items()
        if words != ("run",)
    ]
    return _DESCRIPTION.format(commands="\n".join(lines))


def _parse(
    cls: Any,
    arguments: list[str],
    prog: str,
    description: str | None = None,
    default: Any = None,
) -> Any:
    """Options from the command line; --help and wrong arguments end the program (0 and 2)."""
    import tyro

    return tyro.cli(
        cls,
        args=arguments,
        prog=prog,
        description=description,
        default=tyro.MISSING_NONPROP if default is None else default,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.HelptextFromCommentsOff),
    )


def _parse_over_preset(
    cls: Any, arguments: list[str], prog: str, description: str | None = None
) -> Any:
    """Options from a preset (``--config NAME_OR_FILE``), single ones from the command line."""
    description = (
        f"{description or cls.__doc__}\n\n--config NAME_OR_FILE takes all options from a preset."
    )
    if "--config" not in arguments:
        return _parse(cls, arguments, prog, description)
    at = arguments.index("--config")
    if at + 1 == len(arguments):
        raise UsageError("--config needs the name of a preset or a YAML file.")
    from . import configs

    preset = configs.load(arguments[at + 1], cls)
    return _parse(cls, arguments[:at] + arguments[at + 2 :], prog, description, preset)
