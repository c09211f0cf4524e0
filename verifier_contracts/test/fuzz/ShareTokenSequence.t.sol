// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";
import {Credulous} from "../mocks/Credulous.sol";

/// Random people order, cancel, transfer and claim, in whole and in part, while an operator draws, returns and proves books
/// that rise and fall. Verifiers believe everything, because this is not about proofs.
contract ShareTokenSequenceTest is ShareTokenScene {
    /// By hand: 450 runs of 400 steps.
    uint256 private constant STEPS = 120;

    address[4] private people = [ADA, BEN, EVE, address(0x0f)];
    uint256 private random;
    /// What the book is worth in truth, flows included, in 1e-6 of the asset.
    uint256 private bookE6;
    /// Orders made so far: each may leave a few units of dust by rounding.
    uint256 private orders;
    /// Ids of cancelled deposits that may not have been taken back.
    mapping(address who => uint256[]) private cancelledIds;

    function verifierFor(uint256) internal override returns (address) {
        return address(new Credulous());
    }

    function setUp() public override {
        super.setUp();
        open(6, 1);
    }

    /// Another vault, whose orders leave a part to those who stay.
    function levy(uint16 ppm) private {
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.orderLevyPpm = ppm;
        use(newVault(hub.addMandate(m), CUSTODY));
    }

    function draws(uint256 bound) private returns (uint256) {
        random = uint256(keccak256(abi.encode(random)));
        return random % bound;
    }

    function somebody() private returns (address) {
        return people[draws(4)];
    }

    /// forge-config: default.fuzz.runs = 24
    /// forge-config: ci.fuzz.runs = 450
    function testFuzz_noClaimAboveWhatIsSetAsideAndNobodyWhoStaysLoses(uint256 seed) public {
        random = seed;
        uint16[4] memory levies = [0, 1, 5_000, 20_000];
        levy(levies[seed % 4]);
        enter(ADA, 10_000 * usd, 0);
        for (uint256 i; i < STEPS; ++i) {
            step(draws(14));
            requireSolvent();
        }
        allLeave();
    }

    function step(uint256 action) private {
        address who = somebody();
        if (action == 0 || action == 1) {
            requestDeposit(who, usd + draws(3_000 * usd));
            ++orders;
        } else if (action == 2 || action == 3) {
            uint256 shares = vault.balanceOf(who);
            if (shares < 10 * one) return;
            requestRedeem(who, within(random, 4 * one, shares));
            ++orders;
        } else if (action == 4) {
            cancelSomething(who);
        } else if (action == 5) {
            transferSomething(who, somebody());
        } else if (action == 6) {
            claimSomeShares(who);
        } else if (action == 7) {
            claimSomeAssets(who);
        } else if (action == 8) {
            uint256 most = vault.available() / vault.unit();
            if (most == 0 || hub.status(vaultId) != IRebalanceHub.Status.Active || isOverdue()) return;
            uint256 quantity = 1 + draws(most);
            draw(uint56(quantity));
            bookE6 += quantity;
        } else if (action == 9) {
            uint256 quantity = draws(bookE6 + 1);
            if (quantity == 0) return;
            giveBack(uint56(quantity));
            bookE6 -= quantity;
        } else if (action == 10) {
            takeRound();
        } else if (action == 11) {
            pass(ORDER_DELAY / 2);
        } else {
            settleSome();
        }
    }

    function isOverdue() private view returns (bool) {
        (,, uint40 oldest) = vault.exits();
        return oldest != 0 && vm.getBlockTimestamp() > uint256(oldest) + REDEMPTION_PERIOD;
    }

    /// The book moves by up to 3%, a proof shows it, and who stays does not lose by what the proof settles.
    function settleSome() private {
        bookE6 = bookE6 * (970 + draws(61)) / 1_000;
        (,,, uint32 before) = vault.settledPrice();
        prove(uint48(bookE6 / 1e6));
        (uint256 assets, uint256 supply,, uint32 sequence) = vault.settledPrice();
        if (sequence == before) return;
        (uint256 bottom,) = vault.worth();
        // (bottom + 1) / (supply now + virtual) is not below (assets + 1) / (supply + virtual).
        vm.assertLe((assets + 1) * (vault.totalSupply() + 1e6), (bottom + 1) * (supply + 1e6));
    }

    function cancelSomething(address who) private {
        // From its round on an order is committed.
        uint256 latest = oracle.latestRound(feedSet);
        uint256[] memory ids = vault.openDeposits(who, 0, 30);
        for (uint256 i; i < ids.length; ++i) {
            uint256 id = ids[i];
            if (id <= latest || draws(2) == 0) continue;
            if (vault.pendingDepositRequest(id, who) == 0) continue;
            cancelDeposit(who, id);
            if (draws(2) == 0) takeBackAssets(who, id);
            else cancelledIds[who].push(id);
            return;
        }
        ids = vault.openRedemptions(who, 0, 30);
        for (uint256 i; i < ids.length; ++i) {
            uint256 id = ids[i];
            if (id <= latest || vault.pendingRedeemRequest(id, who) == 0) continue;
            cancelRedeem(who, id);
            takeBackShares(who, id);
            return;
        }
    }

    function transferSomething(address who, address to) private {
        uint256[] memory ids = vault.openRedemptions(who, 0, 30);
        for (uint256 i; i < ids.length; ++i) {
            if (vault.pendingRedeemRequest(ids[i], who) == 0 || draws(2) == 0) continue;
            uint256 pending = vault.pendingRedeemRequest(ids[i], who);
            uint256 others = who == to ? 0 : vault.pendingRedeemRequest(ids[i], to);
            uint256 claimable = vault.claimableRedeemRequest(ids[i], who);
            vm.prank(who);
            vault.transferRedeemRequest(ids[i], who, to);
            ++orders;
            vm.assertEq(vault.pendingRedeemRequest(ids[i], to), pending + others);
            vm.assertEq(vault.claimableRedeemRequest(ids[i], who), claimable);
            return;
        }
        ids = vault.openDeposits(who, 0, 30);
        for (uint256 i; i < ids.length; ++i) {
            if (vault.pendingDepositRequest(ids[i], who) == 0) continue;
            vm.prank(who);
            vault.transferDepositRequest(ids[i], who, to);
            return;
        }
    }

    function claimSomeShares(address who) private {
        uint256 most = vault.maxDeposit(who);
        if (most == 0) return;
        uint256 amount = draws(3) == 0 ? most : 1 + draws(most);
        if (draws(2) == 0) {
            vm.prank(who);
            vault.deposit(amount, who);
        } else {
            uint256 shares = vault.maxMint(who);
            shares = draws(3) == 0 ? shares : 1 + draws(shares);
            vm.prank(who);
            vault.mint(shares, who);
        }
    }

    function claimSomeAssets(address who) private {
        uint256 most = vault.maxRedeem(who);
        if (most == 0) return;
        if (draws(2) == 0) {
            uint256 shares = draws(3) == 0 ? most : 1 + draws(most);
            vm.prank(who);
            vault.redeem(shares, who, who);
        } else {
            uint256 assets = vault.maxWithdraw(who);
            if (assets == 0) return;
            assets = draws(3) == 0 ? assets : 1 + draws(assets);
            vm.prank(who);
            vault.withdraw(assets, who, who);
        }
        ++orders;
    }

    /// Everything comes back, everybody claims all they have, and only dust stays.
    function allLeave() private {
        if (bookE6 != 0) giveBack(uint56(bookE6));
        bookE6 = 0;
        settleAt(0);
        for (uint256 round; round < 2; ++round) {
            for (uint256 i; i < 4; ++i) {
                claimAll(people[i]);
            }
            if (round == 0) {
                for (uint256 i; i < 4; ++i) {
                    uint256 shares = vault.balanceOf(people[i]);
                    if (vault.convertToAssets(shares) >= usd) requestRedeem(people[i], shares);
                }
                settleAt(0);
            }
        }
        requireSolvent();
        // Shares that are worth less than a hundred NAV steps wait for wind-down: their price is too coarse to settle at.
        (uint256 bottom, uint256 top) = vault.worth();
        if (bottom < 100 * (top - bottom)) return;
        (uint256 waiting, uint256 owed,) = vault.exits();
        vm.assertEq(waiting, 0);
        vm.assertEq(owed, 0);
        vm.assertEq(vault.pendingDeposits(), 0);
        vm.assertLe(vault.setAside(), 3 * orders + 10); // a few units for each order, by rounding
    }

    function claimAll(address who) private {
        uint256[] memory ids = vault.openDeposits(who, 0, 1_000);
        for (uint256 i; i < ids.length; ++i) {
            uint256 assets = vault.claimableDepositRequest(ids[i], who);
            vm.prank(who);
            if (assets != 0) vault.deposit(ids[i], assets, who, who);
            else vault.claimCancelDepositRequest(ids[i], who, who);
        }
        ids = vault.openRedemptions(who, 0, 1_000);
        for (uint256 i; i < ids.length; ++i) {
            uint256 shares = vault.claimableRedeemRequest(ids[i], who);
            if (shares == 0) continue;
            vm.prank(who);
            vault.redeem(ids[i], shares, who, who);
        }
        vm.assertEq(vault.openDeposits(who, 0, 1).length, 0);
        for (uint256 i; i < cancelledIds[who].length; ++i) {
            uint256 id = cancelledIds[who][i];
            if (vault.claimableCancelDepositRequest(id, who) != 0) takeBackAssets(who, id);
        }
    }
}
