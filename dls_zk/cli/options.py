"""How a command reaches a chain: its options, and what it opens with them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import files
from ..errors import InputError
from ..statement.deployment import Deployment
from ..storage import places
from .common import FILE
from .params import Seconds
from .stages import Stages

if TYPE_CHECKING:
    from ..chain import Chain, Protocol, Sender, Signer

DEFAULT_RPC = "http://127.0.0.1:8545"
#: Blocks that hold or follow a transaction before it counts, on other chains than local development chains.
CONFIRMATIONS = 3


def _listed(_: click.Context, __: click.Parameter, urls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(url for text in urls for url in text.split(",") if url)


_CHAIN = [
    click.option(
        "--rpc",
        "rpcs",
        metavar="URL",
        envvar="DLS_ZK_RPC",
        multiple=True,
        default=(DEFAULT_RPC,),
        show_default=DEFAULT_RPC,
        callback=_listed,
        help="Node; repeat it, or separate with commas, for nodes that take over when the first fails ($DLS_ZK_RPC).",
    ),
    click.option(
        "--timeout",
        "timeout_s",
        metavar="SECONDS",
        type=Seconds(0.1, 600),
        envvar="DLS_ZK_TIMEOUT",
        default=15.0,
        show_default="15",
        help="Longest time for one question to the nodes, repeats included ($DLS_ZK_TIMEOUT).",
    ),
    click.option(
        "--deployment",
        type=FILE,
        envvar="DLS_ZK_DEPLOYMENT",
        default="deployment.json",
        show_default=True,
        help="File with the addresses of the contracts ($DLS_ZK_DEPLOYMENT).",
    ),
]
_CEREMONY = [
    click.option(
        "--ceremony",
        "final_keys",
        type=FILE,
        multiple=True,
        help="Final key of a ceremony: verify its transcript, and that it is the deployed key; repeat it for several keys.",
    ),
    click.option("--ptau", type=FILE, help="Powers of tau that the ceremony started from, for --ceremony."),
    click.option("--ptau-blake2b", help="blake2b-512 (hex) of a ptau file of a power that has no pinned hash."),
]
_SIGNER = [
    click.option("--keystore", type=FILE, help="Ethereum keystore file to sign with."),
    click.option(
        "--password-file",
        type=FILE,
        help="File with the keystore's password [default: $DLS_ZK_KEYSTORE_PASSWORD, or a prompt].",
    ),
    click.option("--signer", metavar="URL", help="Program that holds the key and signs over JSON-RPC."),
    click.option("--from", "account", metavar="ADDRESS", help="Account of the signer or of a local development node."),
]
_SIGNING = [
    *_SIGNER,
    click.option(
        "--confirmations", type=click.IntRange(1), help="Confirmations to wait for [default: 3; 1 on a local chain]."
    ),
    click.option("--max-fee", metavar="GWEI", type=click.IntRange(1), help="Maximum fee per gas, in gwei [default: 500]."),
]


@dataclass(frozen=True)
class Access:
    """What the options say of chain and signer."""

    stages: Stages
    rpcs: tuple[str, ...]
    timeout_s: float
    deployment: Path
    keystore: Path | None = None
    password_file: Path | None = None
    signer: str | None = None
    account: str | None = None
    confirmations: int | None = None
    max_fee: int | None = None
    senders: list[Sender] = field(default_factory=list)

    def chain(self) -> Chain:
        """The chain that the node is on."""
        from .. import chain

        return chain.connect(*self.rpcs, timeout_s=self.timeout_s)

    def protocol(self) -> Protocol:
        """The contracts of the deployment file."""
        from .. import chain

        return chain.Protocol.on(self.chain(), self.read_deployment())

    def read_deployment(self) -> Deployment:
        return files.read_deployment(self.deployment)

    def sender(self, on: Chain) -> Sender:
        """The account that acts: a keystore's, a signer's, the one in $DLS_ZK_PRIVATE_KEY, or one of a local node."""
        from .. import chain

        changes = {"confirmations": self.confirmations, "max_fee_cap_wei": self.max_fee and self.max_fee * 10**9}
        given = {name: value for name, value in changes.items() if value is not None}
        delivery = chain.Delivery.on(on, **(given if on.is_development else {"confirmations": CONFIRMATIONS} | given))
        self.senders.append(chain.Sender(on, self._signer(on), places.state_dir(), delivery, self.stages.moving, ends=[]))
        return self.senders[-1]

    def report(self) -> None:
        """The command has said how it ended: say what was done before already, and record that all of it was reported."""
        for sender in self.senders:
            for transaction in dict.fromkeys(end.mined.hash for end in sender.ends or () if end.found):
                click.echo(f"note: already done in transaction {transaction}", err=True)
            sender.report()

    def _signer(self, on: Chain) -> Signer:
        from ..chain import signers

        if chosen := _chosen_signer(self.keystore, self.password_file, self.signer, self.account):
            return chosen
        if on.is_development:
            return signers.from_url(on.rpc.url, self.account or on.accounts()[0])
        raise _no_signer()


def _chosen_signer(keystore: Path | None, password_file: Path | None, url: str | None, account: str | None) -> Signer | None:
    """Who signs as the options say, or else the account in $DLS_ZK_PRIVATE_KEY; None if neither names anybody."""
    from ..chain import signers

    if keystore and url:
        raise click.UsageError("Give one of --keystore and --signer.")
    if keystore:
        return signers.from_keystore(keystore, password_file)
    if url:
        return signers.from_url(url, account)
    return signers.from_environment() if signers.key_is_set() else None


def _no_signer() -> InputError:
    from ..chain import signers

    return InputError(f"no account to sign with: pass --keystore or --signer, or set ${signers.KEY_VARIABLE}")


def signer_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that signs and sends nothing; it gets ``signer_of``, which makes the signer."""

    @functools.wraps(command)
    def run(
        *args: Any,
        keystore: Path | None,
        password_file: Path | None,
        signer: str | None,
        account: str | None,
        **options: Any,
    ) -> None:
        def signer_of() -> Signer:
            chosen = _chosen_signer(keystore, password_file, signer, account)
            if chosen is None:
                raise _no_signer()
            return chosen

        command(*args, signer_of=signer_of, **options)

    decorated: Any = run
    for option in reversed(_SIGNER):
        decorated = option(decorated)
    return decorated


def ceremony_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that judges a deployment; it gets ``transcripts``."""

    @functools.wraps(command)
    def run(*args: Any, final_keys: tuple[Path, ...], ptau: Path | None, ptau_blake2b: str | None, **options: Any) -> None:
        if bool(final_keys) != bool(ptau) or (ptau_blake2b and not ptau):
            raise click.UsageError("Give --ceremony and --ptau together.")
        from .. import chain

        transcripts = tuple(chain.Transcript(key, ptau, ptau_blake2b) for key in final_keys if ptau)
        command(*args, transcripts=transcripts, **options)

    decorated: Any = run
    for option in reversed(_CEREMONY):
        decorated = option(decorated)
    return decorated


def chain_command(signing: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options of a command that reads a chain, or also acts on it. It gets an ``Access`` as its first argument."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(*args: Any, **options: Any) -> None:
            names = [name for name in Access.__dataclass_fields__ if name in options]
            access = Access(Stages(quiet=options["as_json"]), **{name: options.pop(name) for name in names})
            command(access, *args, **options)
            access.report()

        decorated: Any = run
        for option in reversed([*_CHAIN, *(_SIGNING if signing else [])]):
            decorated = option(decorated)
        return decorated

    return decorate
