// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {DevFeed} from "../../src/dev/DevFeed.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
import {Scene} from "../Scene.sol";

contract Spammer {
    /// What a new mandate costs at the least.
    function addMandates(RebalanceHub hub, IRebalanceHub.Mandate memory terms, uint256 times)
        external
        returns (uint256 gas_)
    {
        gas_ = gasleft();
        for (uint256 i; i < times; ++i) {
            terms.share.leastOrderE6 += 1;
            hub.addMandate(terms);
        }
        gas_ = (gas_ - gasleft()) / times;
    }
}

/// What anybody, or guardian and operator together, might do to a hub or a vault: one test for each kind of attack that was
/// possible before.
contract HubAttackTest is Scene {
    function setUp() public override {
        super.setUp();
        build(8);
    }

    // --- the prover chooses no public input ---

    /// An operator who may look back for the best price trades against the vault at it. Whatever rounds there are, what can be
    /// used is of the last `grace`, and never older than what was used.
    function test_noLookingBackForTheBestPrice() public {
        uint32[] memory rounds = new uint32[](24);
        for (uint256 i; i < 24; ++i) {
            vm.warp(NOON + 1 + i * 1 hours);
            rounds[i] = takeRound();
        }
        uint256 usable;
        for (uint256 i; i < 24; ++i) {
            (bool ok,) = address(hub)
                .staticcall(
                    abi.encodeCall(hub.expectedSignals, (vaultId, 1, 1, Allowances.wrap(0), rounds[i], DEADLINE))
                );
            if (ok) usable += 1;
            vm.assertTrue(ok == (i + GRACE / 1 hours >= 23));
        }
        vm.assertEq(usable, GRACE / 1 hours + 1);
        submit(proven(vaultId, 1, rounds[23]));
        vm.expectRevert(
            abi.encodeWithSelector(IRebalanceHub.RoundBeforeLast.selector, NOON + 1 + 22 hours, NOON + 1 + 23 hours)
        );
        signalsAt(rounds[22]);
    }

    // --- what is bounded for each event is bounded per time ---

    /// A hundred valid rebalances at one snapshot took the NAV to 59.9%: each paid half a percent. All of them together now pay
    /// what the bucket of loss holds, once.
    function test_aHundredRebalancesAtOneSnapshotTakeOneBucket() public {
        prove();
        uint32 round = takeRound();
        uint256 used;
        uint256 accepted;
        for (uint256 i; i < 100; ++i) {
            uint256 level = hub.allowancesAt(vaultId, NOON).loss();
            uint256 want = 100_000;
            uint256 named = want < level ? want : level;
            submit(proven(vaultId, i, round, naming(0, named, 0)));
            used += named;
            accepted += 1;
        }
        vm.assertEq(accepted, 100);
        vm.assertEq(used, terms.loss.cap); // 0.2%, and not 40%
    }

    /// Over a day at any pace: cap and rate.
    function test_aDayOfRebalancesTakesCapAndRate() public {
        prove();
        uint256 used;
        for (uint256 i = 1; i <= 48; ++i) {
            vm.warp(NOON + i * 30 minutes);
            uint32 round = takeRound();
            uint256 named = hub.allowancesAt(vaultId, uint40(vm.getBlockTimestamp())).gain() / 1_000 * 1_000;
            submit(proven(vaultId, i, round, naming(named, 0, 0)));
            used += named;
        }
        vm.assertLe(used, terms.gain.cap + terms.gain.ratePerDay);
        vm.assertLt(terms.gain.cap, used);
    }

    // --- staleness is derived from data ---

    /// A longer `maxProofAge`, then pause and unpause, made a stale vault active without a proof.
    function test_noPauseAndNoMandateEndsStaleness() public {
        terms.maxProofAge = 6 days;
        bytes32 longer = hub.addMandate(terms);
        propose(longer);
        vm.warp(NOON + LOOSENING_DELAY);
        requireStatus(IRebalanceHub.Status.Stale);
        vm.expectRevert(wrong(IRebalanceHub.Status.Stale));
        hub.activateMandate(vaultId, longer);
        pause();
        vm.expectRevert(wrong(IRebalanceHub.Status.Paused));
        hub.activateMandate(vaultId, longer);
        unpause();
        vm.expectRevert(wrong(IRebalanceHub.Status.Stale));
        hub.activateMandate(vaultId, longer);
        requireStatus(IRebalanceHub.Status.Stale);
        vm.prank(OPENER);
        vm.expectRevert(wrong(IRebalanceHub.Status.Stale));
        hub.recordFlow(vaultId, 1);
    }

    // --- what waits lapses ---

    /// A proposal that ripened before the first deposit, and is forgotten by all but its author.
    function test_aProposalOfTwoYearsAgoIsVoid() public {
        terms.gain.cap = 999_999_999;
        bytes32 to = hub.addMandate(terms);
        propose(to);
        warpFresh(NOON + 730 days);
        vm.expectRevert(tooLate(NOON + LOOSENING_DELAY + ACTIVATION_WINDOW));
        hub.activateMandate(vaultId, to);
    }

    function test_anOperatorOfferOfTwoYearsAgoIsVoid() public {
        vm.prank(OPERATOR);
        hub.proposeOperator(vaultId, OTHER_OPERATOR);
        vm.warp(NOON + 730 days);
        vm.expectRevert(tooLate(NOON + 8 days));
        vm.prank(OTHER_OPERATOR);
        hub.acceptOperator(vaultId);
    }

    // --- clocks that depend on each other ---

    /// A guardian who pauses again and again, and then calls the public's wind-down.
    function test_aGuardianAloneEndsNoVault() public {
        prove();
        uint40 last = NOON;
        for (uint256 day; day < 12; ++day) {
            pause();
            vm.warp(last + HALF + 1); // it lapses
            vm.expectRevert(wrong(IRebalanceHub.Status.Paused));
            pause();
            vm.expectRevert(tooEarly(last + 2 * MAX_PROOF_AGE + 1));
            windDown(GUARDIAN);
            prove(); // in time: half a period is left
            requireStatus(IRebalanceHub.Status.Active);
            last = uint40(vm.getBlockTimestamp());
        }
    }

    /// The latest pause there can be leaves half a period too.
    function test_aPauseAtTheLastSecondEndsNoVault() public {
        vm.warp(NOON - 1 + 2 * MAX_PROOF_AGE);
        pause();
        uint40 until = NOON - 1 + 2 * MAX_PROOF_AGE + HALF;
        vm.warp(until);
        vm.expectRevert(tooEarly(until + HALF + 1));
        windDown(GUARDIAN);
        vm.warp(until + HALF);
        prove();
        requireStatus(IRebalanceHub.Status.Active);
    }

    /// It would take the public's right to wind down away.
    function test_noHugeProofAge() public {
        terms.maxProofAge = type(uint32).max;
        vm.expectRevert(
            abi.encodeWithSelector(
                IRebalanceHub.TermOutOfRange.selector, "maxProofAge", type(uint32).max, 1 hours, 30 days
            )
        );
        hub.addMandate(terms);
    }

    /// One dead feed, a loosening delay of 90 days: strangers wound the vault down before its feeds could be replaced.
    function test_aDeadFeedEndsNoVault() public {
        vm.warp(NOON + 1);
        vm.prank(OPENER);
        vaultId = hub.openVault(OPERATOR, GUARDIAN, 90 days, mandate);
        vm.warp(NOON + 2);
        prove();
        DevFeed alive = new DevFeed(8, "");
        vm.warp(NOON + 2 hours); // slot 3 is dead
        for (uint256 i; i < 7; ++i) {
            if (i != 3) post(i, dollars(i + 1));
        }
        alive.post(dollars(4), uint40(block.timestamp));
        (IPriceOracle.FeedSet memory set,) = oracle.feedSetOf(terms.feedSet);
        set.feeds[3].aggregator = alive;
        terms.feedSet = oracle.addFeedSet(set);
        bytes32 to = hub.addMandate(terms);
        propose(to);
        feeds[3] = alive;
        vm.warp(NOON + 2 hours + HALF);
        refresh();
        hub.activateMandate(vaultId, to);
        vm.warp(NOON + 2 hours + HALF + 1);
        refresh();
        oracle.takeSnapshot(terms.feedSet); // the first round waits for its confirmation
        vm.warp(NOON + 2 hours + HALF + 1 + DELAY);
        prove();
        vm.assertLt(vm.getBlockTimestamp(), NOON + 2 + 2 * MAX_PROOF_AGE); // long before the public may
        requireStatus(IRebalanceHub.Status.Active);
    }

    // --- griefing has a price, and names cannot be swapped ---

    /// Whoever took all of the hub's numbers for mandates would end them for everybody: at 30 million gas a block, that takes
    /// more than two years of nothing else.
    function test_takingAllMandateNumbersIsOutOfReach() public {
        uint256 each = new Spammer().addMandates(hub, terms, 50);
        vm.assertLt(2e14, each * 2 ** 30);
    }

    /// A vault's versions were 16 bits: 9·10⁹ gas. Only its operator could use them up, of its own vault.
    function test_usingUpAVaultsVersionsIsOutOfReach() public {
        propose(mandate);
        uint256 each = vm.lastCallGas().gasTotalUsed;
        vm.assertLt(1e14, each * 2 ** 32);
    }

    /// The same calls in another order, as after a reorganisation: every name still means the same.
    function test_aReorganisationSwapsNoNames() public {
        uint256 start = vm.snapshotState();
        (bytes32 firstKey, bytes32 secondKey) = (addKey(8), addKey(16));
        IRebalanceHub.Mandate memory other = terms;
        other.gain.cap += 5;
        bytes32 first = hub.addMandate(other);
        other.gain.cap += 5;
        bytes32 second = hub.addMandate(other);
        bytes memory content = abi.encode(hub.mandateOf(first), hub.mandateOf(second));
        vm.revertToState(start);
        vm.assertEq(hub.addMandate(other), second);
        other.gain.cap -= 5;
        vm.assertEq(hub.addMandate(other), first);
        vm.assertEq(abi.encode(hub.mandateOf(first), hub.mandateOf(second)), content);
        vm.assertTrue(firstKey != secondKey);
    }
}
