// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC7540Deposit, IERC7540Operator, IERC7540Redeem} from "../../src/interfaces/IERC7540.sol";
import {IERC7575} from "../../src/interfaces/IERC7575.sol";
import {IERC7887Deposit, IERC7887Redeem} from "../../src/interfaces/IERC7887.sol";
import {IERC7540DepositTransferable, IERC7540RedeemTransferable} from "../../src/interfaces/IERC8161.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// ERC-7540 (final), ERC-7575, ERC-7887 and ERC-8161 (drafts), by their texts, method by method. The comments quote them.
contract ERC7540Test is ShareTokenScene {
    function setUp() public virtual override {
        super.setUp();
        open(6, 1);
        enter(ADA, 1_000 * usd, 0);
        draw(500 * USD_E6);
        prove(500);
    }

    // --- ERC-165 ---

    /// "All asynchronous Vaults MUST return the constant value `true` if either `0xe3bc4e65` or `0x2f0a18c5` is passed."
    function test_interfaceIds() public view {
        bytes4[9] memory ids = [
            bytes4(0x01ffc9a7),
            0xe3bc4e65,
            0x2f0a18c5,
            0xce3bbe50,
            0x620ee8e4,
            0x8bf840e3,
            0xe76cffc7,
            0x53b3bb0a,
            0x7846f5bd
        ];
        for (uint256 i; i < ids.length; ++i) {
            vm.assertTrue(vault.supportsInterface(ids[i]));
        }
        vm.assertFalse(vault.supportsInterface(0xffffffff));
        // "If a Vault implements all 5 interfaces" of ERC-7575, the ids of the parts too; their XOR is that of the whole.
        bytes4[5] memory parts = [bytes4(0x50a526d6), 0xc1f329ef, 0xe1550342, 0x2fd7d42a, 0x70dec094];
        bytes4 whole;
        for (uint256 i; i < parts.length; ++i) {
            vm.assertTrue(vault.supportsInterface(parts[i]));
            whole ^= parts[i];
        }
        vm.assertTrue(whole == ids[2]);
        vm.assertTrue(type(IERC7540Operator).interfaceId == ids[1]);
        vm.assertTrue(type(IERC7575).interfaceId == ids[2]);
        vm.assertTrue(type(IERC7540Deposit).interfaceId == ids[3]);
        vm.assertTrue(type(IERC7540Redeem).interfaceId == ids[4]);
        vm.assertTrue(type(IERC7887Deposit).interfaceId == ids[5]);
        vm.assertTrue(type(IERC7887Redeem).interfaceId == ids[6]);
        vm.assertTrue(type(IERC7540DepositTransferable).interfaceId == ids[7]);
        vm.assertTrue(type(IERC7540RedeemTransferable).interfaceId == ids[8]);
    }

    /// ERC-7575: "`share` MAY return the address of the Vault itself."
    function test_share() public view {
        vm.assertEq(vault.share(), address(vault));
        vm.assertEq(vault.asset(), address(asset));
    }

    // --- operators ---

    /// "MUST set the operator status to the `approved` value. MUST log the `OperatorSet` event. MUST return True."
    function test_setOperator() public {
        for (uint256 i; i < 2; ++i) {
            bool approved = i == 0;
            vm.expectEmit(address(vault));
            emit IERC7540Operator.OperatorSet(ADA, EVE, approved);
            vm.prank(ADA);
            vm.assertTrue(vault.setOperator(EVE, approved));
            vm.assertTrue(vault.isOperator(ADA, EVE) == approved);
        }
    }

    // --- requestDeposit ---

    /// "Transfers `assets` from `owner` into the Vault … with a corresponding increase in `pendingDepositRequest` … MUST emit
    /// the `DepositRequest` event."
    function test_requestDeposit() public {
        give(BEN, 100 * usd);
        uint256 id = vault.nextRequestId();
        uint256 before = asset.balanceOf(address(vault));
        vm.expectEmit(address(vault));
        emit IERC7540Deposit.DepositRequest(EVE, BEN, id, BEN, 100 * usd);
        vm.prank(BEN);
        vm.assertEq(vault.requestDeposit(100 * usd, EVE, BEN), id);
        vm.assertEq(asset.balanceOf(address(vault)), before + 100 * usd);
        vm.assertEq(vault.pendingDepositRequest(id, EVE), 100 * usd);
        vm.assertEq(vault.pendingDepositRequest(id, BEN), 0);
        vm.assertEq(vault.claimableDepositRequest(id, EVE), 0);
        vm.assertTrue(id != 0);
    }

    /// "`owner` MUST equal `msg.sender` unless the `owner` has approved the `msg.sender` as an operator."
    function test_requestDepositOfAnOwner() public {
        give(BEN, 100 * usd);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.requestDeposit(100 * usd, EVE, BEN);
        approve(BEN, EVE);
        vm.prank(EVE);
        uint256 id = vault.requestDeposit(100 * usd, ADA, BEN);
        vm.assertEq(vault.pendingDepositRequest(id, ADA), 100 * usd);
    }

    /// "MUST revert if all of `assets` cannot be requested (… the user not approving enough …)."
    function test_requestDepositWithoutApproval() public {
        asset.mint(BEN, 100 * usd);
        vm.prank(BEN);
        vm.expectRevert();
        vault.requestDeposit(100 * usd, BEN, BEN);
    }

    function approve(address controller, address operator) private {
        vm.prank(controller);
        vault.setOperator(operator, true);
    }

    // --- requestRedeem ---

    /// "the `shares` MUST be removed from the custody of `owner` upon `requestRedeem` … MUST emit the `RedeemRequest` event."
    function test_requestRedeem() public {
        uint256 id = vault.nextRequestId();
        vm.expectEmit(address(vault));
        emit IERC7540Redeem.RedeemRequest(EVE, ADA, id, ADA, 100 * one);
        vm.prank(ADA);
        vm.assertEq(vault.requestRedeem(100 * one, EVE, ADA), id);
        vm.assertEq(vault.balanceOf(ADA), 900 * one);
        vm.assertEq(vault.pendingRedeemRequest(id, EVE), 100 * one);
        vm.assertEq(vault.claimableRedeemRequest(id, EVE), 0);
    }

    /// "may come either from ERC-20 approval over the `shares` of `owner` or if the `owner` has approved the `msg.sender` as
    /// an operator … spenders with operator permission are not subject to allowance restrictions, spenders with infinite
    /// approvals SHOULD NOT have their allowance deducted …, spenders with non-infinite approvals MUST."
    function test_requestRedeemOfAnOwner() public {
        vm.prank(EVE);
        vm.expectRevert();
        vault.requestRedeem(10 * one, EVE, ADA);
        vm.prank(ADA);
        vault.approve(EVE, 15 * one);
        vm.prank(EVE);
        vault.requestRedeem(10 * one, EVE, ADA);
        vm.assertEq(vault.allowance(ADA, EVE), 5 * one);
        vm.prank(ADA);
        vault.approve(EVE, type(uint256).max);
        vm.prank(EVE);
        vault.requestRedeem(10 * one, EVE, ADA);
        vm.assertEq(vault.allowance(ADA, EVE), type(uint256).max);
        vm.prank(ADA);
        vault.approve(EVE, 1);
        approve(ADA, EVE);
        vm.prank(EVE);
        vault.requestRedeem(10 * one, EVE, ADA);
        vm.assertEq(vault.allowance(ADA, EVE), 1);
    }

    /// "MUST revert if all of `shares` cannot be requested (… the owner not having enough shares …)."
    function test_requestRedeemOfTooMuch() public {
        vm.prank(ADA);
        vm.expectRevert();
        vault.requestRedeem(1_000 * one + 1, ADA, ADA);
    }

    // --- ids ---

    /// "all Requests with the same `requestId` MUST transition from Pending to Claimable at the same time and receive the same
    /// exchange rate … If a Request becomes partially claimable, all requests of the same `requestId` MUST become claimable at
    /// the same pro-rata rate."
    function test_requestsOfOneIdAreFungible() public {
        enter(BEN, 1_000 * usd, 500);
        draw(1_400 * USD_E6); // 100 dollars stay
        vm.prank(ADA);
        vm.assertTrue(vault.transfer(EVE, 100 * one));
        uint256 id = requestRedeem(ADA, 300 * one);
        vm.assertEq(requestRedeem(EVE, 100 * one), id);
        settleAt(1_900);
        uint256 ofAda = vault.claimableRedeemRequest(id, ADA);
        uint256 ofEve = vault.claimableRedeemRequest(id, EVE);
        vm.assertTrue(ofEve != 0 && ofEve < 100 * one);
        vm.assertTrue(ofAda <= 3 * ofEve + 3 && ofAda + 3 >= 3 * ofEve);
        uint256 forAda = claimAssets(ADA);
        uint256 forEve = claimAssets(EVE);
        vm.assertTrue(forAda <= 3 * forEve + 3 && forAda + 3 >= 3 * forEve);
        id = requestDeposit(EVE, 40 * usd);
        vm.assertEq(requestDeposit(BEN, 80 * usd), id);
        settleAt(1_900);
        uint256 few = claimShares(EVE);
        uint256 many = claimShares(BEN);
        vm.assertTrue(many <= 2 * few + 2 && many + 2 >= 2 * few);
    }

    // --- deposit and mint ---

    /// "The `deposit` and `mint` methods do not transfer `assets` to the Vault … When the `Deposit` event is emitted, the
    /// first parameter MUST be the `controller`, and the second parameter MUST be the `receiver`." "`maxDeposit` increases and
    /// decreases in sync with `claimableDepositRequest`."
    function test_depositAndMint() public {
        uint256 id = requestDeposit(BEN, 100 * usd);
        settleAt(500);
        vm.assertEq(vault.maxDeposit(BEN), vault.claimableDepositRequest(id, BEN));
        uint256 all = vault.maxMint(BEN);
        uint256 held = asset.balanceOf(address(vault));
        uint256 half = all / 2;
        vm.expectEmit(address(vault));
        emit IERC7575.Deposit(BEN, EVE, 50 * usd, half);
        vm.prank(BEN);
        vm.assertEq(vault.deposit(50 * usd, EVE), half);
        vm.assertEq(vault.maxDeposit(BEN), 50 * usd);
        vm.assertEq(vault.claimableDepositRequest(id, BEN), 50 * usd);
        uint256 rest = vault.maxMint(BEN);
        vm.prank(BEN);
        vm.assertEq(vault.mint(rest, EVE), 50 * usd);
        vm.assertEq(vault.maxDeposit(BEN), 0);
        vm.assertEq(vault.maxMint(BEN), 0);
        vm.assertEq(vault.balanceOf(EVE), half + rest);
        vm.assertEq(asset.balanceOf(address(vault)), held);
        vm.prank(BEN);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.MoreThanClaimable.selector, 1, 0));
        vault.deposit(1, BEN);
        vm.prank(BEN);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.MoreThanClaimable.selector, 1, 0));
        vault.mint(1, BEN);
    }

    /// "Calls MUST revert unless `msg.sender` is either equal to `controller` or an operator approved by `controller`."
    function test_depositAndMintForAController() public {
        requestDeposit(BEN, 100 * usd);
        settleAt(500);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.deposit(1 * usd, EVE, BEN);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.mint(one, EVE, BEN);
        approve(BEN, EVE);
        vm.prank(EVE);
        vault.deposit(60 * usd, EVE, BEN);
        uint256 rest = vault.maxMint(BEN);
        vm.prank(EVE);
        vault.mint(rest, EVE, BEN);
        vm.assertEq(vault.maxDeposit(BEN), 0);
    }

    // --- withdraw and redeem ---

    /// "The `redeem` and `withdraw` methods do not transfer `shares` to the Vault … the controller MUST be `msg.sender` unless
    /// the `controller` has approved the `msg.sender` as an operator."
    function test_withdrawAndRedeem() public {
        uint256 id = requestRedeem(ADA, 100 * one);
        settleAt(500);
        uint256 shares = vault.maxRedeem(ADA);
        vm.assertEq(shares, vault.claimableRedeemRequest(id, ADA));
        uint256 assets = vault.maxWithdraw(ADA);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.redeem(shares, EVE, ADA);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.withdraw(assets, EVE, ADA);
        vm.expectEmit(address(vault));
        emit IERC7575.Withdraw(ADA, BEN, ADA, assets / 2, shares / 2);
        vm.prank(ADA);
        vm.assertEq(vault.redeem(shares / 2, BEN, ADA), assets / 2);
        approve(ADA, EVE);
        vm.prank(EVE);
        vault.withdraw(assets - assets / 2, BEN, ADA);
        vm.assertEq(asset.balanceOf(BEN), assets);
        vm.assertEq(vault.maxWithdraw(ADA), 0);
        vm.prank(ADA);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.MoreThanClaimable.selector, 1, 0));
        vault.redeem(1, ADA, ADA);
        vm.prank(ADA);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.MoreThanClaimable.selector, 1, 0));
        vault.withdraw(1, ADA, ADA);
    }

    /// "`preview…` MUST revert for all callers and inputs."
    function test_previews() public {
        uint256[3] memory amounts = [uint256(0), usd, type(uint256).max];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(IShareToken.NoPreview.selector);
            vault.previewDeposit(amounts[i]);
            vm.expectRevert(IShareToken.NoPreview.selector);
            vault.previewMint(amounts[i]);
            vm.expectRevert(IShareToken.NoPreview.selector);
            vault.previewWithdraw(amounts[i]);
            vm.expectRevert(IShareToken.NoPreview.selector);
            vault.previewRedeem(amounts[i]);
        }
    }

    /// "MUST NOT show any variations depending on the caller. MUST NOT revert unless due to integer overflow …"
    function test_viewsDoNotRevert() public {
        uint256[3] memory ids = [uint256(0), 1, type(uint256).max];
        for (uint256 i; i < 3; ++i) {
            vm.prank(EVE);
            vm.assertEq(vault.pendingDepositRequest(ids[i], ADA), 0);
            vm.assertEq(vault.claimableDepositRequest(ids[i], ADA), 0);
            vm.assertEq(vault.pendingRedeemRequest(ids[i], ADA), 0);
            vm.assertEq(vault.claimableRedeemRequest(ids[i], ADA), 0);
            vm.assertEq(vault.claimableCancelDepositRequest(ids[i], ADA), 0);
            vm.assertEq(vault.claimableCancelRedeemRequest(ids[i], ADA), 0);
            vm.assertFalse(vault.pendingCancelDepositRequest(ids[i], ADA));
            vm.assertFalse(vault.pendingCancelRedeemRequest(ids[i], ADA));
        }
        vm.assertEq(vault.maxDeposit(address(0)) + vault.maxMint(address(0)), 0);
        vm.assertEq(vault.maxWithdraw(address(0)) + vault.maxRedeem(address(0)), 0);
    }

    /// "a user MUST call both request* and the corresponding Claim function separately": nothing is pushed.
    function test_nothingIsPushed() public {
        requestDeposit(BEN, 100 * usd);
        requestRedeem(ADA, 100 * one);
        settleAt(500);
        vm.assertEq(vault.balanceOf(BEN), 0);
        vm.assertEq(asset.balanceOf(ADA), 0);
    }

    // --- ERC-7887 ---

    function test_cancelDeposit() public {
        uint256 id = requestDeposit(BEN, 100 * usd);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.cancelDepositRequest(id, BEN);
        vm.expectEmit(address(vault));
        emit IERC7887Deposit.CancelDepositRequest(BEN, id, BEN);
        cancelDeposit(BEN, id);
        vm.assertEq(vault.pendingDepositRequest(id, BEN), 0);
        vm.assertEq(vault.claimableCancelDepositRequest(id, BEN), 100 * usd);
        vm.assertEq(asset.balanceOf(BEN), 0);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.claimCancelDepositRequest(id, EVE, BEN);
        approve(BEN, EVE);
        vm.expectEmit(address(vault));
        emit IERC7887Deposit.CancelDepositClaim(BEN, ADA, id, EVE, 100 * usd);
        vm.prank(EVE);
        vault.claimCancelDepositRequest(id, ADA, BEN);
        vm.assertEq(asset.balanceOf(ADA), 100 * usd);
        vm.assertEq(vault.claimableCancelDepositRequest(id, BEN), 0);
    }

    function test_cancelRedeem() public {
        uint256 id = requestRedeem(ADA, 100 * one);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.cancelRedeemRequest(id, ADA);
        vm.expectEmit(address(vault));
        emit IERC7887Redeem.CancelRedeemRequest(ADA, id, ADA);
        cancelRedeem(ADA, id);
        vm.assertEq(vault.pendingRedeemRequest(id, ADA), 0);
        vm.assertEq(vault.claimableCancelRedeemRequest(id, ADA), 100 * one);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.claimCancelRedeemRequest(id, EVE, ADA);
        vm.expectEmit(address(vault));
        emit IERC7887Redeem.CancelRedeemClaim(ADA, BEN, id, ADA, 100 * one);
        vm.prank(ADA);
        vault.claimCancelRedeemRequest(id, BEN, ADA);
        vm.assertEq(vault.balanceOf(BEN), 100 * one);
    }

    // --- ERC-8161 ---

    function test_transferDepositRequest() public {
        uint256 id = requestDeposit(BEN, 100 * usd);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotController.selector, EVE));
        vault.transferDepositRequest(id, BEN, EVE);
        vm.expectEmit(address(vault));
        emit IERC7540DepositTransferable.TransferDepositRequest(id, BEN, EVE, 100 * usd);
        vm.prank(BEN);
        vault.transferDepositRequest(id, BEN, EVE);
        vm.assertEq(vault.pendingDepositRequest(id, BEN), 0);
        vm.assertEq(vault.pendingDepositRequest(id, EVE), 100 * usd);
        settleAt(500);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NothingToTransfer.selector, id));
        vault.transferDepositRequest(id, EVE, BEN);
        vm.assertTrue(claimShares(EVE) != 0);
    }

    function test_transferRedeemRequest() public {
        uint256 id = requestRedeem(ADA, 100 * one);
        approve(ADA, EVE);
        vm.expectEmit(address(vault));
        emit IERC7540RedeemTransferable.TransferRedeemRequest(id, ADA, BEN, 100 * one);
        vm.prank(EVE);
        vault.transferRedeemRequest(id, ADA, BEN);
        vm.assertEq(vault.pendingRedeemRequest(id, ADA), 0);
        vm.assertEq(vault.pendingRedeemRequest(id, BEN), 100 * one);
        settleAt(500);
        vm.assertTrue(claimAssets(BEN) != 0);
    }

    // --- conversions ---

    /// ERC-4626: "MUST NOT revert", "MUST NOT show any variations depending on the caller", round down.
    function test_conversionsQuoteTheLastSettledPrice() public {
        uint256 assets = vault.convertToAssets(1_000 * one);
        vm.assertTrue(assets <= 1_000 * usd && assets >= 1_000 * usd - 1);
        vm.assertLe(vault.convertToShares(assets), 1_000 * one);
        prove(1_000); // no orders wait: nothing settles
        vm.assertEq(vault.convertToAssets(1_000 * one), assets);
        vault.settle();
        vm.assertTrue(vault.convertToAssets(1_000 * one) > 1_499 * usd);
        vm.assertLe(vault.totalAssets(), 1_500 * usd);
    }
}
