// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Flows into and out of the book: ST-9.
contract ShareTokenFlowsTest is ShareTokenScene {
    function setUp() public override {
        super.setUp();
        open(6, 1);
        deposit(ADA, 1_000 * usd);
    }

    function assertPending(int256 quantityE6) private view {
        vm.assertEq(hub.vaultState(vaultId).pendingFlow, quantityE6);
    }

    function test_drawGoesToCustodyAsAFlow() public {
        vm.expectEmit(address(vault));
        emit IShareToken.Drawn(400e6);
        draw(400e6);
        vm.assertEq(asset.balanceOf(CUSTODY), 400 * usd);
        vm.assertEq(vault.idle(), 600 * usd);
        assertPending(400e6);
    }

    function test_giveBackComesFromTheOperatorAsAFlow() public {
        draw(400e6);
        give(OPERATOR, 150 * usd);
        vm.expectEmit(address(vault));
        emit IShareToken.GivenBack(OPERATOR, 100e6);
        vm.prank(OPERATOR);
        vault.giveBack(100e6);
        vm.assertEq(asset.balanceOf(OPERATOR), 50 * usd);
        vm.assertEq(vault.idle(), 700 * usd);
        assertPending(300e6);
    }

    function test_quantitiesAreMillionthsOfAnAssetOf18Decimals() public {
        open(18, 1);
        deposit(ADA, 1_000e18 + 1);
        draw(1);
        vm.assertEq(asset.balanceOf(CUSTODY), 1e12);
        vm.assertEq(vault.available(), 1_000e18 + 1 - 1e12);
        giveBack(2);
        vm.assertEq(vault.available(), 1_000e18 + 1 + 1e12);
        assertPending(-1);
    }

    function test_whatAProofAccountsForIsPendingNoMore() public {
        draw(400e6);
        prove(400);
        assertPending(0);
        giveBack(400e6);
        assertPending(-400e6);
        prove(0);
        assertPending(0);
    }

    // --- who ---

    function test_onlyTheOperator() public {
        give(EVE, 1_000 * usd);
        address[3] memory others = [EVE, GUARDIAN, CUSTODY];
        for (uint256 i; i < others.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IShareToken.NotOperator.selector, others[i]);
            vm.expectRevert(reason);
            vm.prank(others[i]);
            vault.draw(1);
            vm.expectRevert(reason);
            vm.prank(others[i]);
            vault.giveBack(1);
        }
    }

    function test_theOperatorOfNow() public {
        vm.prank(OPERATOR);
        hub.proposeOperator(vaultId, EVE);
        vm.prank(EVE);
        hub.acceptOperator(vaultId);
        vm.prank(EVE);
        vault.draw(1);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotOperator.selector, OPERATOR));
        draw(1);
    }

    /// A transfer is a gift to all shares, and no flow.
    function test_aTransferIsNoFlow() public {
        draw(400e6);
        prove(400);
        asset.mint(address(vault), 500 * usd);
        assertPending(0);
        vm.assertEq(vault.totalAssets(), 1_500 * usd);
    }

    // --- how much ---

    function refuseDraw(uint56 quantityE6, uint256 most) private {
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotEnoughIdle.selector, quantityE6, most));
        draw(quantityE6);
    }

    function test_drawsUpToWhatIsIdle() public {
        refuseDraw(1_000e6 + 1, 1_000e6);
        draw(1_000e6);
        vm.assertEq(vault.idle(), 0);
    }

    function test_doesNotDrawWhatTheQueueIsOwed() public {
        request(ADA, 300e12);
        refuseDraw(700e6 + 1, 700e6);
        draw(700e6);
        vault.processQueue(1);
        vm.assertEq(vault.claimable(ADA), 300e6);
        vm.assertEq(vault.idle(), 0);
    }

    function test_doesNotDrawWhatIsSetAside() public {
        request(ADA, 300e12);
        vault.processQueue(1);
        refuseDraw(700e6 + 1, 700e6);
        draw(700e6);
        vm.assertEq(vault.claim(ADA), 300e6);
    }

    function test_givesBackNoMoreThanTheOperatorHas() public {
        give(OPERATOR, 5);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, OPERATOR, 5, 6));
        vm.prank(OPERATOR);
        vault.giveBack(6);
    }

    function test_flowsStayInTheRangeOfTheSignals() public {
        deposit(ADA, 2 ** 56);
        draw(2 ** 56 - 1);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, int256(2 ** 56)));
        draw(1);
    }

    // --- when ---

    function assertOnlyBack(IRebalanceHub.Status status) private {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.WrongStatus.selector, status));
        draw(1);
        giveBack(1);
        assertPending(-1);
    }

    function test_whileStaleOnlyBack() public {
        makeStale();
        assertOnlyBack(IRebalanceHub.Status.Stale);
    }

    function test_whilePausedOnlyBack() public {
        pause();
        assertOnlyBack(IRebalanceHub.Status.Paused);
    }

    function test_inWindDownOnlyBack() public {
        windDown();
        assertOnlyBack(IRebalanceHub.Status.WindDown);
    }

    // --- where to ---

    /// Or the same assets would count as idle and as drawn.
    function test_notToTheVaultItself() public {
        address itself = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vault = newVault(mandateNow(), itself);
        vm.assertEq(address(vault), itself);
        deposit(ADA, 1_000 * usd);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.WrongAmountMoved.selector, 0, 400e6));
        draw(400e6);
    }
}
