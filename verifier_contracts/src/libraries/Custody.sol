// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Signals} from "./Signals.sol";

/// @title The public signals of a reconciliation proof
/// @notice In this order: commitment, one attestation for each venue, venues, tolerance, prices. The same stands in
/// `circuits/reconciliation.circom` and `dls_zk/statement/signals.py`.
library Custody {
    /// The most that the tolerance may be, in parts per million of NAV.
    uint256 internal constant MOST_TOLERANCE_PPM = 20_000;

    // What stands for a venue of which nobody attests anything: the commitment to the empty vector with salt 0, under the domain
    // tag "dls-zk/attestation/v1" and one byte for the size.
    uint256 internal constant NONE_8 = 15560989793245946650438981863214133218362961165943407339420393499214170210451;
    uint256 internal constant NONE_16 = 11210785025824505530654880639024387746493244434124704852250133372185393680865;
    uint256 internal constant NONE_32 = 20863579363705853823817245091336834982737600106150539044426428772476701032034;

    uint256 internal constant COMMITMENT = 0;
    uint256 internal constant ATTESTATIONS = 1;

    /// @param slots 8, 16 or 32, checked by the caller, as below.
    function nothing(uint256 slots) internal pure returns (uint256) {
        if (slots == 8) return NONE_8;
        if (slots == 16) return NONE_16;
        return NONE_32;
    }

    /// @notice Venues of a book of this size: 4, 4 or 8.
    function venues(uint256 slots) internal pure returns (uint256) {
        return slots == 32 ? 8 : 4;
    }

    /// @notice Public signals of a proof for a book of this size: 9, 11 or 18.
    function count(uint256 slots) internal pure returns (uint256) {
        return ATTESTATIONS + venues(slots) + 2 + Signals.priceWords(slots);
    }
}
