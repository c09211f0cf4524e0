// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareToken} from "../../src/ShareToken.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Token} from "../mocks/Token.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// @title What an honest chronicler of the whole system knows, who was told of every call that was taken
/// @notice From it follows what the contracts must say of themselves, and which call they must refuse and why. It says
/// the rules of the protocol once more, in its own words and with none of the contracts' code.
abstract contract Chronicle is ShareTokenScene {
    address internal constant SECOND_OPERATOR = address(bytes20(hex"0505050505050505050505050505050505050505"));

    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 internal constant VIRTUAL_SHARES = 1e6;
    uint24 internal constant NAV_STEP_USD = 10;

    // The first three tighten from one to the next; the others loosen whatever they replace, and no vault of these can
    // ever move to the last.
    uint32 internal constant LOOSE = 1;
    uint32 internal constant BASE = 2;
    uint32 internal constant TIGHT = 3;
    uint32 internal constant OTHER_KEY = 4;
    uint32 internal constant OTHER_FEEDS = 5;
    uint32 internal constant FOREIGN = 6;
    uint32 internal constant UNKNOWN = 7;

    struct Vault {
        bytes32 id;
        address opener;
        address operator;
        address proposedOperator;
        uint32 mandate;
        uint16 mandateVersion;
        /// 0: none is proposed.
        uint32 proposal;
        uint40 proposedAt;
        IRebalanceHub.Status marked;
        // --- what only a proof moves ---
        uint256 commitment;
        uint32 sequence;
        uint48 navFloor;
        uint40 timestamp;
        uint32 round;
        /// Sum of the flows since the last proof.
        int64 flow;
        // --- of a vault with a share token ---
        ShareToken token;
        bool drawn;
        /// Assets that came in and that went out, whichever way.
        uint256 received;
        uint256 paid;
        uint256 drawnInAll;
        uint256 setAside;
        /// Shares in the queue, and the request at its head.
        uint256 queued;
        uint256 head;
    }

    struct Round {
        uint32 feedSet;
        uint40 timestamp;
        uint256[] words;
    }

    Vault[] internal vaults;
    Round[] internal rounds; // from 1 on
    IRebalanceHub.Mandate[] internal mandates; // from 1 on
    mapping(uint256 vault => IShareToken.Request[]) internal requests;
    mapping(uint256 vault => mapping(address receiver => uint256)) internal claims;

    function setUp() public virtual override {
        super.setUp();
        addSecondKeyAndFeedSet();
        rounds.push();
        mandates.push();
        uint256 policyHash = registered(30, NAV_STEP_USD);
        IRebalanceHub.Mandate memory terms = mandate(registered(40, NAV_STEP_USD));
        (terms.maxProofAge, terms.accrualRatePpmPerDay) = (2 days, 400);
        addMandate(terms);
        addMandate(mandate(policyHash));
        terms = mandate(registered(20, NAV_STEP_USD));
        (terms.maxProofAge, terms.maxSnapshotAge, terms.accrualCapPpm) = (12 hours, 30 minutes, 50);
        addMandate(terms);
        terms = mandate(policyHash);
        terms.key = key + 1;
        addMandate(terms);
        (terms.key, terms.feedSet) = (key, feedSet + 1);
        addMandate(terms);
        addMandate(mandate(registered(30, 2 * NAV_STEP_USD)));
    }

    function addSecondKeyAndFeedSet() private {
        IRebalanceHub.Key memory same = hub.keyOf(key);
        hub.addKey(same.verifier, same.batchVerifier, same.slots);
        oracle.addFeedSet(oracle.feedSetOf(feedSet));
    }

    function registered(uint16 slippageBps, uint24 navStepUsd) private returns (uint256) {
        IPolicyRegistry.Policy memory policy = policyOf(SLOTS);
        (policy.slippageBps, policy.navStepUsd) = (slippageBps, navStepUsd);
        return register(policy);
    }

    function addMandate(IRebalanceHub.Mandate memory added) private {
        mandates.push(added);
        vm.assertEq(hub.addMandate(added), mandates.length - 1);
    }

    /// The time of now. The compiler takes `block.timestamp` for the same throughout a call, whatever warps in between.
    function clock() internal view returns (uint40) {
        return uint40(vm.getBlockTimestamp());
    }

    // --- telling the chronicler ---

    function opened(bytes32 id, address opener, address operator, uint32 mandate_, ShareToken token) internal {
        Vault storage v = vaults.push();
        (v.id, v.opener, v.operator, v.mandate, v.mandateVersion) = (id, opener, operator, mandate_, 1);
        // tests/integration/test_hub.py computes it from the definition
        v.commitment = 11718855894788297332579967189316426542143807469435092199787309290383725827324;
        v.timestamp = clock();
        v.token = token;
    }

    function accepted(Vault storage v, uint256[] memory signals, uint32 round) internal {
        v.commitment = signals[1];
        v.navFloor = uint48(signals[5]);
        v.sequence += 1;
        (v.round, v.timestamp) = (round, rounds[round].timestamp);
        v.flow = 0;
        if (v.marked == IRebalanceHub.Status.Stale) v.marked = IRebalanceHub.Status.Active;
    }

    function moved(Vault storage v, uint32 mandate_) internal {
        if (statusOf(v) == IRebalanceHub.Status.Stale) v.marked = IRebalanceHub.Status.Stale;
        (v.mandate, v.proposal) = (mandate_, 0);
        v.mandateVersion += 1;
    }

    // --- what must be so ---

    function statusOf(Vault storage v) internal view returns (IRebalanceHub.Status) {
        if (v.marked != IRebalanceHub.Status.Active) return v.marked;
        bool stale = clock() > v.timestamp + mandates[v.mandate].maxProofAge;
        return stale ? IRebalanceHub.Status.Stale : IRebalanceHub.Status.Active;
    }

    /// The public signals of an honest proof. Of those that the hub refuses before it looks at them, anything.
    function signalsOf(Vault storage v, uint256 commitmentAfter, uint256 navFloor, uint32 round, uint40 deadline)
        internal
        view
        returns (uint256[] memory s)
    {
        s = new uint256[](9);
        s[0] = v.commitment;
        s[1] = commitmentAfter;
        s[2] = mandates[v.mandate].policyHash;
        s[3] = v.flow < 0 ? R - uint64(-v.flow) : uint64(v.flow);
        s[4] = accrualOf(v, round);
        s[5] = navFloor;
        s[6] = contextOf(v, round, deadline);
        if (round < rounds.length && round != 0) (s[7], s[8]) = (rounds[round].words[0], rounds[round].words[1]);
    }

    function accrualOf(Vault storage v, uint32 round) private view returns (uint256) {
        uint40 timestamp = round < rounds.length ? rounds[round].timestamp : 0;
        if (v.sequence == 0 || timestamp < v.timestamp) return 0;
        uint256 accrued = uint256(mandates[v.mandate].accrualRatePpmPerDay) * (timestamp - v.timestamp) / 86_400;
        return accrued > mandates[v.mandate].accrualCapPpm ? mandates[v.mandate].accrualCapPpm : accrued;
    }

    function contextOf(Vault storage v, uint32 round, uint40 deadline) private view returns (uint256) {
        bytes memory place =
            abi.encode(block.chainid, hub, v.id, v.sequence + 1, v.mandateVersion, round, v.operator, deadline);
        return uint256(keccak256(place)) % R;
    }

    /// Why the hub must refuse any rebalance at this snapshot until then; 0: it need not.
    function whyNotAt(uint32 round, uint40 deadline) internal view returns (bytes4) {
        if (clock() > deadline) return IRebalanceHub.DeadlinePassed.selector;
        if (round == 0 || round >= rounds.length) return IPriceOracle.UnknownRound.selector;
        return 0;
    }

    /// Why the hub must refuse any rebalance of a vault at this snapshot and by this key; 0: it need not.
    function whyNotNow(Vault storage v, uint32 round, uint32 key_) internal view returns (bytes4) {
        IRebalanceHub.Mandate storage terms = mandates[v.mandate];
        Round storage snapshot = rounds[round];
        if (snapshot.feedSet != terms.feedSet) return IRebalanceHub.WrongFeedSet.selector;
        if (clock() > snapshot.timestamp + terms.maxSnapshotAge) return IRebalanceHub.SnapshotTooOld.selector;
        if (key_ != terms.key) return IRebalanceHub.WrongKey.selector;
        if (v.marked >= IRebalanceHub.Status.Paused) return IRebalanceHub.WrongStatus.selector;
        if (snapshot.timestamp < v.timestamp) return IRebalanceHub.SnapshotBeforeLast.selector;
        return 0;
    }

    /// Why the hub must refuse a rebalance; 0: it must take it.
    /// @param sound whether the proof is one of the given signals.
    function whyNot(Vault storage v, address sender, IRebalanceHub.Rebalance memory r, bool sound)
        internal
        view
        returns (bytes4 reason)
    {
        if (sender != v.operator) return IRebalanceHub.NotOperator.selector;
        reason = whyNotAt(r.round, r.deadline);
        if (reason == 0) reason = whyNotNow(v, r.round, mandates[v.mandate].key);
        if (reason != 0) return reason;
        if (r.signals.length != 9) return IRebalanceHub.WrongSignalCount.selector;
        for (uint256 i; i < 9; ++i) {
            if (r.signals[i] >= R) return IRebalanceHub.SignalNotInField.selector;
        }
        uint256[] memory own = signalsOf(v, r.signals[1], r.signals[5], r.round, r.deadline);
        if (r.signals[0] != own[0]) return IRebalanceHub.CommitmentMismatch.selector;
        if (r.signals[2] != own[2]) return IRebalanceHub.PolicyMismatch.selector;
        if (r.signals[3] != own[3]) return IRebalanceHub.FlowMismatch.selector;
        if (r.signals[4] != own[4]) return IRebalanceHub.AccrualMismatch.selector;
        if (r.signals[5] >= 2 ** 42) return IRebalanceHub.NavFloorOutOfRange.selector;
        if (r.signals[7] != own[7] || r.signals[8] != own[8]) return IRebalanceHub.PriceMismatch.selector;
        if (r.signals[6] != own[6]) return IRebalanceHub.ContextMismatch.selector;
        if (!inBaseField(r)) return IRebalanceHub.ProofCoordinateNotInField.selector;
        return sound ? bytes4(0) : IRebalanceHub.ProofRejected.selector;
    }

    function inBaseField(IRebalanceHub.Rebalance memory r) private pure returns (bool) {
        uint256[8] memory coordinates = abi.decode(abi.encode(r.proof), (uint256[8]));
        for (uint256 i; i < 8; ++i) {
            if (coordinates[i] >= Q) return false;
        }
        return true;
    }

    /// Why the hub must refuse to move a vault to a mandate at all; 0: it need not.
    function whyNeverTo(uint32 from, uint32 to) internal pure returns (bytes4) {
        if (to == 0 || to >= UNKNOWN) return IRebalanceHub.UnknownMandate.selector;
        return (from == FOREIGN) == (to == FOREIGN) ? bytes4(0) : IPolicyRegistry.NavStepChanged.selector;
    }

    function onlyTightens(uint32 from, uint32 to) internal pure returns (bool) {
        return from == to || (from <= TIGHT && to <= TIGHT && from < to);
    }

    // --- share tokens ---

    function idleOf(Vault storage v) internal view returns (uint256) {
        return v.received - v.paid - v.setAside;
    }

    function unitOf(Vault storage v) internal view returns (uint256) {
        return 10 ** (Token(v.token.asset()).decimals() - 6);
    }

    /// What all shares are worth at the bottom of the disclosed step, and at its top.
    function worthOf(Vault storage v) internal view returns (uint256 bottom, uint256 top) {
        uint256 here = idleOf(v);
        if (v.marked == IRebalanceHub.Status.WindDown) return (here, here);
        (uint256 low, uint256 high) = (0, 0);
        if (v.round != 0) {
            uint256 price = rounds[v.round].words[0] % 2 ** 48; // USD 1e-8
            uint256 navStepE14 = uint256(NAV_STEP_USD) * 1e14;
            low = v.navFloor * navStepE14 / price;
            high = v.drawn ? ((v.navFloor + 1) * navStepE14 + price - 1) / price : low;
        }
        int256 unit = int256(unitOf(v));
        int256 sum = int256(here) + (int256(low) + v.flow) * unit;
        vm.assertTrue(sum >= 0); // the asset does nothing by itself
        return (uint256(sum), uint256(sum + int256(high - low) * unit));
    }

    function isOpen(Vault storage v) internal view returns (bool) {
        return statusOf(v) == IRebalanceHub.Status.Active && isFine(v);
    }

    /// Whether the step of the disclosed NAV is at most a hundredth of what all shares are worth.
    function isFine(Vault storage v) internal view returns (bool) {
        (uint256 bottom, uint256 top) = worthOf(v);
        return v.token.totalSupply() == 0 || 100 * (top - bottom) <= bottom;
    }

    function toShares(Vault storage v, uint256 assets, uint256 worth) internal view returns (uint256) {
        return assets * (v.token.totalSupply() + VIRTUAL_SHARES) / (worth + 1);
    }

    function toAssets(Vault storage v, uint256 shares, uint256 worth) internal view returns (uint256) {
        return shares * (worth + 1) / (v.token.totalSupply() + VIRTUAL_SHARES);
    }

    /// What lies idle and is not owed to the queue.
    function availableOf(Vault storage v) internal view returns (uint256) {
        (uint256 worth,) = worthOf(v);
        uint256 owed = v.queued == 0 ? 0 : v.queued * (worth + 1);
        uint256 all = v.token.totalSupply() + VIRTUAL_SHARES;
        owed = (owed + all - 1) / all;
        uint256 here = idleOf(v);
        return here > owed ? here - owed : 0;
    }

    /// The queue, first come, first served, at one price.
    function process(uint256 number, uint256 most) internal returns (uint256 shares, uint256 assets) {
        Vault storage v = vaults[number];
        (uint256 worth,) = worthOf(v);
        uint256 all = v.token.totalSupply() + VIRTUAL_SHARES;
        uint256 left = idleOf(v);
        for (; most != 0 && v.head < requests[number].length && left != 0; --most) {
            IShareToken.Request storage first = requests[number][v.head];
            uint256 burnt = first.shares;
            uint256 paid = burnt * (worth + 1) / all;
            if (paid > left) (burnt, paid) = ((left * all + worth) / (worth + 1), left);
            left -= paid;
            first.shares -= burnt;
            claims[number][first.receiver] += paid;
            (shares, assets) = (shares + burnt, assets + paid);
            if (first.shares == 0) v.head += 1;
        }
        v.queued -= shares;
        v.setAside += assets;
    }

    // --- the properties, by their ids in PROPERTIES.md ---

    /// Everything that the contracts say of themselves is what the chronicler knows.
    function check() external view {
        for (uint256 i; i < vaults.length; ++i) {
            checkHub(vaults[i]);
            if (address(vaults[i].token) != address(0)) checkToken(i, vaults[i]);
        }
    }

    function checkHub(Vault storage v) private view {
        IRebalanceHub.VaultState memory state = hub.vaultState(v.id);
        vm.assertEq(state.commitment, v.commitment, "SYS-1: commitment");
        vm.assertEq(state.sequence, v.sequence, "SYS-2: sequence");
        vm.assertEq(state.navFloor, v.navFloor, "SYS-3: NAV floor");
        vm.assertEq(state.snapshotTimestamp, v.timestamp, "SYS-3: timestamp");
        vm.assertEq(state.round, v.round, "SYS-3: round");
        vm.assertEq(state.mandate, v.mandate, "SYS-4: mandate");
        vm.assertEq(state.mandateVersion, v.mandateVersion, "SYS-4: mandate version");
        vm.assertEq(uint256(state.status), uint256(statusOf(v)), "SYS-5: status");
        vm.assertTrue(state.pendingFlow == v.flow, "SYS-6: pending flow");

        (uint32 proposal, uint40 activeFrom) = hub.proposedMandate(v.id);
        vm.assertEq(proposal, v.proposal, "SYS-4: proposal");
        vm.assertEq(activeFrom, v.proposal == 0 ? 0 : v.proposedAt + LOOSENING_DELAY, "SYS-4: active from");
        (address opener, address operator, address proposedOperator,,) = hub.rolesOf(v.id);
        vm.assertTrue(opener == v.opener && operator == v.operator, "SYS-7: roles");
        vm.assertTrue(proposedOperator == v.proposedOperator, "SYS-7: proposed operator");
    }

    function checkToken(uint256 number, Vault storage v) private view {
        Token asset_ = Token(v.token.asset());
        vm.assertEq(asset_.balanceOf(address(v.token)), v.received - v.paid, "SYS-8: assets");
        vm.assertEq(asset_.balanceOf(v.token.custody()), v.drawnInAll, "SYS-8: custody");
        vm.assertLe(v.setAside, asset_.balanceOf(address(v.token)));

        (uint256 worth,) = worthOf(v);
        vm.assertEq(v.token.totalAssets(), worth, "SYS-9: worth");
        uint256 forAll = v.token.convertToAssets(v.token.totalSupply());
        vm.assertTrue(forAll <= worth, "SYS-9: more than there is");
        vm.assertEq(v.token.maxDeposit(ADA), isOpen(v) ? type(uint256).max : 0, "SYS-5: deposits");
        vm.assertEq(v.token.available(), availableOf(v), "SYS-11: available");

        (uint64 head, uint64 end, uint256 queued) = v.token.queue();
        vm.assertEq(head, v.head, "SYS-11: head");
        vm.assertEq(end, requests[number].length, "SYS-11: end");
        vm.assertEq(queued, v.queued, "SYS-11: queued");
        vm.assertEq(v.token.balanceOf(address(v.token)), v.queued, "SYS-11: escrow");
        for (uint256 id = 0; id < end; ++id) {
            vm.assertEq(v.token.requestOf(id).shares, requests[number][id].shares, "SYS-11: request");
        }
        address[3] memory receivers = [ADA, BEN, EVE];
        uint256 claimable;
        for (uint256 i; i < receivers.length; ++i) {
            vm.assertEq(v.token.claimable(receivers[i]), claims[number][receivers[i]], "SYS-11: claim");
            claimable += claims[number][receivers[i]];
        }
        vm.assertEq(claimable, v.setAside, "SYS-11: claims");
        vm.assertEq(v.token.setAside(), v.setAside, "SYS-11: set aside");
    }
}
