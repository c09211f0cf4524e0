// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevFeed} from "../../src/dev/DevFeed.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances, AllowancesWord} from "../../src/libraries/Allowances.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {SummaryWord} from "../../src/libraries/Summary.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";
import {Chronicle} from "./Chronicle.sol";

/// @title People who do at random whatever anybody can do to two vaults
/// @notice Before each call the chronicle says what must happen; after it both must say the same of the vault.
contract Handler is Scene, Chronicle {
    struct Round {
        uint32 number;
        bytes32 feedSet;
        uint256 time;
    }

    Model[2] internal models;
    Round[] private rounds;
    bytes32[MANDATES] private mandateNames;
    /// The feed of slot 3 in either set; one that is down answers no more.
    DevFeed[2] private third;
    bool[2] private down;
    uint256 private random;

    /// How often a call was taken, and how often refused for which reason.
    mapping(bytes32 kind => uint256) public counts;

    function setUp() public override {
        super.setUp();
        build(8);
        terms.minInterval = 1 hours;
        terms.grace = 2 hours;
        terms.share.redemptionPeriod = 90 days;
        bytes32 first = terms.feedSet;
        third[0] = feeds[3];
        third[1] = new DevFeed(8, "");
        third[1].post(dollars(4), NOON);
        (IPriceOracle.FeedSet memory set,) = oracle.feedSetOf(first);
        set.feeds[3].aggregator = third[1];
        bytes32 second = oracle.addFeedSet(set);
        take(first);
        take(second);

        terms.maxProofAge = 3 days;
        terms.gain.cap = 3_000_000;
        add(LOOSE);
        terms.maxProofAge = MAX_PROOF_AGE;
        terms.gain.cap = 1_000_000;
        add(BASE);
        terms.gain.cap = 500_000;
        add(TIGHT);
        (terms.maxProofAge, terms.gain.cap, terms.feedSet) = (MAX_PROOF_AGE, 1_000_000, second);
        add(FEEDS);
        for (uint256 i; i < 2; ++i) {
            mandate = mandateNames[BASE];
            Model storage m = models[i];
            m.id = open();
            (m.opener, m.operator, m.guardian, m.looseningDelay) = (OPENER, OPERATOR, GUARDIAN, LOOSENING_DELAY);
            (m.mandate, m.version, m.loosened) = (BASE, 1, 1);
            m.commitment = stateOf(m.id).commitment;
            m.snapshotTime = m.roundsAfter = NOON - 1;
            m.levels = [uint256(1_000_000), 2_000_000, 1_000_000];
        }
        check();
    }

    function add(uint256 number) private {
        mandateNames[number] = hub.addMandate(terms);
        mandates.push(terms);
    }

    // --- chance ---

    function pick(uint256 below) private returns (uint256) {
        random = uint256(keccak256(abi.encode(random)));
        return random % below;
    }

    function someone(Model storage m) private returns (address) {
        uint256 i = pick(8);
        if (i < 4) return m.operator;
        if (i == 4) return GUARDIAN;
        if (i == 5) return OPENER;
        return i == 6 ? OTHER_OPERATOR : STRANGER;
    }

    // --- calls ---

    /// Any call to either vault, by anybody, with anything.
    function step(uint256 seed) external {
        random = seed;
        Model storage m = models[pick(2)];
        uint256 kind = pick(22);
        if (kind < 2) pass();
        else if (kind < 4) takeRounds();
        else if (kind < 9) rebalance(m);
        else if (kind == 9) rebalanceBoth();
        else if (kind == 10) flow(m);
        else if (kind == 11) orders(m);
        else if (kind == 12) pauseOrUnpause(m);
        else if (kind == 13) endIt(m);
        else if (kind == 14) proposeSome(m);
        else if (kind < 17) activateSome(m);
        else if (kind == 17) withdrawSome(m);
        else if (kind == 18) operators(m);
        else if (kind == 19) announceSome(m);
        else if (kind == 20) judgeWriteDown(m);
        else breakOrMend();
        check();
    }

    /// A call that the chronicle expects to be refused for this reason; 0: taken.
    function send(address by, bytes memory call, bytes4 expected) private returns (bool ok) {
        bytes memory answer;
        vm.prank(by);
        (ok, answer) = address(hub).call(call);
        bytes4 reason = ok ? bytes4(0) : bytes4(answer);
        vm.assertEq(bytes32(reason), bytes32(expected));
        counts[keccak256(abi.encode(bytes4(call), reason))] += 1;
        counts[bytes32(reason)] += 1;
    }

    function pass() private {
        uint256[7] memory spans = [uint256(1), 10 minutes, 1 hours, 6 hours, 1 days, 2 days, 4 days];
        vm.warp(clock() + 1 + pick(spans[pick(7)]));
        answerAll();
    }

    /// Every feed that is not down answers.
    function answerAll() private {
        for (uint256 i; i < feeds.length; ++i) {
            if (i != 3) feeds[i].post(dollars(i + 1), uint40(clock()));
        }
        for (uint256 i; i < 2; ++i) {
            if (!down[i]) third[i].post(dollars(4), uint40(clock()));
        }
    }

    function breakOrMend() private {
        uint256 which = pick(2);
        down[which] = !down[which];
        answerAll();
    }

    function takeRounds() private {
        answerAll();
        take(mandates[BASE].feedSet);
        take(mandates[FEEDS].feedSet);
    }

    /// If the oracle gives one: a feed may be dead, or one of this second be there.
    function take(bytes32 set) private {
        try oracle.takeSnapshot(set) returns (uint32 number) {
            if (number != 0) rounds.push(Round(number, set, clock()));
        } catch {}
    }

    function someRound(Model storage m) private returns (Round memory round) {
        if (pick(4) == 0) takeRounds();
        bytes32 set = mandates[m.mandate].feedSet;
        if (pick(8) != 0) {
            for (uint256 i = rounds.length; i != 0; --i) {
                if (rounds[i - 1].feedSet == set) return rounds[i - 1];
            }
        }
        return rounds[rounds.length - 1 - pick(rounds.length < 6 ? rounds.length : 6)];
    }

    function someAllowances(Model storage m, uint256 time) private returns (uint256[3] memory named, uint256 steps) {
        if (pick(3) != 0) {
            for (uint256 i = m.sequence == 0 && pick(8) != 0 ? 2 : 0; i < 3; ++i) {
                uint256 level = time < m.snapshotTime ? 0 : levelAt(m, i, time);
                uint256 unit = bucket(m.mandate, i).step;
                named[i] = pick(level / unit + 1) * unit;
                if (pick(12) == 0) named[i] = (level / unit + 1) * unit;
                if (pick(20) == 0) named[i] += 1;
            }
        }
        steps = lossOpen(m) ? m.loss.steps : 0;
        if (pick(12) == 0) steps = pick(3);
    }

    function whyNoRebalance(Model storage m, Round memory round, uint256[3] memory named, uint256 steps)
        private
        view
        returns (bytes4 reason)
    {
        reason = whyNoRound(m, round.feedSet, round.time);
        if (reason == 0) reason = whyNotNamed(m, named, steps, round.time);
    }

    /// The signals of an honest proof, from what anybody can read.
    function signalsOf(Model storage m, Round memory round, uint256 after_, uint256 navFloor, uint256 word)
        private
        view
        returns (uint256[] memory s)
    {
        s = new uint256[](9);
        (,, uint256[] memory words) = oracle.snapshot(round.number);
        (s[0], s[1], s[2]) = (m.commitment, after_, mandates[m.mandate].policyHash);
        s[3] = m.flow < 0 ? Signals.FIELD - uint256(-m.flow) : uint256(m.flow);
        (s[4], s[5], s[7], s[8]) = (word, navFloor, words[0], words[1]);
        bytes memory place = abi.encode(
            block.chainid, hub, m.id, m.sequence + 1, m.version, round.number, m.operator, uint256(DEADLINE)
        );
        s[6] = uint256(keccak256(place)) % Signals.FIELD;
    }

    function rebalance(Model storage m) private {
        Round memory round = someRound(m);
        (uint256[3] memory named, uint256 steps) = someAllowances(m, round.time);
        (uint256 after_, uint256 navFloor) = (pick(2 ** 200), pick(4) == 0 ? 0 : pick(1_000));
        Allowances word = AllowancesWord.pack(named[0], named[1], named[2], steps);
        IRebalanceHub.Rebalance memory r;
        (r.round, r.deadline) = (round.number, DEADLINE);
        r.signals = signalsOf(m, round, after_, navFloor, Allowances.unwrap(word));
        r.proof = Trapdoor.prove(r.signals, 0);
        address by = someone(m);
        bytes4 reason = by == m.operator ? bytes4(0) : IRebalanceHub.NotOperator.selector;
        if (reason == 0) reason = whyNoRebalance(m, round, named, steps);
        if (reason == 0 && pick(10) == 0) {
            r.signals[1] += 1;
            reason = IRebalanceHub.ProofRejected.selector;
        }
        if (send(by, abi.encodeCall(hub.submit, (m.id, r)), reason)) {
            rebalanced(m, after_, navFloor, named, round.time);
        }
    }

    /// Both vaults in one batch: taken if each of them is.
    function rebalanceBoth() private {
        Round memory round = someRound(models[0]);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](2);
        uint256[3][2] memory named;
        bytes4 reason;
        address by = models[0].operator;
        for (uint256 i; i < 2; ++i) {
            Model storage m = models[i];
            uint256 steps;
            (named[i], steps) = someAllowances(m, round.time);
            Allowances word = AllowancesWord.pack(named[i][0], named[i][1], named[i][2], steps);
            (batch[i].vaultId, batch[i].commitmentAfter) = (m.id, pick(2 ** 200));
            batch[i].summary = SummaryWord.pack(round.number, m.sequence + 1, 500, word);
            batch[i].proof =
                Trapdoor.prove(signalsOf(m, round, batch[i].commitmentAfter, 500, Allowances.unwrap(word)), 0);
            if (reason == 0 && by != m.operator) reason = IRebalanceHub.NotOperator.selector;
            if (reason == 0) reason = whyNoRebalance(m, round, named[i], steps);
        }
        if (send(by, abi.encodeCall(hub.submitBatch, (terms.key, DEADLINE, batch)), reason)) {
            for (uint256 i; i < 2; ++i) {
                rebalanced(models[i], batch[i].commitmentAfter, 500, named[i], round.time);
            }
        }
    }

    function flow(Model storage m) private {
        int64 amount = int64(int256(pick(2 ** 56))) - 2 ** 55;
        address by = pick(4) == 0 ? someone(m) : OPENER;
        bytes4 reason = by == OPENER ? unless(amount <= 0 || isActive(m)) : IRebalanceHub.NotOpener.selector;
        int256 sum = m.flow + amount;
        if (reason == 0 && (sum < -(2 ** 56) || sum >= 2 ** 56)) reason = IRebalanceHub.FlowOutOfRange.selector;
        if (send(by, abi.encodeCall(hub.recordFlow, (m.id, amount)), reason)) m.flow = sum;
    }

    function orders(Model storage m) private {
        bool wait = pick(2) == 0;
        address by = pick(4) == 0 ? someone(m) : OPENER;
        bytes4 reason = by == OPENER ? bytes4(0) : IRebalanceHub.NotOpener.selector;
        if (send(by, abi.encodeCall(hub.setOrdersWaiting, (m.id, wait)), reason)) m.ordersWait = wait;
    }

    function pauseOrUnpause(Model storage m) private {
        address by = pick(4) == 0 ? someone(m) : GUARDIAN;
        bytes4 reason = by == GUARDIAN ? bytes4(0) : IRebalanceHub.NotGuardian.selector;
        if (pick(3) != 0) {
            if (reason == 0) reason = unless(!m.woundDown && !m.pausedSinceProof);
            if (send(by, abi.encodeCall(hub.pause, (m.id)), reason)) {
                (m.pausedSinceProof, m.pausedUntil) = (true, clock() + age(m) / 2);
            }
        } else {
            if (reason == 0) reason = unless(statusOf(m) == IRebalanceHub.Status.Paused);
            if (send(by, abi.encodeCall(hub.unpause, (m.id)), reason)) m.pausedUntil = clock() - 1;
        }
    }

    function endIt(Model storage m) private {
        address by = pick(12) == 0 ? someone(m) : pick(2) == 0 ? STRANGER : GUARDIAN;
        bytes4 reason = unless(!m.woundDown);
        bool possible = clock() > m.snapshotTime + 2 * age(m) && clock() > m.pausedUntil + age(m) / 2;
        if (reason == 0 && by != m.operator && by != OPENER && !possible) reason = IRebalanceHub.TooEarly.selector;
        if (send(by, abi.encodeCall(hub.windDown, (m.id)), reason)) {
            m.woundDown = true;
            m.proposal.made = m.loss.announced = false;
        }
    }

    function proposeSome(Model storage m) private {
        uint256 to = pick(MANDATES);
        if (pick(2) == 0 && m.mandate == BASE && down[0]) to = FEEDS;
        if (pick(2) == 0 && m.mandate == FEEDS && down[1]) to = BASE;
        address by = someone(m);
        bytes4 reason = by == m.operator ? unless(!m.woundDown) : IRebalanceHub.NotOperator.selector;
        bool atOnce = tightens(m.mandate, to);
        if (reason == 0 && atOnce) reason = unless(isActive(m));
        if (reason == 0 && atOnce) reason = whyNotMoved(m, to);
        bool repair = !atOnce && isRepair(m.mandate, to, clock());
        if (send(by, abi.encodeCall(hub.proposeMandate, (m.id, mandateNames[to])), reason)) {
            if (atOnce) moved(m, to, true);
            else m.proposal = Wait(true, to, address(0), clock() + (repair ? age(m) / 2 : m.looseningDelay), repair);
        }
    }

    /// Between BASE and FEEDS nothing differs but the feed of slot 3.
    function isRepair(uint256 from, uint256 to, uint256 since) private view returns (bool) {
        bool between = (from == BASE && to == FEEDS) || (from == FEEDS && to == BASE);
        if (!between) return false;
        uint256 old = from == BASE ? 0 : 1;
        return isDead(old, since) && !isDead(1 - old, clock());
    }

    function isDead(uint256 which, uint256 since) private view returns (bool) {
        (,,, uint256 updatedAt,) = third[which].latestRoundData();
        return updatedAt + HEARTBEAT < since;
    }

    function activateSome(Model storage m) private {
        uint256 name = pick(6) == 0 ? pick(MANDATES) : m.proposal.what;
        Wait storage p = m.proposal;
        if (p.made && p.repair && pick(3) == 0) {
            down[m.mandate == BASE ? 0 : 1] = false;
            answerAll();
        }
        bytes4 reason;
        if (!p.made) reason = IRebalanceHub.NoMandateProposed.selector;
        else if (name != p.what) reason = IRebalanceHub.MandateNotProposed.selector;
        else reason = unless(isActive(m) || (p.repair && statusOf(m) == IRebalanceHub.Status.Stale));
        if (reason == 0) reason = inWindow(p.from);
        if (reason == 0 && p.repair && !isRepair(m.mandate, name, p.from - age(m) / 2)) {
            reason = IRebalanceHub.FeedsAlive.selector;
        }
        if (reason == 0) reason = whyNotMoved(m, name);
        if (send(someone(m), abi.encodeCall(hub.activateMandate, (m.id, mandateNames[name])), reason)) {
            moved(m, name, false);
        }
    }

    function withdrawSome(Model storage m) private {
        address by = someone(m);
        bool may = by == m.operator || by == GUARDIAN;
        bytes4 reason = may ? bytes4(0) : IRebalanceHub.NotOperatorOrGuardian.selector;
        if (reason == 0 && !m.proposal.made) reason = IRebalanceHub.NoMandateProposed.selector;
        if (send(by, abi.encodeCall(hub.withdrawMandate, (m.id)), reason)) m.proposal.made = false;
    }

    function operators(Model storage m) private {
        if (pick(2) == 0) {
            address to = pick(6) == 0 ? address(0) : m.operator == OPERATOR ? OTHER_OPERATOR : OPERATOR;
            address by = someone(m);
            bool may = by == m.operator || (to == address(0) && by == GUARDIAN);
            bytes4 refusal = may ? bytes4(0) : IRebalanceHub.NotOperator.selector;
            if (send(by, abi.encodeCall(hub.proposeOperator, (m.id, to)), refusal)) {
                m.offer = Wait(to != address(0), 0, to, clock() + DAY, false);
            }
            return;
        }
        address taker = m.offer.made && pick(6) != 0 ? m.offer.who : someone(m);
        bool offered = m.offer.made && taker == m.offer.who;
        bytes4 reason = offered ? inWindow(m.offer.from) : IRebalanceHub.NotProposedOperator.selector;
        if (send(taker, abi.encodeCall(hub.acceptOperator, (m.id)), reason)) {
            (m.operator, m.offer.made) = (taker, false);
        }
    }

    function announceSome(Model storage m) private {
        uint32 steps = pick(10) == 0 ? 0 : uint32(1 + pick(60));
        address by = pick(6) == 0 ? someone(m) : m.operator;
        bytes4 reason = by == m.operator ? unless(!m.woundDown) : IRebalanceHub.NotOperator.selector;
        if (reason == 0 && steps == 0) reason = IRebalanceHub.WriteDownOutOfRange.selector;
        if (reason == 0 && clock() < m.loss.nextFrom) reason = IRebalanceHub.TooEarly.selector;
        if (send(by, abi.encodeCall(hub.announceWriteDown, (m.id, steps)), reason)) announced(m, steps);
    }

    function judgeWriteDown(Model storage m) private {
        bytes4 reason = lossOpen(m) ? bytes4(0) : IRebalanceHub.NoWriteDown.selector;
        if (pick(3) == 0) {
            address by = pick(4) == 0 ? someone(m) : m.operator;
            if (by != m.operator) reason = IRebalanceHub.NotOperator.selector;
            if (send(by, abi.encodeCall(hub.withdrawWriteDown, (m.id)), reason)) {
                (m.loss.announced, m.loss.nextFrom) = (false, clock() + age(m) / 2);
            }
            return;
        }
        address judge = pick(4) == 0 ? someone(m) : GUARDIAN;
        uint32 steps = uint32(m.loss.steps) + (pick(8) == 0 ? 1 : 0);
        if (judge != GUARDIAN) reason = IRebalanceHub.NotGuardian.selector;
        if (reason == 0 && steps != m.loss.steps) reason = IRebalanceHub.WriteDownMismatch.selector;
        if (send(judge, abi.encodeCall(hub.approveWriteDown, (m.id, steps)), reason)) approved(m);
    }

    // --- what must be so ---

    /// Everything that the hub says of both vaults is what the chronicle knows.
    function check() public view {
        for (uint256 i; i < 2; ++i) {
            Model storage m = models[i];
            vm.assertEq(abi.encode(stateOf(m.id)), abi.encode(known(m)));
            vm.assertTrue(hub.status(m.id) == statusOf(m));
            vm.assertEq(uint256(hub.pausedUntil(m.id)), m.pausedUntil);
            checkWaiting(m);
            checkBuckets(m);
        }
    }

    function known(Model storage m) private view returns (IRebalanceHub.VaultState memory s) {
        (s.commitment, s.sequence, s.navFloor) = (m.commitment, uint32(m.sequence), uint48(m.navFloor));
        (s.snapshotTimestamp, s.pendingFlow) = (uint40(m.snapshotTime), int64(m.flow));
        (s.mandateVersion, s.loosenedVersion) = (uint32(m.version), uint32(m.loosened));
        s.mandate = mandateNames[m.mandate];
        (s.roundsAfter, s.ordersWait) = (uint40(m.roundsAfter), m.ordersWait);
        (s.writeDownOpen, s.lastWriteDown, s.status) = (lossOpen(m), uint32(m.loss.last), statusOf(m));
    }

    function checkWaiting(Model storage m) private view {
        (bytes32 proposed, bool repair, uint40 from,) = hub.proposedMandate(m.id);
        vm.assertEq(proposed, m.proposal.made ? mandateNames[m.proposal.what] : bytes32(0));
        vm.assertTrue(repair == (m.proposal.made && m.proposal.repair));
        vm.assertEq(uint256(from), m.proposal.made ? m.proposal.from : 0);
        (, address operator, address next,,) = hub.rolesOf(m.id);
        vm.assertEq(operator, m.operator);
        vm.assertEq(next, m.offer.made ? m.offer.who : address(0));
        IRebalanceHub.WriteDown memory w = hub.writeDownOf(m.id);
        vm.assertEq(uint256(w.navSteps), lossOpen(m) ? m.loss.steps : 0);
        vm.assertEq(uint256(w.nextFrom), m.loss.nextFrom);
    }

    /// The levels, and the bound over time: what all rebalances used is at most the loosest cap and rate times time.
    function checkBuckets(Model storage m) private view {
        Allowances now_ = hub.allowancesAt(m.id, uint40(clock()));
        vm.assertEq(now_.gain(), m.sequence == 0 ? 0 : levelAt(m, 0, clock()));
        vm.assertEq(now_.loss(), m.sequence == 0 ? 0 : levelAt(m, 1, clock()));
        vm.assertEq(now_.turnover(), levelAt(m, 2, clock()));
        if (m.sequence == 0) return;
        uint256 elapsed = m.snapshotTime - (NOON - 1);
        for (uint256 i; i < 3; ++i) {
            IRebalanceHub.Bucket memory b = bucket(LOOSE, i);
            // The vault starts under BASE; a raise of the cap is filled at the rate too.
            vm.assertLe(m.used[i] * DAY, uint256(bucket(BASE, i).cap) * DAY + uint256(b.ratePerDay) * elapsed);
        }
    }
}
