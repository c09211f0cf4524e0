// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// Is called before and after each transfer, as the parties of an ERC-777 token are.
interface IHook {
    function onTransfer() external;
}

/// @title An asset that does what the vault does not put up with, once it is told to
contract OddToken is Token(6) {
    uint256 private feeBps;
    bool private answersFalse;
    address private blocked;
    IHook private hook;

    error Blocked(address account);

    function takeFee(uint256 bps) external {
        feeBps = bps;
    }

    function answerFalse() external {
        answersFalse = true;
    }

    function blockAccount(address account) external {
        blocked = account;
    }

    function callHook(IHook hook_) external {
        hook = hook_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !answersFalse && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !answersFalse && super.transferFrom(from, to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(to != blocked || to == address(0), Blocked(to));
        if (address(hook) != address(0)) hook.onTransfer();
        uint256 fee = from == address(0) ? 0 : amount * feeBps / 10_000;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(0xfee), fee);
        if (address(hook) != address(0)) hook.onTransfer();
    }
}
