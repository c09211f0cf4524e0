"""``python -m dls_zk``: the command line."""

from .cli.main import main

main(prog_name="dls-zk")
