"""Mutants of the circuits' sources: there are enough of each kind, and the arena tells them apart."""
