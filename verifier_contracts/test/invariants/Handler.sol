// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {ShareToken} from "../../src/ShareToken.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Token} from "../mocks/Token.sol";
import {Trapdoor} from "../Trapdoor.sol";
import {Chronicle} from "./Chronicle.sol";

/// @title Everything that people can do to the system, in any order
/// @notice Each action makes one call, or a few, out of one random number. The chronicle says beforehand whether the call
/// is taken or for which reason it is refused; any other outcome reverts the action, and so fails the run.
contract Handler is Chronicle {
    /// A proof that was made, and whether it is one of the signals beside it.
    struct Held {
        uint256 vault;
        bool sound;
        bytes rebalance;
    }

    uint256 private constant MOST_VAULTS = 5;

    Held[] private held;
    uint256 private random;

    uint256 public calls;
    uint256 public taken;
    mapping(bytes4 reason => uint256) public refused;

    error Unexpected(bytes4 reason, bytes4 expected, bytes input);

    /// Two vaults with share tokens, of assets with 6 and 18 decimals, and one without; each has rebalanced, and the tokens
    /// have a queue.
    function setUp() public override {
        super.setUp();
        openToken(6, OPERATOR, BASE);
        openToken(18, OPERATOR, LOOSE);
        openPlain(ADA, SECOND_OPERATOR, LOOSENING_DELAY, BASE);
        for (uint256 i; i < 2; ++i) {
            depositOf(i, ADA, 100_000 * dollar(i));
            depositOf(i, BEN, 50_000 * dollar(i));
            drawOf(i, OPERATOR, 60_000e6);
        }
        vm.warp(clock() + 1 minutes);
        snapshotOf(feedSet);
        for (uint256 i; i < 3; ++i) {
            submitAs(i, vaults[i].operator, honest(i, 6_000 * (2 - i / 2), 1), true);
        }
        for (uint256 i; i < 6; ++i) {
            this.requestRedeem(i);
            this.processQueue(i);
        }
        for (uint256 i; i < 4; ++i) {
            this.requestRedeem(i);
        }
    }

    // --- calls ---

    /// A call that must be taken, or be refused for this reason.
    function call(address sender, address target, bytes memory input, bytes4 expected) private returns (bytes memory) {
        vm.prank(sender);
        (bool ok, bytes memory answer) = target.call(input);
        bytes4 reason = ok ? bytes4(0) : bytes4(answer);
        require(ok == (expected == 0) && reason == expected, Unexpected(reason, expected, input));
        ++calls;
        if (ok) ++taken;
        else ++refused[reason];
        return answer;
    }

    function callHub(address sender, bytes memory input, bytes4 expected) private returns (bytes memory) {
        return call(sender, address(hub), input, expected);
    }

    // --- choices ---

    function upTo(uint256 most) private returns (uint256) {
        random = uint256(keccak256(abi.encode(random)));
        return within(random, 0, most);
    }

    /// True once in so many times.
    function onceIn(uint256 times) private returns (bool) {
        return upTo(times - 1) == 0;
    }

    function anyVault() private returns (uint256) {
        return upTo(vaults.length - 1);
    }

    /// A vault with a share token.
    function anyToken() private returns (uint256) {
        return upTo(1);
    }

    function anyHolder() private returns (address) {
        return [ADA, BEN, EVE][upTo(2)];
    }

    function anyOperator() private returns (address) {
        return onceIn(2) ? OPERATOR : SECOND_OPERATOR;
    }

    /// Mostly the one whose right it is.
    function mostly(address entitled) private returns (address) {
        return onceIn(8) ? anyHolder() : entitled;
    }

    // --- time and prices ---

    function passTime(uint256 seed) external {
        random = seed;
        uint256 kind = upTo(9);
        uint256 most = kind < 6 ? 20 minutes : kind < 9 ? 6 hours : 60 hours;
        vm.warp(clock() + 1 + upTo(most));
    }

    /// Feeds move a little, or far, or answer nonsense.
    function moveFeeds(uint256 seed) external {
        random = seed;
        bool far = onceIn(8);
        for (uint256 i; i < feeds.length; ++i) {
            (, int256 answer,,,) = feeds[i].latestRoundData();
            if (answer <= 0) answer = dollars(i + 1);
            if (i != 0) answer = answer * int256(far ? 50 + upTo(150) : 98 + upTo(4)) / 100 + 1;
            if (onceIn(100)) answer = -int256(upTo(1));
            post(i, answer);
        }
    }

    function takeSnapshot(uint256 seed) external {
        random = seed;
        uint32 set = feedSet + uint32(upTo(1));
        if (!onceIn(4)) refresh();
        snapshotOf(set);
    }

    function snapshotOf(uint32 set) private {
        uint256[] memory words = new uint256[](2);
        bytes4 reason = whyNoPrices(set, words);
        bool far = reason == 0 && movedFar(set, words);
        (uint40 confirmableAt,) = oracle.unconfirmed(set);
        if (far && confirmableAt > clock()) reason = IPriceOracle.ConfirmationTooEarly.selector;
        bytes memory answer = call(EVE, address(oracle), abi.encodeCall(IPriceOracle.takeSnapshot, (set)), reason);
        if (reason != 0) return;
        uint32 round = abi.decode(answer, (uint32));
        vm.assertEq(round, far ? 0 : rounds.length);
        if (!far) rounds.push(Round(set, clock(), words));
    }

    /// Writes the price words, unless the feeds must be refused.
    function whyNoPrices(uint32 set, uint256[] memory words) private view returns (bytes4) {
        uint32 last = oracle.latestRound(set);
        if (last != 0 && rounds[last].timestamp == clock()) return IPriceOracle.TwoSnapshotsInOneSecond.selector;
        for (uint256 i; i < feeds.length; ++i) {
            (, int256 answer,, uint256 updatedAt,) = feeds[i].latestRoundData();
            if (answer <= 0) return IPriceOracle.AnswerNotPositive.selector;
            if (clock() > updatedAt + HEARTBEAT) return IPriceOracle.AnswerStale.selector;
            words[i / 5] += uint256(answer) * 2 ** (48 * (i % 5));
        }
        return 0;
    }

    function movedFar(uint32 set, uint256[] memory words) private view returns (bool) {
        uint32 last = oracle.latestRound(set);
        if (last == 0) return false;
        (uint40 confirmableAt, uint256[] memory waiting) = oracle.unconfirmed(set);
        bool waited = confirmableAt != 0 && confirmableAt <= clock();
        for (uint256 i = 1; i < feeds.length; ++i) {
            bool near = isNear(words, rounds[last].words, i) || (waited && isNear(words, waiting, i));
            if (!near) return true;
        }
        return false;
    }

    function isNear(uint256[] memory words, uint256[] memory others, uint256 slot) private pure returns (bool) {
        uint256 a = (words[slot / 5] / 2 ** (48 * (slot % 5))) % 2 ** 48;
        uint256 b = (others[slot / 5] / 2 ** (48 * (slot % 5))) % 2 ** 48;
        return a * 10_000 <= b * (10_000 + MAX_DEVIATION_BPS) && b * 10_000 <= a * (10_000 + MAX_DEVIATION_BPS);
    }

    // --- vaults ---

    function openVault(uint256 seed) external {
        random = seed;
        if (vaults.length == MOST_VAULTS) return;
        address operator = onceIn(4) ? address(0) : anyOperator();
        uint32 delay = onceIn(4) ? 1 days - 1 : LOOSENING_DELAY;
        openPlain(anyHolder(), operator, delay, uint32(upTo(UNKNOWN)));
    }

    function openPlain(address opener, address operator, uint32 delay, uint32 mandate_) private {
        bytes4 reason;
        if (operator == address(0)) reason = IRebalanceHub.ZeroAddress.selector;
        else if (delay < 1 days) reason = IRebalanceHub.DelayTooShort.selector;
        else if (mandate_ == 0 || mandate_ == UNKNOWN) reason = IRebalanceHub.UnknownMandate.selector;
        bytes memory input = abi.encodeCall(IRebalanceHub.openVault, (operator, GUARDIAN, delay, mandate_));
        bytes memory answer = callHub(opener, input, reason);
        if (reason == 0) opened(abi.decode(answer, (bytes32)), opener, operator, mandate_, ShareToken(address(0)));
    }

    function openToken(uint8 decimals, address operator, uint32 mandate_) private {
        asset = new Token(decimals);
        ShareToken token = newVault(mandate_, address(uint160(0xc0ffee + decimals)));
        opened(token.vaultId(), address(token), operator, mandate_, token);
    }

    // --- single rebalances ---

    function rebalance(uint256 seed) external {
        random = seed;
        uint256 number = anyVault();
        IRebalanceHub.Rebalance memory r = prove(number);
        submitAs(number, mostly(vaults[number].operator), r, true);
        hold(number, r, true);
    }

    /// A proof that is kept for later: by then the vault may have moved on.
    function proveForLater(uint256 seed) external {
        random = seed;
        uint256 number = anyVault();
        hold(number, prove(number), true);
    }

    /// A proof made before: late, out of order, once more, or taken to another vault.
    function submitHeld(uint256 seed) external {
        random = seed;
        if (held.length == 0) return;
        Held storage h = held[upTo(held.length - 1)];
        uint256 number = onceIn(4) ? anyVault() : h.vault;
        submitAs(number, vaults[number].operator, abi.decode(h.rebalance, (IRebalanceHub.Rebalance)), h.sound);
    }

    function submitTampered(uint256 seed) external {
        random = seed;
        uint256 number = anyVault();
        IRebalanceHub.Rebalance memory r = prove(number);
        bool sound = tamper(r);
        submitAs(number, vaults[number].operator, r, sound);
        hold(number, r, sound);
    }

    /// Whether the proof is still one of the signals.
    function tamper(IRebalanceHub.Rebalance memory r) private returns (bool) {
        uint256 kind = upTo(8);
        uint256 i = upTo(8);
        if (kind == 0) r.signals[i] += R;
        else if (kind == 1) spoil(r);
        else if (kind == 2) r.proof.b[upTo(1)][upTo(1)] += Q;
        else if (kind == 3) r.deadline += 1;
        else if (kind == 4) r.round = uint32(upTo(rounds.length));
        else if (kind == 5) r.signals[5] = 2 ** 42;
        else r.signals[i] = addmod(r.signals[i], 1, R);
        if (kind >= 5 && onceIn(2)) {
            r.proof = Trapdoor.prove(r.signals, 0); // what it says is proven, and may be wrong all the same
            return true;
        }
        if (kind == 7) {
            r.signals = new uint256[](8);
            return false;
        }
        return kind == 3 || kind == 4;
    }

    /// Another point of the curve in one of its places.
    function spoil(IRebalanceHub.Rebalance memory r) private {
        if (onceIn(2)) r.proof.a = r.proof.c;
        else r.proof.c = Trapdoor.add(r.proof.c, [uint256(1), 2]);
    }

    function hold(uint256 number, IRebalanceHub.Rebalance memory r, bool sound) private {
        held.push(Held(number, sound, abi.encode(r)));
    }

    /// An honest rebalance as of now, mostly at a fresh snapshot.
    function prove(uint256 number) private returns (IRebalanceHub.Rebalance memory) {
        Vault storage v = vaults[number];
        uint32 set = mandates[v.mandate].feedSet;
        uint32 round = oracle.latestRound(set);
        bool usable = round != 0 && whyNotNow(v, round, mandates[v.mandate].key) == 0;
        if (!usable && !onceIn(8)) {
            vm.warp(clock() + 1 + upTo(60));
            refresh();
            snapshotOf(set);
            round = oracle.latestRound(set);
        }
        if (onceIn(16)) round = uint32(upTo(rounds.length));
        return honest(number, navNear(v), round);
    }

    function honest(uint256 number, uint256 navFloor, uint32 round) private returns (IRebalanceHub.Rebalance memory r) {
        r.round = round;
        r.deadline = clock() + uint40(upTo(1 hours));
        if (onceIn(16)) r.deadline = clock() - 1;
        r.signals = signalsOf(vaults[number], upTo(R - 1), navFloor, round, r.deadline);
        r.proof = Trapdoor.prove(r.signals, upTo(3));
    }

    /// The book gained or lost up to a tenth, and was touched by its flows.
    function navNear(Vault storage v) private returns (uint48) {
        int256 near =
            int256(uint256(v.navFloor)) * int256(90 + upTo(20)) / 100 + v.flow / int64(uint64(NAV_STEP_USD) * 1e6);
        return near < 0 ? 0 : uint48(uint256(near));
    }

    function submitAs(uint256 number, address sender, IRebalanceHub.Rebalance memory r, bool sound) private {
        Vault storage v = vaults[number];
        bytes4 reason = whyNot(v, sender, r, sound);
        callHub(sender, abi.encodeCall(IRebalanceHub.submit, (v.id, r)), reason);
        if (reason == 0) accepted(v, r.signals, r.round);
    }

    // --- batches ---

    function submitBatch(uint256 seed) external {
        random = seed;
        address operator = anyOperator();
        uint32 key_ = key + uint32(onceIn(4) ? 1 + upTo(1) : 0);
        uint32 round = oracle.latestRound(feedSet);
        if (clock() > rounds[round].timestamp + 30 minutes && !onceIn(4)) {
            vm.warp(clock() + 1);
            refresh();
            snapshotOf(feedSet);
            round = oracle.latestRound(feedSet);
        }
        if (onceIn(32)) round = uint32(upTo(rounds.length));
        uint40 deadline = onceIn(32) ? clock() - 1 : clock();
        batch(operator, key_, round, deadline, chosen(operator));
    }

    /// Up to four vaults, mostly of the operator. One may come twice.
    function chosen(address operator) private returns (uint256[] memory numbers) {
        numbers = new uint256[](onceIn(16) ? 0 : 1 + upTo(3));
        bool strict = !onceIn(8);
        for (uint256 i; i < numbers.length; ++i) {
            numbers[i] = anyVault();
            for (uint256 k; strict && k < 8 && vaults[numbers[i]].operator != operator; ++k) {
                numbers[i] = anyVault();
            }
        }
    }

    /// Each proof is made for where the ones before it leave its vault. If the batch is refused, all of them stay where
    /// they were.
    function batch(address sender, uint32 key_, uint32 round, uint40 deadline, uint256[] memory numbers) private {
        IRebalanceHub.BatchedRebalance[] memory entries = new IRebalanceHub.BatchedRebalance[](numbers.length);
        Vault[] memory before = new Vault[](numbers.length);
        uint256 bad = onceIn(2) ? upTo(8) : numbers.length;
        bytes4 reason = whyNoBatch(key_, round, deadline, numbers.length);
        bool sound = true;
        for (uint256 i; i < numbers.length; ++i) {
            Vault storage v = vaults[numbers[i]];
            before[i] = v;
            uint256[] memory signals = signalsOf(v, upTo(R - 1), navNear(v), round, deadline);
            entries[i] = entryOf(v, signals);
            if (i == bad) sound = !tamperEntry(entries[i]);
            if (reason == 0) reason = whyNotBatched(v, sender, key_, round, entries[i]);
            if (reason == 0) accepted(v, signals, round);
        }
        if (sound && bad > 6 && numbers.length > 1) {
            sound = false;
            // Two wrong proofs whose errors cancel each other.
            entries[0].proof.c = Trapdoor.add(entries[0].proof.c, Trapdoor.multiple(5));
            entries[1].proof.c = Trapdoor.add(entries[1].proof.c, Trapdoor.multiple(R - 5));
        }
        if (reason == 0 && !sound) reason = IRebalanceHub.ProofRejected.selector;
        for (uint256 i = numbers.length; reason != 0 && i != 0; --i) {
            vaults[numbers[i - 1]] = before[i - 1];
        }
        callHub(sender, abi.encodeCall(IRebalanceHub.submitBatch, (key_, round, deadline, entries)), reason);
    }

    function entryOf(Vault storage v, uint256[] memory signals)
        private
        returns (IRebalanceHub.BatchedRebalance memory)
    {
        return IRebalanceHub.BatchedRebalance({
            vaultId: v.id,
            sequence: v.sequence + 1,
            navFloor: uint48(signals[5]),
            commitmentAfter: signals[1],
            proof: Trapdoor.prove(signals, upTo(3))
        });
    }

    /// Whether the proof is none of the entry any more.
    function tamperEntry(IRebalanceHub.BatchedRebalance memory entry) private returns (bool) {
        uint256 kind = upTo(7);
        if (kind == 0) entry.sequence = entry.sequence + 1 - 2 * uint32(upTo(1));
        else if (kind == 1) entry.navFloor = 2 ** 42;
        else if (kind == 2) entry.commitmentAfter += R;
        else if (kind == 3) entry.vaultId = bytes32(uint256(1));
        else if (kind == 4) entry.navFloor ^= 1;
        else if (kind == 5) entry.commitmentAfter ^= 1;
        else if (kind == 6) entry.proof.a[0] ^= 1;
        else entry.proof.c[upTo(1)] += Q;
        return kind >= 4;
    }

    function whyNoBatch(uint32 key_, uint32 round, uint40 deadline, uint256 entries) private view returns (bytes4) {
        if (entries == 0) return IRebalanceHub.EmptyBatch.selector;
        if (key_ > key + 1) return IRebalanceHub.UnknownKey.selector;
        return whyNotAt(round, deadline);
    }

    function whyNotBatched(
        Vault storage v,
        address sender,
        uint32 key_,
        uint32 round,
        IRebalanceHub.BatchedRebalance memory entry
    ) private view returns (bytes4 reason) {
        if (entry.vaultId != v.id) return IRebalanceHub.UnknownVault.selector;
        if (v.operator != sender) return IRebalanceHub.NotOperator.selector;
        if (entry.sequence != v.sequence + 1) return IRebalanceHub.SequenceMismatch.selector;
        reason = whyNotNow(v, round, key_);
        if (reason != 0) return reason;
        if (entry.commitmentAfter >= R) return IRebalanceHub.SignalNotInField.selector;
        if (entry.navFloor >= 2 ** 42) return IRebalanceHub.NavFloorOutOfRange.selector;
    }

    // --- mandates, operators, status ---

    function proposeMandate(uint256 seed) external {
        random = seed;
        Vault storage v = vaults[anyVault()];
        address sender = mostly(v.operator);
        uint32 to = uint32(upTo(UNKNOWN));
        bytes4 reason = whyNeverTo(v.mandate, to);
        if (v.marked == IRebalanceHub.Status.WindDown) reason = IRebalanceHub.WrongStatus.selector;
        if (sender != v.operator) reason = IRebalanceHub.NotOperator.selector;
        callHub(sender, abi.encodeCall(IRebalanceHub.proposeMandate, (v.id, to)), reason);
        if (reason != 0) return;
        if (onlyTightens(v.mandate, to)) moved(v, to);
        else (v.proposal, v.proposedAt) = (to, clock());
    }

    function activateMandate(uint256 seed) external {
        random = seed;
        Vault storage v = vaults[anyVault()];
        uint256 activeFrom = v.proposedAt + LOOSENING_DELAY;
        if (v.proposal != 0 && activeFrom > clock() && onceIn(2)) vm.warp(activeFrom - upTo(1));
        bytes4 reason;
        if (v.proposal == 0) reason = IRebalanceHub.NoMandateProposed.selector;
        else if (clock() < activeFrom) reason = IRebalanceHub.TooEarly.selector;
        if (v.marked == IRebalanceHub.Status.Paused) reason = IRebalanceHub.WrongStatus.selector;
        callHub(anyHolder(), abi.encodeCall(IRebalanceHub.activateMandate, (v.id)), reason);
        if (reason == 0) moved(v, v.proposal);
    }

    function withdrawMandate(uint256 seed) external {
        random = seed;
        Vault storage v = vaults[anyVault()];
        address sender = mostly(onceIn(2) ? v.operator : GUARDIAN);
        bytes4 reason;
        if (v.proposal == 0) reason = IRebalanceHub.NoMandateProposed.selector;
        if (sender != v.operator && sender != GUARDIAN) reason = IRebalanceHub.NotOperatorOrGuardian.selector;
        callHub(sender, abi.encodeCall(IRebalanceHub.withdrawMandate, (v.id)), reason);
        if (reason == 0) v.proposal = 0;
    }

    function rotateOperator(uint256 seed) external {
        random = seed;
        Vault storage v = vaults[anyVault()];
        bytes4 reason;
        if (v.proposedOperator == address(0) || onceIn(4)) {
            address sender = mostly(v.operator);
            address next = onceIn(4) ? address(0) : anyOperator();
            if (sender != v.operator) reason = IRebalanceHub.NotOperator.selector;
            callHub(sender, abi.encodeCall(IRebalanceHub.proposeOperator, (v.id, next)), reason);
            if (reason == 0) v.proposedOperator = next;
        } else {
            address sender = mostly(v.proposedOperator);
            if (sender != v.proposedOperator) reason = IRebalanceHub.NotProposedOperator.selector;
            callHub(sender, abi.encodeCall(IRebalanceHub.acceptOperator, (v.id)), reason);
            if (reason == 0) (v.operator, v.proposedOperator) = (sender, address(0));
        }
    }

    function pauseOrUnpause(uint256 seed) external {
        random = seed;
        Vault storage v = vaults[anyVault()];
        address sender = mostly(GUARDIAN);
        bool pause_ = v.marked == IRebalanceHub.Status.Paused ? onceIn(8) : onceIn(3);
        bytes4 reason;
        bool possible = pause_ ? v.marked < IRebalanceHub.Status.Paused : v.marked == IRebalanceHub.Status.Paused;
        if (!possible) reason = IRebalanceHub.WrongStatus.selector;
        if (sender != GUARDIAN) reason = IRebalanceHub.NotGuardian.selector;
        bytes memory input =
            pause_ ? abi.encodeCall(IRebalanceHub.pause, (v.id)) : abi.encodeCall(IRebalanceHub.unpause, (v.id));
        callHub(sender, input, reason);
        if (reason != 0) return;
        v.marked = pause_ ? IRebalanceHub.Status.Paused : IRebalanceHub.Status.Active;
        if (!pause_) v.marked = statusOf(v); // stale meanwhile, and on record
    }

    function callStale(uint256 seed) external {
        random = seed;
        Vault storage v = vaults[anyVault()];
        uint256 last = v.timestamp + mandates[v.mandate].maxProofAge;
        if (last > clock() && onceIn(8)) vm.warp(last + upTo(1));
        bool possible = v.marked == IRebalanceHub.Status.Active && clock() > last;
        bytes4 reason = possible ? bytes4(0) : IRebalanceHub.WrongStatus.selector;
        callHub(anyHolder(), abi.encodeCall(IRebalanceHub.callStale, (v.id)), reason);
        if (reason == 0) v.marked = IRebalanceHub.Status.Stale;
    }

    function windDown(uint256 seed) external {
        random = seed;
        Vault storage v = vaults[anyVault()];
        address sender = onceIn(8) ? v.operator : anyHolder();
        uint256 last = v.timestamp + 2 * uint256(mandates[v.mandate].maxProofAge);
        if (last > clock() && onceIn(16)) vm.warp(last + upTo(1));
        bytes4 reason;
        if (sender != v.operator && clock() <= last) reason = IRebalanceHub.TooEarly.selector;
        if (v.marked == IRebalanceHub.Status.WindDown) reason = IRebalanceHub.WrongStatus.selector;
        callHub(sender, abi.encodeCall(IRebalanceHub.windDown, (v.id)), reason);
        if (reason == 0) (v.marked, v.proposal) = (IRebalanceHub.Status.WindDown, 0);
    }

    /// Of any vault, by whoever: only a plain vault's opener may, and it is a person.
    function recordFlow(uint256 seed) external {
        random = seed;
        Vault storage v = vaults[anyVault()];
        address sender = address(v.token) == address(0) ? mostly(v.opener) : anyHolder();
        int64 flow = int64(uint64(upTo(200_000e6))) - 100_000e6;
        if (onceIn(4)) flow = flow < 0 ? -int64(2 ** 56) : int64(2 ** 56 - 1);
        bytes4 reason;
        if (v.flow + flow < -int64(2 ** 56) || v.flow + flow >= int64(2 ** 56)) {
            reason = IRebalanceHub.FlowOutOfRange.selector;
        }
        if (flow > 0 && statusOf(v) != IRebalanceHub.Status.Active) reason = IRebalanceHub.WrongStatus.selector;
        if (sender != v.opener) reason = IRebalanceHub.NotOpener.selector;
        callHub(sender, abi.encodeCall(IRebalanceHub.recordFlow, (v.id, flow)), reason);
        if (reason == 0) v.flow += flow;
    }

    // --- share tokens ---

    function dollar(uint256 number) private view returns (uint256) {
        return 10 ** Token(vaults[number].token.asset()).decimals();
    }

    /// SYS-10: a call of the token by anyone leaves a share worth no less.
    function callToken(uint256 number, address sender, bytes memory input, bytes4 expected)
        private
        returns (bytes memory answer)
    {
        ShareToken token = vaults[number].token;
        (uint256 worth, uint256 shares) = (token.totalAssets() + 1, token.totalSupply() + VIRTUAL_SHARES);
        answer = call(sender, address(token), input, expected);
        uint256 left = token.totalSupply() + VIRTUAL_SHARES;
        vm.assertTrue((token.totalAssets() + 1) * shares >= worth * left);
    }

    function deposit(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        depositOf(number, anyHolder(), onceIn(8) ? 0 : upTo(100_000 * dollar(number)));
    }

    function depositOf(uint256 number, address who, uint256 assets) private returns (uint256 shares) {
        Vault storage v = vaults[number];
        (uint256 bottom, uint256 top) = worthOf(v);
        shares = toShares(v, assets, v.token.totalSupply() == 0 ? bottom : top);
        bytes4 reason;
        if (shares == 0) reason = IShareToken.ZeroShares.selector;
        if (assets != 0 && !isOpen(v)) reason = ERC4626.ERC4626ExceededMaxDeposit.selector;
        fund(v.token, who, assets);
        bytes memory answer = callToken(number, who, abi.encodeCall(v.token.deposit, (assets, who)), reason);
        if (reason != 0) return 0;
        vm.assertEq(abi.decode(answer, (uint256)), shares);
        v.received += assets;
    }

    function mint(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        Vault storage v = vaults[number];
        address who = anyHolder();
        uint256 shares = 1 + upTo(100_000e6 * dollar(number));
        (uint256 bottom, uint256 top) = worthOf(v);
        uint256 supply = v.token.totalSupply();
        uint256 worth = (supply == 0 ? bottom : top) + 1;
        uint256 assets = (shares * worth + supply + VIRTUAL_SHARES - 1) / (supply + VIRTUAL_SHARES);
        bytes4 reason = isOpen(v) ? bytes4(0) : ERC4626.ERC4626ExceededMaxMint.selector;
        fund(v.token, who, assets);
        bytes memory answer = callToken(number, who, abi.encodeCall(v.token.mint, (shares, who)), reason);
        if (reason != 0) return;
        vm.assertEq(abi.decode(answer, (uint256)), assets);
        v.received += assets;
    }

    function fund(ShareToken token, address who, uint256 assets) private {
        Token asset_ = Token(token.asset());
        asset_.mint(who, assets);
        vm.prank(who);
        asset_.approve(address(token), assets);
    }

    /// Sometimes more than is allowed, or somebody else's.
    function redeem(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        address who = anyHolder();
        redeemOf(number, mostly(who), who, upTo(vaults[number].token.maxRedeem(who)) + upTo(7) / 7);
    }

    function redeemOf(uint256 number, address sender, address who, uint256 shares) private returns (uint256 assets) {
        Vault storage v = vaults[number];
        (uint256 worth,) = worthOf(v);
        (assets, shares) = (toAssets(v, shares, worth), shares);
        bytes4 reason;
        if (sender != who && shares != 0) reason = IERC20Errors.ERC20InsufficientAllowance.selector;
        if (shares > v.token.maxRedeem(who)) reason = ERC4626.ERC4626ExceededMaxRedeem.selector;
        else vm.assertLe(assets, availableOf(v));
        bytes memory answer = callToken(number, sender, abi.encodeCall(v.token.redeem, (shares, who, who)), reason);
        if (reason != 0) return 0;
        vm.assertEq(abi.decode(answer, (uint256)), assets);
        v.paid += assets;
    }

    function withdraw(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        Vault storage v = vaults[number];
        address who = anyHolder();
        uint256 most = v.token.maxWithdraw(who);
        vm.assertLe(most, availableOf(v));
        uint256 assets = onceIn(8) ? most + 1 : upTo(most);
        bytes4 reason = assets > most ? ERC4626.ERC4626ExceededMaxWithdraw.selector : bytes4(0);
        callToken(number, who, abi.encodeCall(v.token.withdraw, (assets, who, who)), reason);
        if (reason == 0) v.paid += assets;
    }

    /// SYS-10: in and out again is no gain.
    function roundTrip(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        address who = anyHolder();
        uint256 assets = 1 + upTo(10_000 * dollar(number));
        uint256 shares = depositOf(number, who, assets);
        if (shares <= vaults[number].token.maxRedeem(who)) vm.assertLe(redeemOf(number, who, who, shares), assets);
    }

    function transferShares(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        (address from, address to) = (anyHolder(), anyHolder());
        uint256 balance = vaults[number].token.balanceOf(from);
        uint256 shares = onceIn(8) ? balance + 1 : upTo(balance);
        bytes4 reason = shares > balance ? IERC20Errors.ERC20InsufficientBalance.selector : bytes4(0);
        callToken(number, from, abi.encodeWithSignature("transfer(address,uint256)", to, shares), reason);
    }

    function requestRedeem(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        Vault storage v = vaults[number];
        (address owner, address receiver) = (anyHolder(), onceIn(16) ? address(0) : anyHolder());
        address sender = mostly(owner);
        uint256 balance = v.token.balanceOf(owner);
        uint256 shares = onceIn(8) ? (balance + 1) * upTo(1) : upTo(balance);
        bytes4 reason;
        if (shares > balance) reason = IERC20Errors.ERC20InsufficientBalance.selector;
        if (sender != owner) reason = IERC20Errors.ERC20InsufficientAllowance.selector;
        if (receiver == address(0)) reason = IShareToken.ZeroAddress.selector;
        if (shares == 0) reason = IShareToken.ZeroShares.selector;
        if (v.marked == IRebalanceHub.Status.WindDown) reason = IShareToken.WrongStatus.selector;
        callToken(number, sender, abi.encodeCall(v.token.requestRedeem, (shares, receiver, owner)), reason);
        if (reason != 0) return;
        requests[number].push(IShareToken.Request(shares, receiver, owner));
        v.queued += shares;
    }

    function cancelRequest(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        Vault storage v = vaults[number];
        uint256 end = requests[number].length;
        uint256 id = upTo(end);
        uint256 shares = id == end ? 0 : requests[number][id].shares;
        address owner = id == end ? address(0) : requests[number][id].owner;
        address sender = mostly(owner == address(0) ? ADA : owner);
        bytes4 reason = shares == 0 ? IShareToken.RequestDone.selector : bytes4(0);
        if (sender != owner) reason = IShareToken.NotRequestOwner.selector;
        callToken(number, sender, abi.encodeCall(v.token.cancelRequest, (id)), reason);
        if (reason != 0) return;
        requests[number][id].shares = 0;
        v.queued -= shares;
    }

    function processQueue(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        Vault storage v = vaults[number];
        uint256 most = upTo(4);
        bytes4 reason = isFine(v) ? bytes4(0) : IShareToken.NavStepTooCoarse.selector;
        if (v.marked == IRebalanceHub.Status.WindDown) reason = IShareToken.WrongStatus.selector;
        (uint256 shares, uint256 assets) = reason == 0 ? process(number, most) : (uint256(0), uint256(0));
        bytes memory answer = callToken(number, EVE, abi.encodeCall(v.token.processQueue, (most)), reason);
        if (reason == 0) vm.assertTrue(keccak256(answer) == keccak256(abi.encode(shares, assets)));
    }

    function claim(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        Vault storage v = vaults[number];
        address receiver = anyHolder();
        uint256 assets = claims[number][receiver];
        bytes4 reason = assets == 0 ? IShareToken.NothingToClaim.selector : bytes4(0);
        callToken(number, anyHolder(), abi.encodeCall(v.token.claim, (receiver)), reason);
        claims[number][receiver] = 0;
        v.setAside -= assets;
        v.paid += assets;
    }

    function draw(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        Vault storage v = vaults[number];
        uint256 most = availableOf(v) / unitOf(v);
        drawOf(number, mostly(v.operator), uint56(onceIn(8) ? most + 1 : upTo(most)));
    }

    function drawOf(uint256 number, address sender, uint56 quantityE6) private {
        Vault storage v = vaults[number];
        uint256 assets = quantityE6 * unitOf(v);
        bytes4 reason;
        if (quantityE6 != 0 && statusOf(v) != IRebalanceHub.Status.Active) reason = IRebalanceHub.WrongStatus.selector;
        if (assets > availableOf(v)) reason = IShareToken.NotEnoughIdle.selector;
        if (sender != v.operator) reason = IShareToken.NotOperator.selector;
        callToken(number, sender, abi.encodeCall(v.token.draw, (quantityE6)), reason);
        if (reason != 0) return;
        v.drawn = true;
        v.flow += int64(uint64(quantityE6));
        v.paid += assets;
        v.drawnInAll += assets;
    }

    function giveBack(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        Vault storage v = vaults[number];
        address sender = mostly(v.operator);
        uint56 quantityE6 = uint56(upTo(50_000e6));
        bytes4 reason = sender == v.operator ? bytes4(0) : IShareToken.NotOperator.selector;
        fund(v.token, sender, quantityE6 * unitOf(v));
        callToken(number, sender, abi.encodeCall(v.token.giveBack, (quantityE6)), reason);
        if (reason != 0) return;
        v.flow -= int64(uint64(quantityE6));
        v.received += quantityE6 * unitOf(v);
    }

    /// A gift to all who hold shares.
    function donate(uint256 seed) external {
        random = seed;
        uint256 number = anyToken();
        uint256 assets = upTo(1_000 * dollar(number));
        Token(vaults[number].token.asset()).mint(address(vaults[number].token), assets);
        vaults[number].received += assets;
    }
}
