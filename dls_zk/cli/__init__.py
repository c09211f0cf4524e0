"""The command line: one module for each command or group, found by ``main`` when it is needed."""
