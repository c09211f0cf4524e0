"""The command line's root: finds commands when they are needed, and turns errors into a line and an exit code."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

import click

from ..errors import CODES, DlsError, InputError
from . import streams
from .common import NoTerminal

EPILOG = """Exit codes: 0 done, 1 unexpected, 2 usage, 3 bad input, 4 the statement does not hold, 5 a tool is missing or
failed, 6 a built file is damaged or missing, 7 a proof does not verify, 8 an insecure key, 9 the chain refused, 10 a vault
is stale, 11 prove again from new terms, 12 some of many were not accepted, 75 run the same command again later; ended by a
signal: 129 SIGHUP, 130 SIGINT, 143 SIGTERM. Under --json a failure is one JSON object with a code."""

#: Commands: name → the module with the function of this name (``-`` is ``_``) and the first line of its help, so that
#: ``--help`` imports none of them. A test holds the lines against the commands.
COMMANDS = {
    "attest": ("attest", "Attest what you hold of a vault's book, without showing it."),
    "audit": ("audit", "Check what an operator has disclosed to you."),
    "chain": ("chain", "Run a local chain for development."),
    "check": ("check", "Decide the twenty checks, without a circuit."),
    "circuits": ("circuits", "Compile the circuits."),
    "demo": ("demo", "Run the whole story on a local chain."),
    "deploy": ("deploy", "Deploy all contracts and the verifying keys of the given sizes."),
    "disclose": ("disclose", "Disclose a book to an auditor, or prove a covenant to a lender."),
    "doctor": ("doctor", "Show every tool, its version, and how to get what is missing."),
    "export": ("export", "Export verifiers, verifying keys and calldata for chains and other tools."),
    "journal": ("journal", "Show what was signed on this machine, on all chains, and what became of it."),
    "opening": ("opening", "Openings, the secret files that move a vault: list, find, show and verify them."),
    "oracle": ("oracle", "Add price feeds, take snapshots of their prices, and show them."),
    "policy": ("policy", "Lint, register, show and compare policies."),
    "prove": ("proofs", "Prove a rebalance and write the proof."),
    "reconcile": ("reconcile", "Prove that the book is what its venues' attestors hold."),
    "setup": ("setup", "Make keys, for development or for value."),
    "submit": ("submit", "Submit one or many rebalances, each exactly once."),
    "vault": ("vault", "Open a vault, read its state, and act on it."),
    "verify": ("proofs", "Verify a proof, by one verifier or by all."),
    "watch": ("watch", "Print the events of vaults and of their share tokens as they come, a line each."),
}


class Commands(click.Group):
    """Imports a command when it is run, and turns every failure into a line on stderr and its exit code; see ``_fail``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[name][0]}", __package__)
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _Signalled("interrupted") from None

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> Any:
        """Run the command line ``args``, the process's if None, and end the process."""
        words = sys.argv[1:] if args is None else list(args)
        streams.prepare()
        try:
            ended = super().main(words, prog_name, **extra | {"standalone_mode": False})
        except DlsError as error:
            failure = error
        except click.UsageError as error:
            error.show()
            failure = DlsError(error.format_message(), code="usage")
            if isinstance(error, NoTerminal):
                failure.document = error.document
            _fail(failure, words, said=True)
        except click.Abort:  # at a prompt
            failure = DlsError("interrupted", code="interrupted")
        except _Signalled as signalled:
            failure = DlsError(signalled.name.replace("_", " "), code=signalled.name)
        except OSError as error:  # a full disk, a folder that may not be written: no bug
            said, path = error.strerror or type(error).__name__, str(error.filename or "a file")
            failure = InputError(said, path, code="file_unusable")
        except Exception as error:  # a bug: say where, and nothing of what was being worked on
            if os.environ.get("DLS_ZK_TRACEBACK"):
                raise
            failure = DlsError(
                f"unexpected {type(error).__name__} at {_place(error)}; set DLS_ZK_TRACEBACK=1 to see it (may show secrets)"
            )
        else:
            sys.exit(ended if isinstance(ended, int) else 0)
        _fail(failure, words)


_SIGNALS = {signal.SIGTERM: "terminated", signal.SIGHUP: "hung_up"}


class _Signalled(SystemExit):
    """A signal asks the process to end: as on an error, so that temporary files go too."""

    def __init__(self, name: str):
        super().__init__(CODES[name].exit_code)
        self.name = name


def _end(number: int, _: object) -> NoReturn:
    raise _Signalled(_SIGNALS[signal.Signals(number)])


def _fail(failure: DlsError, words: Sequence[str], *, said: bool = False) -> NoReturn:
    """End with a line on stderr, unless click has said it, and with a JSON object (in one line, as
    ``watch`` prints its events) on stdout if the words ask for JSON."""
    shown = failure.as_json()
    if not said:
        click.echo(f"error: {shown['message']}", err=True)
    if _wants_json(words):
        click.echo(json.dumps({"error": shown, **failure.document}))
    sys.exit(failure.exit_code)


def _wants_json(words: Sequence[str]) -> bool:
    """Whether the words ask for JSON on stdout: of a command that can print it, or of one that does not exist."""
    options = list(takewhile(lambda word: word != "--", words))
    command: click.Command | None = main
    for word in options:
        if isinstance(command, click.Group) and not word.startswith("-"):
            command = command.get_command(click.Context(command), word)
    can = isinstance(command, click.Group | None) or any(
        isinstance(option, click.Option) and option.is_flag and "--json" in option.opts for option in command.params
    )
    return can and "--json" in options


def _place(error: BaseException) -> str:
    """File and line where an error was raised."""
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    return f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "?"


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dls-zk")
def main() -> None:
    """Prove that a hidden vault rebalance conserves value and keeps every public risk limit."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, _end)
