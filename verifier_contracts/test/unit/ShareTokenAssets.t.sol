// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ShareToken} from "../../src/ShareToken.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";
import {IHook, OddToken} from "../mocks/OddToken.sol";

/// Assets that misbehave: ST-10.
contract ShareTokenAssetsTest is ShareTokenScene {
    OddToken private odd;

    function setUp() public override {
        super.setUp();
        odd = new OddToken();
        open(odd, 1);
        deposit(ADA, 1_000 * usd);
        give(OPERATOR, 100 * usd);
        give(BEN, 100 * usd);
    }

    // --- a fee on transfer ---

    function test_refusesAFeeOnTheWayIn() public {
        odd.takeFee(100);
        bytes memory reason = abi.encodeWithSelector(IShareToken.WrongAmountMoved.selector, 99 * usd, 100 * usd);
        vm.expectRevert(reason);
        vm.prank(BEN);
        vault.deposit(100 * usd, BEN);
        vm.expectRevert(reason);
        vm.prank(BEN);
        vault.mint(100e12, BEN);
        vm.expectRevert(reason);
        vm.prank(OPERATOR);
        vault.giveBack(100e6);
    }

    function test_refusesAFeeOnADraw() public {
        odd.takeFee(100);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.WrongAmountMoved.selector, 99 * usd, 100 * usd));
        draw(100e6);
    }

    /// A fee that begins later does not lock anybody in: who leaves bears it.
    function test_aLaterFeeIsBorneByWhoLeaves() public {
        request(ADA, 100e12);
        vault.processQueue(1);
        odd.takeFee(100);
        redeem(ADA, 100e12);
        vault.claim(ADA);
        vm.assertEq(asset.balanceOf(ADA), 2 * 99 * usd);
        vm.assertEq(vault.idle(), 800 * usd);
    }

    // --- false for failed ---

    function test_refusesFalse() public {
        request(ADA, 100e12);
        vault.processQueue(1);
        odd.answerFalse();
        bytes memory reason = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, odd);
        vm.expectRevert(reason);
        vm.prank(BEN);
        vault.deposit(1, BEN);
        vm.expectRevert(reason);
        redeem(ADA, 1e12);
        vm.expectRevert(reason);
        vault.claim(ADA);
        vm.expectRevert(reason);
        draw(1);
        vm.expectRevert(reason);
        vm.prank(OPERATOR);
        vault.giveBack(1);
    }

    // --- a receiver whom the asset refuses (ST-7) ---

    function test_aBlockedReceiverBlocksNobody() public {
        deposit(EVE, 1_000 * usd);
        request(EVE, 500e12);
        request(ADA, 500e12);
        odd.blockAccount(EVE);
        vault.processQueue(2);
        vm.expectRevert(abi.encodeWithSelector(OddToken.Blocked.selector, EVE));
        vault.claim(EVE);
        vm.assertEq(vault.claim(ADA), 500 * usd);
        odd.blockAccount(address(0));
        vm.assertEq(vault.claim(EVE), 500 * usd);
    }

    // --- calls back into the vault ---

    /// Every entry that changes anything, from within every entry that moves assets, before and after they have moved. The
    /// attacker has shares, a claim and a request, and is the operator, so that only the guard can refuse the call.
    function test_refusesReentry() public {
        Reentrant reentrant = new Reentrant(vault);
        give(address(reentrant), 1_000 * usd);
        vm.prank(ADA);
        vm.assertTrue(vault.transfer(address(reentrant), 500e12));
        vm.prank(OPERATOR);
        hub.proposeOperator(vaultId, address(reentrant));
        reentrant.prepare();
        odd.callHook(reentrant);

        bytes[] memory entries = reentrant.entries();
        for (uint256 i; i < entries.length; ++i) {
            reentrant.attack(entries[i]);
        }
        // Seven of them move assets.
        vm.assertEq(reentrant.refused(), 7 * 2 * entries.length);
    }
}

/// @title An account that the asset calls around its transfers, and that then calls the vault in every way
contract Reentrant is IHook {
    ShareToken private immutable vault;
    bool private attacking;
    uint256 public refused;

    constructor(ShareToken vault_) {
        vault = vault_;
    }

    function entries() public view returns (bytes[] memory calls) {
        calls = new bytes[](10);
        calls[0] = abi.encodeCall(vault.deposit, (1e6, address(this)));
        calls[1] = abi.encodeCall(vault.mint, (1e12, address(this)));
        calls[2] = abi.encodeCall(vault.redeem, (1e12, address(this), address(this)));
        calls[3] = abi.encodeCall(vault.withdraw, (1e6, address(this), address(this)));
        calls[4] = abi.encodeCall(vault.requestRedeem, (1e12, address(this), address(this)));
        calls[5] = abi.encodeCall(vault.cancelRequest, (1));
        calls[6] = abi.encodeCall(vault.processQueue, (1));
        calls[7] = abi.encodeCall(vault.claim, (address(this)));
        calls[8] = abi.encodeCall(vault.draw, (1e6));
        calls[9] = abi.encodeCall(vault.giveBack, (1e6));
    }

    /// A claim, two requests in the queue, and the operator's place.
    function prepare() external {
        vault.requestRedeem(50e12, address(this), address(this));
        vault.processQueue(10);
        vault.requestRedeem(50e12, address(this), address(this));
        vault.requestRedeem(50e12, address(this), address(this));
        vault.hub().acceptOperator(vault.vaultId());
    }

    function attack(bytes calldata outer) external {
        attacking = true;
        _call(outer);
        attacking = false;
    }

    function onTransfer() external {
        if (!attacking) return;
        bytes[] memory calls = entries();
        for (uint256 i; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = address(vault).call(calls[i]);
            require(!ok, "entered again");
            require(bytes4(answer) == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "other reason");
            ++refused;
        }
    }

    function _call(bytes memory data) private {
        (bool ok,) = address(vault).call(data);
        require(ok, "the outer call failed");
    }
}
