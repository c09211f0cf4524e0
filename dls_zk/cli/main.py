"""The command line's root: finds commands when they are needed, and turns errors into a line and an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click

from ..errors import DlsError, InputError

EPILOG = """Exit codes: 0 done, 1 unexpected, 2 usage, 3 bad input, 4 the statement does not hold, 5 a tool is missing or
failed, 6 a built file is damaged or missing, 7 a proof does not verify, 8 an insecure key, 9 the chain, 10 a vault is
stale, 130 interrupted."""

#: Commands: name → the module with the function of this name (``-`` is ``_``) and the first line of its help, so that
#: ``--help`` imports none of them. A test holds the lines against the commands.
COMMANDS = {
    "chain": ("chain", "A local chain for development."),
    "check": ("proofs", "Decide the twenty checks, without a circuit."),
    "circuits": ("circuits", "Compile the circuits."),
    "demo": ("demo", "The whole story on a local chain."),
    "deploy": ("deploy", "Put all contracts and the keys of these sizes on a chain."),
    "doctor": ("doctor", "Show every tool, its version, and how to get what is missing."),
    "export": ("export", "Export what chains and other tools need."),
    "oracle": ("oracle", "Price feeds and their snapshots."),
    "policy": ("policy", "Policies on a chain: register, read back, compare, and move a vault to another."),
    "prove": ("proofs", "Prove a rebalance and write the proof."),
    "setup": ("setup", "Make keys, for development or for value."),
    "submit": ("submit", "Submit rebalances, one or many, each once."),
    "vault": ("vault", "Vaults: open, look at, and act on."),
    "verify": ("proofs", "Verify a proof, by one verifier or by all."),
    "watch": ("watch", "Print what happens to vaults as it happens, a line for each event."),
}


class Commands(click.Group):
    """Imports a command when it is run, and turns our errors into one line on stderr and their exit code."""

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
        except DlsError as error:
            _fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            _fail("interrupted", 130)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except OSError as error:  # a full disk, a folder that may not be written: no bug
            _fail(f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}", InputError.exit_code)
        except Exception as error:  # a bug: say where, and nothing of what was being worked on
            if os.environ.get("DLS_ZK_TRACEBACK"):
                raise
            last = error.__traceback__
            while last and last.tb_next:
                last = last.tb_next
            place = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "?"
            _fail(f"unexpected {type(error).__name__} at {place}; set DLS_ZK_TRACEBACK=1 to see it (may show secrets)", 1)


def _fail(message: str, code: int) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(code)


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dls-zk")
def main() -> None:
    """Prove that a hidden vault rebalance conserves value and keeps every public risk limit."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):  # end as on an error, so that temporary files go too
            signal.signal(number, lambda received, _: sys.exit(128 + received))
