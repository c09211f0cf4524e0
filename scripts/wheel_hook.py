"""Puts the native core into a wheel, for hatch: the platform that $DLS_ZK_WHEEL names, compiled by $DLS_ZK_WHEEL_CC.

Without the variable the wheel is for every platform and has the sources only, which the machine's compiler turns into the
core on first use. ``scripts/wheels`` builds the wheels of all platforms.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Targets as zig names them, and the platforms of their wheels.
PLATFORMS = {
    "x86_64-linux-gnu.2.17": "manylinux_2_17_x86_64",
    "aarch64-linux-gnu.2.17": "manylinux_2_17_aarch64",
    "x86_64-linux-musl": "musllinux_1_2_x86_64",
    "aarch64-linux-musl": "musllinux_1_2_aarch64",
    "x86_64-macos.11.0": "macosx_11_0_x86_64",
    "aarch64-macos.11.0": "macosx_11_0_arm64",
}


class NativeHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        target = os.environ.get("DLS_ZK_WHEEL")
        if not target or version == "editable":
            return
        root = Path(self.root)
        made = Path(self.directory) / f"core-{target}.so"
        made.parent.mkdir(parents=True, exist_ok=True)
        sys.path.insert(0, str(root))
        from dls_zk.tools.native import FLAGS

        compiler = shlex.split(os.environ["DLS_ZK_WHEEL_CC"])
        flags = [*FLAGS, "-target", target, "-s"]
        source = Path("dls_zk", "native", "core.cpp")  # its path must not be in the object: it differs from place to place
        subprocess.run([*compiler, "-x", "c++", *flags, source, "-o", made], check=True, cwd=root)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{PLATFORMS[target]}"
        build_data["force_include"][str(made)] = "dls_zk/_data/native/core.so"
