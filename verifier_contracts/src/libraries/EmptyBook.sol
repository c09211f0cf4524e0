// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The commitment that every vault starts from
/// @notice The commitment to the empty book with salt 0, per size: Poseidon(domain, zero words, 0) with the domain tag
/// "dls-zk/book/v1" and one byte for the size. It is public, so a first rebalance needs no proof of an opening.
/// `tests/integration/test_chain_connection.py` computes the three again.
library EmptyBook {
    uint256 internal constant SLOTS_8 = 11718855894788297332579967189316426542143807469435092199787309290383725827324;
    uint256 internal constant SLOTS_16 = 13620726945300677901658885754779977069455832864403509454364894164672488696956;
    uint256 internal constant SLOTS_32 = 15664255594253798640957757521787547244735913319304056312693795605977085173831;

    /// @param slots 8, 16 or 32, checked by the caller.
    function commitment(uint256 slots) internal pure returns (uint256) {
        if (slots == 8) return SLOTS_8;
        if (slots == 16) return SLOTS_16;
        return SLOTS_32;
    }
}
