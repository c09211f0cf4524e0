"""The only module that starts other programs: node, npm, circom, snarkjs, solc, anvil, forge, rapidsnark.

Each runs in a process group of its own, with a time limit and a small environment; one that hangs is ended with all
that it started. A failure becomes one ``ToolError`` here: the command, how it ended, the end of what it
said, and what to do. Secrets go to programs by stdin only.
"""

from __future__ import annotations

import atexit
import base64
import ctypes
import importlib.metadata
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from . import artifacts
from .artifacts import BuiltCircuit
from .errors import InputError, ToolError

NODE_REQUIRED = 20
NODE_ANSWERS_WITHIN = 20  # seconds, for --version
PYTHON_REQUIRED = (3, 11)

#: What a child may see of our environment. Nothing else: a variable can hold a key, or change what node loads.
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")
_ENVIRONMENT_NPM = re.compile(r"(?i)(npm_config_.*|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))")

_ANSI = re.compile(r"\x1b\[[0-9;]*m")

# --- running a program ----------------------------------------------------------------------------


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, unless it has ended by itself."""
    if process.poll() is None:  # its id, and so the group's, cannot have gone to another process yet
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start(argv: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
    command = [str(part) for part in argv]
    try:
        return subprocess.Popen(command, start_new_session=True, **{"env": _environment(), **options})
    except FileNotFoundError:
        raise ToolError(f"{command[0]} is not there to be run; `dls-zk doctor` says how to get it") from None
    except OSError as error:
        raise ToolError(f"{command[0]} cannot be run: {error.strerror}") from None


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    pass_fds: Sequence[int] = (),
    advice: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return its output (``stdout``, ``stderr``: text).

    timeout: seconds. stdin: what it reads. env: its whole environment, if not the small default one.
    on_line: called, from another thread, with each line of stdout as it comes. pass_fds: open files that it inherits;
    a program that gets any ends with this process (on Linux). advice: the next step for a person, added to the error.
    ToolError if the program cannot be started, does not end in time, or ends with another exit
    code than 0; the error shows ``argv`` and lines of the output, so neither may hold a secret.
    """
    process = _start(
        argv,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **({} if env is None else {"env": env}),
        **({"pass_fds": pass_fds, "preexec_fn": _end_with_parent} if pass_fds else {}),
    )
    output: list[str] = []
    complaints: list[str] = []

    def take(line: str) -> None:
        output.append(line)
        if on_line:
            on_line(line)

    threads = [
        threading.Thread(target=work, args=arguments, daemon=True)
        for work, arguments in (
            (_feed, (process.stdin, stdin)),
            (_drain, (process.stdout, take)),
            (_drain, (process.stderr, complaints.append)),
        )
    ]
    shown = shlex.join(_brief(part) for part in argv)
    hint = f"; {advice}" if advice else ""
    try:
        for thread in threads:
            thread.start()
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise ToolError(f"`{shown}` did not end within {timeout:g} s and was stopped{hint}") from None
    finally:
        _kill_group(process)
        for thread in threads:
            thread.join(5)  # longer only if something outlives the program and keeps its output open
    result = subprocess.CompletedProcess(process.args, code, "".join(output), "".join(complaints))
    if code != 0:
        said = _gist(result.stderr) or _gist(result.stdout)
        raise ToolError(f"`{shown}` {_ending(code)}{f': {said}' if said else ''}{hint}")
    return result


def _feed(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError), stream:  # a program may end without reading all of its input
        stream.write(data)


def _drain(stream: IO[bytes], take: Callable[[str], None]) -> None:
    with stream:
        for line in stream:
            take(line.decode(errors="replace"))


def _brief(part: str | Path) -> str:
    """A part of a command as an error shows it: paths by their last part."""
    return os.path.basename(part) if os.path.isabs(part) else str(part)


def _ending(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"


def _gist(text: str) -> str:
    """Of what a program said when it failed, the first line that speaks of an error and the last one, on one line."""
    lines = [line.strip()[:200] for line in _ANSI.sub("", text).splitlines() if line.strip()]
    first = next((line for line in lines if re.search(r"(?i)\berror\b", line)), None)
    return "; ".join(dict.fromkeys(line for line in (first, *lines[-1:]) if line))


# --- node and its packages ----------------------------------------------------------------------------


def node() -> Path:
    """The node program: $DLS_ZK_NODE, else the first on the PATH. ToolError if missing, too old, or hung."""
    chosen = os.environ.get("DLS_ZK_NODE") or shutil.which("node")
    if not chosen:
        raise ToolError(f"node is not on the PATH; install Node.js {NODE_REQUIRED} or newer, or set DLS_ZK_NODE")
    _node_version(chosen)
    return Path(chosen)


@cache
def _node_version(path: str) -> str:
    advice = f"install Node.js {NODE_REQUIRED} or newer, or set DLS_ZK_NODE to one"
    version = run([path, "--version"], timeout=NODE_ANSWERS_WITHIN, advice=advice).stdout.strip()
    major = re.fullmatch(r"v(\d+)\.\d+\.\d+\S*", version)
    if not major:
        raise ToolError(f"{path} does not answer like node; {advice}")
    if int(major[1]) < NODE_REQUIRED:
        raise ToolError(f"{path} is node {version}, which is too old; {advice}")
    return version.removeprefix("v")


def _npm() -> Path:
    """The npm that came with our node, else the first on the PATH."""
    beside = node().with_name("npm")
    found = beside if beside.is_file() else shutil.which("npm")
    if not found:
        raise ToolError("npm is neither beside node nor on the PATH; install it with Node.js")
    return Path(found)


def ensure_node_packages() -> Path:
    """The folder with the Node packages of the lock file, installed by ``npm ci`` if they are not there yet."""
    target = artifacts.node_dir()

    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(artifacts.node_sources() / name, folder)
        npm = {name: value for name, value in os.environ.items() if _ENVIRONMENT_NPM.fullmatch(name)}
        path = os.pathsep.join([str(node().parent), os.environ.get("PATH", os.defpath)])
        run(
            [_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"],
            cwd=folder,
            env=_environment() | npm | {"PATH": path},
            timeout=900,
            advice="check the network, the disk and npm's registry setting, then run it again",
        )

    artifacts.build(target, install)
    return target


def package_file(package: str, name: str) -> Path:
    """A file of an installed Node package; ToolError if it is not there."""
    path = ensure_node_packages() / "node_modules" / package / name
    if not path.exists():
        folder = artifacts.node_dir()
        raise ToolError(f"the Node package {package} is incomplete ({name} is missing); remove {folder} and run again")
    return path


def node_script(name: str) -> Path:
    """One of the package's own *.mjs scripts, in a place where its imports resolve."""
    ensure_node_packages()
    folder = artifacts.node_scripts_dir()

    def copy(target: Path) -> None:
        for path in artifacts.node_sources().glob("*.mjs"):
            shutil.copy(path, target)

    artifacts.build(folder, copy)
    return folder / name


def run_node(argv: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """``run`` with node before ``argv``: a script from ``node_script`` or ``package_file``, and its arguments."""
    return run([node(), *argv], **options)


def run_snarkjs(args: Sequence[str | Path], *, stdin: bytes = b"") -> object:
    """``snarkjs <args>`` as a command, for a ceremony. It can take as long as it needs, up to a day."""
    return run_node([package_file("snarkjs", "build/cli.cjs"), *args], stdin=stdin, timeout=86_400)


# --- circom -----------------------------------------------------------------------------------------------

#: A warning of circom: its code and its first line.
_WARNING = re.compile(r"^warning\[(\w+)\]: (.*)$", re.MULTILINE)


def compile_circuit(
    name: str, *, sources: Path | None = None, allowed: Sequence[str] = (), force: bool = False
) -> BuiltCircuit:
    """Compile main/<name>.circom of ``sources`` (the package's circuits by default), or find it in the cache.

    allowed: regular expressions for the warnings that are explained, each matched against the whole of
    ``CODE: text`` (the warning's first line). Any other warning is an error, as the flags ask for circom's
    --inspect. ToolError if circom fails or warns; InputError if there is no such circuit.
    """
    sources = sources or artifacts.data_dir("circuits")
    artifacts.require_circuit_name(name)
    if not (sources / "main" / f"{name}.circom").is_file():
        known = ", ".join(sorted(path.stem for path in (sources / "main").glob("*.circom")))
        raise InputError(f"there is no circuit {name}; there are: {known or 'none'}")
    key = artifacts.content_key(name, sources)
    target = artifacts.circuit_dir(name, key)

    def fill(folder: Path) -> None:
        _run_circom(name, sources, allowed, folder)
        artifacts.write_manifest(folder, circuit=name, content_key=key, flags=" ".join(artifacts.CIRCOM_FLAGS))

    artifacts.build(target, fill, force=force)
    return artifacts.built_circuit(name, sources)


@contextmanager
def circom(name: str, flags: Sequence[str], sources: Path) -> Iterator[tuple[Path, str]]:
    """Run circom on main/<name>.circom of ``sources``; for the length of a ``with``, the folder with what it made.

    Yields that folder and what circom said on stderr, without colours. ToolError if it fails.
    """
    constants = package_file("circomlib", "circuits/poseidon_constants.circom")
    with tempfile.TemporaryDirectory(prefix="dls-zk-circom-") as scratch:
        root = Path(scratch)  # the WebAssembly circom sees only what is below its cwd
        shutil.copytree(sources, root / "circuits")
        (root / "circomlib").mkdir()
        (root / "out").mkdir()
        shutil.copy(constants, root / "circomlib")
        result = run_node(
            [package_file("circom2", "cli.js"), f"circuits/main/{name}.circom", *flags, "-l", "circomlib", "-o", "out"],
            cwd=root,
            timeout=600,
            advice="see the circuit's source",
        )
        yield root / "out", _ANSI.sub("", result.stderr)


def _run_circom(name: str, sources: Path, allowed: Sequence[str], folder: Path) -> None:
    """Put <name>.r1cs, .wasm and .sym into ``folder``."""
    with circom(name, artifacts.CIRCOM_FLAGS, sources) as (out, said):
        warnings = [f"{code}: {text}" for code, text in _WARNING.findall(said)]
        unexplained = [text for text in warnings if not any(re.fullmatch(pattern, text) for pattern in allowed)]
        if unexplained:
            raise ToolError(f"circom warns of {name}, which fails the build; 1 of {len(unexplained)}: {unexplained[0]}")
        for made in (f"{name}.r1cs", f"{name}.sym", f"{name}_js/{name}.wasm"):
            if not (out / made).is_file():
                raise ToolError(f"circom ended well but made no {made}; run `dls-zk doctor`")
            shutil.move(out / made, folder)


# --- setup for development, and solc ---------------------------------------------------------------------------


def dev_setup(r1cs: Path, zkey: Path, on_progress: Callable[[str, int, int], None] | None = None) -> None:
    """Write an INSECURE single-party proving key for ``r1cs`` to ``zkey``.

    on_progress: called with (stage, done, of) as the work goes on.
    """

    def report(line: str) -> None:
        if on_progress:
            step = json.loads(line)
            on_progress(step["stage"], step["done"], step["of"])

    run_node([node_script("dev_setup.mjs"), r1cs, zkey], timeout=900, on_line=report)


def solc(standard_json: dict[str, Any]) -> dict[str, Any]:
    """Compile Solidity: solc's standard JSON in and out. All sources must be in it; their errors are in the result."""
    result = run_node([node_script("solc.mjs")], stdin=json.dumps(standard_json).encode(), timeout=300)
    return json.loads(result.stdout)


# --- foundry ---------------------------------------------------------------------------------------------------


_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def _foundry(tool: str, modules: Path) -> Path:
    """A binary of foundry: from the Node package for this platform, if it is among those of the lock file; else
    from the PATH."""
    package = f"{tool}-{sys.platform}-{_MACHINES.get(platform.machine().lower(), '')}"
    packaged = modules / "@foundry-rs" / package / "bin" / tool
    found = packaged if packaged.is_file() else shutil.which(tool)
    if not found:
        raise ToolError(f"there is no Node package with {tool} for this platform; put Foundry on the PATH")
    return Path(found)


def forge_path() -> Path:
    """The forge binary."""
    return _foundry("forge", ensure_node_packages() / "node_modules")


@contextmanager
def anvil(port: int = 0, **options: str | int | bool) -> Iterator[str]:
    """A local chain on the loopback address, for the length of a ``with``; yields its URL. port: 0 for a free one.

    options: anvil's flags with _ for -, e.g. chain_id=31337, accounts=3, no_mining=True. The chain ends with the
    block, and on Linux also with this process, however that ends.
    """
    flags: list[str] = []
    for name, value in options.items():
        if value is not False:
            flags += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    with tempfile.TemporaryFile() as log:
        process = _start(
            [_foundry("anvil", ensure_node_packages() / "node_modules"), "--host", "127.0.0.1", "--port", str(port), *flags],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent,
        )
        try:
            yield f"http://127.0.0.1:{_listening_port(process, log)}"
        finally:
            _kill_group(process)


def _listening_port(process: subprocess.Popen[bytes], log: IO[bytes], timeout: float = 30) -> int:
    """Wait until anvil says where it listens."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        said = os.pread(log.fileno(), 1 << 20, 0).decode(errors="replace")
        if found := re.search(r"Listening on 127\.0\.0\.1:(\d+)\n", said):
            return int(found[1])
        if process.poll() is not None:
            raise ToolError(f"anvil {_ending(process.returncode)}: {_gist(said)}")
        time.sleep(0.02)
    raise ToolError(f"anvil did not answer within {timeout:g} s; is the machine overloaded?")


_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    """In a new child on Linux: be killed when the parent dies."""
    if _libc:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# --- snarkjs in a process that stays ------------------------------------------------------------------------------


class NodeWorker:
    """A Node process with snarkjs and the proving keys in memory (see worker.mjs). Use it in a ``with``.

    It is started with the first request, and again if it has died. Requests from several threads take turns.
    timeout: seconds that an answer may take.
    """

    def __init__(self, timeout: float = 600) -> None:
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: SimpleQueue[bytes | None] = SimpleQueue()
        self._loaded: set[str] = set()
        self._count = 0
        self._lock = threading.Lock()

    def __enter__(self) -> NodeWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process. A later request starts a new one."""
        if self._process:
            _kill_group(self._process)
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    if stream:
                        stream.close()
        self._process = None
        self._loaded.clear()

    def version(self) -> dict[str, str]:
        """The versions of snarkjs and node."""
        return self._ask("version")

    def prove(self, zkey: Path, zkey_sha256: str, wtns: bytes) -> dict[str, Any]:
        """``{"proof", "public"}`` as snarkjs makes them. Not verified: a damaged key gives an invalid proof."""
        return self._ask("prove", (zkey, zkey_sha256), wtns=base64.b64encode(wtns).decode())

    def verify(self, vk: dict[str, Any], public: list[str], proof: dict[str, Any]) -> bool:
        """snarkjs's own verdict. It takes forms that other verifiers refuse: see verifier.py."""
        return self._ask("verify", vk=vk, public=public, proof=proof)

    def verifier_source(self, vk: dict[str, Any], contract: str) -> str:
        """Solidity source of the verifier for a key, as a contract of this name."""
        return self._ask("verifier_source", vk=vk, contract=contract)

    def _ask(self, op: str, key: tuple[Path, str] | None = None, **fields: Any) -> Any:
        """Send a request, with its key loaded before, and wait for the answer."""
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._restart()
            if key:
                path, fields["key"] = key
                if fields["key"] not in self._loaded:
                    self._exchange(process, "load", {"key": fields["key"], "path": str(path)})
                    self._loaded.add(fields["key"])
            return self._exchange(process, op, fields)

    def _restart(self) -> subprocess.Popen[bytes]:
        self.close()
        self._answers = SimpleQueue()
        # Its stderr is dropped: what a crash prints there is nothing that a person can use, and might hold secrets.
        self._process = process = _start(
            [node(), node_script("worker.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        threading.Thread(target=_queue_lines, args=(process.stdout, self._answers), daemon=True).start()
        return process

    def _exchange(self, process: subprocess.Popen[bytes], op: str, fields: dict[str, Any]) -> Any:
        self._count += 1
        request = json.dumps({"id": self._count, "op": op, **fields}) + "\n"
        # Feeding is another thread's work, so that a worker that reads nothing cannot hold us past the time limit.
        threading.Thread(target=_write, args=(process.stdin, request.encode()), daemon=True).start()
        try:
            line = self._answers.get(timeout=self._timeout)
        except Empty:
            self.close()
            raise ToolError(f"snarkjs did not answer `{op}` within {self._timeout:g} s and was stopped") from None
        except BaseException:
            self.close()  # e.g. Ctrl-C: the answer that is still to come belongs to nobody
            raise
        if line is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            self.close()
            raise ToolError(
                f"the snarkjs process {_ending(process.returncode)} during `{op}`; "
                "is there enough memory? `dls-zk doctor` looks at the rest"
            )
        try:
            answer = json.loads(line)
            if answer["id"] != self._count:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            self.close()
            raise ToolError(f"the snarkjs process answered nonsense during `{op}`; is DLS_ZK_NODE node?") from None
        if "error" in answer:
            raise ToolError(f"snarkjs refused `{op}`: {answer['error']}")
        return answer["result"]


@cache
def snarkjs() -> NodeWorker:
    """The worker that this process shares. It ends with the process."""
    worker = NodeWorker()
    atexit.register(worker.close)
    return worker


def _queue_lines(stream: IO[bytes], queue: SimpleQueue[bytes | None]) -> None:
    with suppress(ValueError, OSError):  # closed under us: the worker has been ended
        for line in stream:
            queue.put(line)
    queue.put(None)


def _write(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError, ValueError):
        stream.write(data)
        stream.flush()


# --- rapidsnark, if it is there -------------------------------------------------------------------------------------


def rapidsnark_path() -> Path | None:
    """The rapidsnark prover (``rapidsnark`` or ``prover`` on the PATH), if there is one."""
    found = shutil.which("rapidsnark") or shutil.which("prover")
    return Path(found) if found else None


def rapidsnark(zkey: Path, wtns: bytes) -> tuple[str, str]:
    """Prove with rapidsnark; the JSON texts of the proof and of the public signals. Not verified.

    It takes files only. Those of the proof and the public signals are no secret; for the witness see ``_secret_file``.
    """
    program = rapidsnark_path()
    if not program:
        raise ToolError("rapidsnark is not on the PATH (as `rapidsnark` or `prover`); use the snarkjs prover")
    with tempfile.TemporaryDirectory(prefix="dls-zk-") as scratch:  # mode 0700
        folder = Path(scratch)
        with _secret_file(wtns, folder) as (witness, descriptors):
            run([program, zkey, witness, folder / "proof", folder / "public"], timeout=600, pass_fds=descriptors)
        try:
            return (folder / "proof").read_text(), (folder / "public").read_text()
        except (OSError, UnicodeDecodeError):
            raise ToolError(f"{program.name} ended well but wrote no proof; is it rapidsnark?") from None


@contextmanager
def _secret_file(content: bytes, folder: Path) -> Iterator[tuple[Path, Sequence[int]]]:
    """A path at which a child that inherits the descriptors beside it reads ``content``, for the length of a ``with``.

    On Linux it is memory that no folder lists, gone with the last process that has it open, however they end.
    Elsewhere it is a file in ``folder``, which only this user may enter.
    """
    if sys.platform == "linux":
        with open(os.memfd_create("dls-zk"), "wb") as file:
            file.write(content)
            file.flush()
            yield Path(f"/proc/self/fd/{file.fileno()}"), [file.fileno()]
    else:
        path = folder / "wtns"
        artifacts.write_atomic(path, content, mode=0o600)
        yield path, []


# --- what is there ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """One line of ``doctor``. ``ok`` is None for what is missing and need not be there: it is installed when needed."""

    tool: str
    found: str
    required: str
    ok: bool | None
    remedy: str


def doctor() -> list[Finding]:
    """Look at every tool. Installs nothing and writes nothing."""
    findings = [_python_finding(), _node_finding(), _npm_finding(), *_package_findings()]
    findings += [_library_finding(library) for library in ("wasmtime", "py_ecc")]
    return [*findings, _rapidsnark_finding(), _disk_finding(), _memory_finding()]


def _python_finding() -> Finding:
    required = ".".join(map(str, PYTHON_REQUIRED))
    ok = sys.version_info >= PYTHON_REQUIRED
    return Finding("python", platform.python_version(), f">= {required}", ok, f"install Python {required} or newer")


def _node_finding() -> Finding:
    try:
        found, ok, remedy = _node_version(str(node())), True, ""
    except ToolError as error:
        found, ok, remedy = "missing", False, str(error)
    return Finding("node", found, f">= {NODE_REQUIRED}", ok, remedy)


def _npm_finding() -> Finding:
    try:
        found, ok, remedy = run([_npm(), "--version"], timeout=30).stdout.strip(), True, ""
    except ToolError as error:
        found, ok, remedy = "missing", False, str(error)
    return Finding("npm", found, "any", ok, remedy)


def _package_findings() -> list[Finding]:
    """The tools in the Node packages, by the version in the package that is installed."""
    pinned = json.loads((artifacts.node_sources() / "package.json").read_text())
    folder = artifacts.node_dir()
    remedy = f"remove {folder}; it is made anew when it is needed"
    findings = []
    for tool, package in _TOOL_PACKAGES.items():
        required = pinned["dependencies"][package]
        try:
            found = json.loads((folder / "node_modules" / package / "package.json").read_text())["version"]
        except (OSError, ValueError, KeyError):
            found = "missing"
        findings.append(Finding(tool, found, required, found == required, remedy))
    for tool in ("anvil", "forge"):
        try:
            answer = run([_foundry(tool, folder / "node_modules"), "--version"], timeout=30).stdout
            found, ok, advice = answer.splitlines()[0].split()[-1], True, ""
        except (ToolError, IndexError) as error:
            found, ok, advice = "missing", False, str(error) or remedy
        findings.append(Finding(tool, found, "any", ok, advice))
    if not folder.is_dir():
        return [Finding(f.tool, "not yet", f.required, None, "installed when it is first needed") for f in findings]
    return findings


#: Tools by the Node package that holds them.
_TOOL_PACKAGES = {"circom": "circom2", "circomlib": "circomlib", "snarkjs": "snarkjs", "solc": "solc"}


def _library_finding(library: str) -> Finding:
    try:
        found, ok = importlib.metadata.version(library), True
    except importlib.metadata.PackageNotFoundError:
        found, ok = "missing", False
    return Finding(library, found, "any", ok, "install the Python package again")


def _rapidsnark_finding() -> Finding:
    found = rapidsnark_path()
    return Finding("rapidsnark", str(found or "missing"), "optional", bool(found) or None, "a faster prover")


_DISK_REQUIRED = 1 << 30  # 250 MB of Node packages, and keys of some 30 MB each
_MEMORY_REQUIRED = 2 << 30  # circom and solc take up to 1 GB each


def _disk_finding() -> Finding:
    folder = artifacts.home()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    ok = free >= _DISK_REQUIRED
    return Finding("disk", f"{free / 2**30:.1f} GiB free", ">= 1 GiB", ok, f"make room on the disk that holds {folder}")


def _memory_finding() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Finding("memory", f"{total / 2**30:.1f} GiB", ">= 2 GiB", total >= _MEMORY_REQUIRED, "use a larger machine")
