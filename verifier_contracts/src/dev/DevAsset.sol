// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title An asset for development
/// @notice It has six decimals, like the quantities of a book, and anyone can mint it. It can only be deployed on a local
/// development chain.
contract DevAsset is ERC20 {
    error NotDevelopmentChain(uint256 chainId);

    constructor(string memory name_, string memory symbol_) ERC20(name_, symbol_) {
        require(block.chainid == 31337 || block.chainid == 1337, NotDevelopmentChain(block.chainid));
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
