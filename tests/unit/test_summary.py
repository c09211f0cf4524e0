"""The word of a rebalance's event and of a batch's entry; SubmitBatch.t.sol holds the contracts to the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dls_zk.chain.summary import Summary
from dls_zk.statement.allowances import Allowances

SUMMARY = Summary(0x01020304, 0x050607, 0x3FFFFFFFFFF, Allowances(1, 2, 3, (1 << 30) - 1))
WORD = 0x3FFFFFFF0000000C000000200000007FFFFFFFFFF05060701020304


def test_packs_what_it_unpacks() -> None:
    assert Summary.unpack(SUMMARY.pack()) == SUMMARY
    assert Summary.unpack(0) == Summary(0, 0, 0, Allowances())
    assert Summary.unpack((1 << 218) - 1).pack() == (1 << 218) - 1


def test_is_the_word_of_the_contracts() -> None:
    assert SUMMARY.pack() == WORD


@pytest.mark.parametrize("word", [-1, 1 << 218, 1 << 255])
def test_refuses_other_words(word: int) -> None:
    with pytest.raises(ValueError, match="allowances"):
        Summary.unpack(word)


@pytest.mark.parametrize(("field", "bits"), [("round", 32), ("sequence", 24), ("nav_floor", 42)])
def test_refuses_what_does_not_fit(field: str, bits: int) -> None:
    replace(SUMMARY, **{field: (1 << bits) - 1})
    for value in (-1, 1 << bits):
        with pytest.raises(ValueError, match=field):
            replace(SUMMARY, **{field: value})
