// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {IBatchVerifier} from "../../src/interfaces/IBatchVerifier.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Buckets} from "../../src/libraries/Buckets.sol";
import {Base} from "../Base.sol";

/// Stands for registry, oracle and both verifiers: every policy fits, only the same policy tightens, every other feed set is a
/// repair, and no proof is looked at.
contract Surroundings {
    function outline(uint256) external pure returns (uint8, uint24, uint32, uint32) {
        return (8, 1, 1, 1);
    }

    function pricedSlots(bytes32) external pure returns (uint8, uint32) {
        return (8, 1);
    }

    function longestHeartbeat(bytes32, uint32) external pure returns (uint32) {
        return 1 hours;
    }

    function isRepair(bytes32, bytes32, uint40) external pure returns (bool) {
        return true;
    }

    function tightens(uint256 from, uint256 to) external pure returns (bool) {
        return from == to;
    }

    function signalCount() external pure returns (uint256) {
        return 9;
    }
}

/// For all times and senders at once, by halmos: the states of a vault (`docs/states.md`) and the delay of a mandate.
contract StatesSymbolic is Base {
    uint40 private constant NOON = 1_700_000_000;
    address private constant OPERATOR = address(2);
    address private constant GUARDIAN = address(3);
    uint32 private constant MAX_PROOF_AGE = 10 days;
    uint32 private constant DELAY = 3 days;

    RebalanceHub private hub;
    bytes32 private mandate;
    bytes32 private tighter;
    bytes32 private looser;
    bytes32 private repaired;
    bytes32 private vaultId;

    function setUp() external {
        vm.warp(NOON);
        Surroundings around = new Surroundings();
        hub = new RebalanceHub(IPriceOracle(address(around)), IPolicyRegistry(address(around)));
        IRebalanceHub.Mandate memory terms;
        terms.policyHash = 7;
        terms.feedSet = bytes32(uint256(1));
        terms.key = hub.addKey(address(around), IBatchVerifier(address(around)), 8);
        (terms.grace, terms.maxProofAge) = (1 hours, MAX_PROOF_AGE);
        (terms.share.orderDelay, terms.share.redemptionPeriod) = (1 hours, 90 days);
        mandate = hub.addMandate(terms);
        terms.grace -= 1;
        tighter = hub.addMandate(terms);
        (terms.grace, terms.feedSet) = (1 hours, bytes32(uint256(2)));
        repaired = hub.addMandate(terms);
        (terms.feedSet, terms.maxProofAge) = (bytes32(uint256(1)), 30 days);
        looser = hub.addMandate(terms);
        vaultId = hub.openVault(OPERATOR, GUARDIAN, DELAY, mandate);
    }

    function status() private view returns (IRebalanceHub.Status) {
        return hub.status(vaultId);
    }

    /// The sender, with a path for each account that has a role. Else halmos does not know in whose book the number of the
    /// mandate stands, and takes the code that keeps the mandate for empty.
    function known(address sender) private view returns (address) {
        if (sender == OPERATOR) return OPERATOR;
        if (sender == GUARDIAN) return GUARDIAN;
        if (sender == address(this)) return address(this);
        return sender;
    }

    function check_noLooserMandateBeforeItsTimeNorAfterAWeek(address sender, uint32 waited) external {
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, looser);
        vm.warp(uint256(NOON) + waited);
        vm.prank(known(sender));
        (bool ok,) = address(hub).call(abi.encodeCall(IRebalanceHub.activateMandate, (vaultId, looser)));
        assert(ok == (waited >= DELAY && waited < DELAY + 7 days));
        assert(hub.vaultState(vaultId).mandateVersion == (ok ? 2 : 1));
    }

    function check_staleExactlyWhenTheLastProofIsTooOld(uint32 waited) external {
        vm.warp(uint256(NOON) + waited);
        bool stale = status() == IRebalanceHub.Status.Stale;
        assert(stale == (waited > MAX_PROOF_AGE));
    }

    /// A call of this kind, other than a rebalance.
    function call(uint8 kind, int64 flow, uint32 navSteps) private view returns (bytes memory) {
        if (kind == 0) return abi.encodeCall(IRebalanceHub.pause, (vaultId));
        if (kind == 1) return abi.encodeCall(IRebalanceHub.unpause, (vaultId));
        if (kind == 2) return abi.encodeCall(IRebalanceHub.proposeMandate, (vaultId, tighter));
        if (kind == 3) return abi.encodeCall(IRebalanceHub.proposeMandate, (vaultId, looser));
        if (kind == 4) return abi.encodeCall(IRebalanceHub.proposeMandate, (vaultId, repaired));
        if (kind == 5) return abi.encodeCall(IRebalanceHub.activateMandate, (vaultId, looser));
        if (kind == 6) return abi.encodeCall(IRebalanceHub.activateMandate, (vaultId, repaired));
        if (kind == 7) return abi.encodeCall(IRebalanceHub.withdrawMandate, (vaultId));
        if (kind == 8) return abi.encodeCall(IRebalanceHub.recordFlow, (vaultId, flow));
        if (kind == 9) return abi.encodeCall(IRebalanceHub.announceWriteDown, (vaultId, navSteps));
        if (kind == 10) return abi.encodeCall(IRebalanceHub.approveWriteDown, (vaultId, navSteps));
        if (kind == 11) return abi.encodeCall(IRebalanceHub.withdrawWriteDown, (vaultId));
        if (kind == 12) return abi.encodeCall(IRebalanceHub.proposeOperator, (vaultId, OPERATOR));
        if (kind == 13) return abi.encodeCall(IRebalanceHub.acceptOperator, (vaultId));
        if (kind == 14) return abi.encodeCall(IRebalanceHub.setOrdersWaiting, (vaultId, flow != 0));
        return abi.encodeCall(IRebalanceHub.windDown, (vaultId));
    }

    /// No call but a rebalance makes a stale vault active, whoever makes it and whenever, with a looser mandate proposed, and
    /// however much later somebody looks.
    function check_nothingButAProofMakesAStaleVaultActive(
        address sender,
        uint8 kind,
        int64 flow,
        uint32 waited,
        uint32 later
    ) external {
        vm.assume(waited > MAX_PROOF_AGE);
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, looser);
        staysStale(sender, kind, flow, waited, later);
    }

    /// The same after a pause, which the call may end.
    function check_norDoesItAfterAPause(address sender, uint8 kind, uint32 waited, uint32 later) external {
        vm.assume(waited > MAX_PROOF_AGE);
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
        staysStale(sender, kind, 0, waited, later);
    }

    function staysStale(address sender, uint8 kind, int64 flow, uint32 waited, uint32 later) private {
        vm.warp(uint256(NOON) + waited);
        vm.prank(known(sender));
        (bool done,) = address(hub).call(call(kind, flow, 1));
        done; // whether it was taken or not
        vm.warp(uint256(NOON) + waited + later);
        assert(status() != IRebalanceHub.Status.Active);
    }

    function check_windDownByOperatorAndOpenerOrAfterTwoPeriods(address sender, uint32 waited) external {
        vm.warp(uint256(NOON) + waited);
        vm.prank(known(sender));
        (bool ok,) = address(hub).call(abi.encodeCall(IRebalanceHub.windDown, (vaultId)));
        assert(ok == (sender == OPERATOR || sender == address(this) || waited > 2 * MAX_PROOF_AGE));
    }

    /// Whatever pause there was, the public waits for its end and half a period more.
    function check_noPauseShortensTheTimeToProve(uint32 paused, uint32 waited) external {
        vm.warp(uint256(NOON) + paused);
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
        uint256 then = uint256(NOON) + paused + waited;
        vm.warp(then);
        vm.prank(GUARDIAN);
        (bool ok,) = address(hub).call(abi.encodeCall(IRebalanceHub.windDown, (vaultId)));
        assert(ok == (then > uint256(NOON) + 2 * MAX_PROOF_AGE && waited > MAX_PROOF_AGE));
    }

    /// Whoever does whatever to it, but for rebalances.
    function check_windDownIsForEver(address sender, uint32 waited, uint8 kind, int64 flow) external {
        vm.prank(OPERATOR);
        hub.windDown(vaultId);
        vm.warp(uint256(NOON) + waited);
        vm.prank(known(sender));
        (bool ok,) = address(hub).call(call(kind, flow, 1));
        assert(status() == IRebalanceHub.Status.WindDown);
        assert(!ok || (kind == 8 && flow <= 0) || kind == 12 || kind == 14);
    }

    function check_flowsAddUpAndStayInBounds(int64 first, int64 second) external {
        (bool one,) = address(hub).call(abi.encodeCall(IRebalanceHub.recordFlow, (vaultId, first)));
        (bool two,) = address(hub).call(abi.encodeCall(IRebalanceHub.recordFlow, (vaultId, second)));
        int256 pending = hub.vaultState(vaultId).pendingFlow;
        assert(pending == (one ? int256(first) : int256(0)) + (two ? int256(second) : int256(0)));
        assert(-(2 ** 56) <= pending && pending < 2 ** 56);
    }

    function check_onlyTheGuardianPauses(address sender) external {
        vm.prank(known(sender));
        (bool ok,) = address(hub).call(abi.encodeCall(IRebalanceHub.pause, (vaultId)));
        assert(ok == (sender == GUARDIAN));
    }

    /// A bucket never holds more than its cap or than it held and was filled by.
    function check_aBucketFillsByItsRateUpToItsCap(uint32 rate, uint32 cap, uint32 level, uint40 elapsed)
        external
        pure
    {
        vm.assume(level <= cap);
        IRebalanceHub.Bucket memory bucket = IRebalanceHub.Bucket(rate, cap, 1);
        uint256 filled = Buckets.filled(bucket, level, elapsed);
        assert(level <= filled && filled <= cap);
        assert(filled <= level + uint256(rate) * elapsed / 1 days);
    }
}
