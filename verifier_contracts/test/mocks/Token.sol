// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title An asset with as many decimals as wanted, which anyone can mint
contract Token is ERC20 {
    uint8 private immutable decimals_;

    constructor(uint8 decimals__) ERC20("Dollar", "USD") {
        decimals_ = decimals__;
    }

    function decimals() public view override returns (uint8) {
        return decimals_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
