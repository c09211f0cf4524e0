// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {PriceOracle} from "../../src/PriceOracle.sol";
import {ShareToken} from "../../src/ShareToken.sol";
import {IBatchVerifier} from "../../src/interfaces/IBatchVerifier.sol";
import {IERC7540Deposit, IERC7540Redeem} from "../../src/interfaces/IERC7540.sol";
import {IERC7575} from "../../src/interfaces/IERC7575.sol";
import {IERC7887Deposit, IERC7887Redeem} from "../../src/interfaces/IERC7887.sol";
import {IERC7540DepositTransferable, IERC7540RedeemTransferable} from "../../src/interfaces/IERC8161.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {Allowances, AllowancesWord} from "../../src/libraries/Allowances.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {OracleScene} from "../OracleScene.sol";
import {PolicyScene} from "../PolicyScene.sol";
import {Credulous} from "../mocks/Credulous.sol";
import {Token} from "../mocks/Token.sol";

/// @title What the replay uses of forge's cheatcodes to read a file
interface Reader {
    function parseJsonInt(string calldata json, string calldata key) external pure returns (int256);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonStringArray(string calldata json, string calldata key) external pure returns (string[] memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
    function readLine(string calldata path) external view returns (string memory);
    function toString(bytes calldata data) external pure returns (string memory);
}

/// @title In the place of a batch verifier, which no single proof calls
contract NoBatches {
    function signalCount() external pure returns (uint256) {
        return Signals.count(8);
    }
}

/// @title Sequences of the economic model on the real contracts
/// @notice The model (`tests/economics/`) was written from the documents and knows nothing of the contracts. It recorded each
/// action with the whole state after it; here each call must succeed or revert as the model says, and the state be equal to
/// the last unit. The format stands in `tests/economics/README.md`. Proofs are believed: the statement is not the subject.
contract ReplayTest is OracleScene, PolicyScene {
    Reader private constant READER = Reader(address(vm));
    address private constant CUSTODY = address(0xC057);
    address private constant GUARDIAN = address(0x6A4D);
    uint8 private constant SLOTS = 8;
    /// Open ids that a claim without an id looks at.
    uint256 private constant MOST_IDS = 16;

    RebalanceHub private hub;
    Token private asset;
    ShareToken private vault;
    bytes32 private vaultId;
    IRebalanceHub.Mandate private mandate;
    string[] private holders;
    uint256[] private claimable;
    /// The line, and what of it the errors name.
    string private line;
    string private place;

    function test_replay_seed1() public {
        replay("test/generated/sequence-1.jsonl");
    }

    function test_replay_seed2() public {
        replay("test/generated/sequence-2.jsonl");
    }

    function test_replay_seed4() public {
        replay("test/generated/sequence-4.jsonl");
    }

    function replay(string memory path) private {
        vm.pauseGasMetering(); // each line costs more to read than a block has
        // forge-lint: disable-next-line(unsafe-cheatcode)
        line = READER.readLine(path);
        open();
        uint256 lines;
        // forge-lint: disable-next-line(unsafe-cheatcode)
        for (line = READER.readLine(path); bytes(line).length != 0; line = READER.readLine(path)) {
            string memory action = text(".action");
            place = string.concat("line ", text(".n"), ", ", action);
            vm.warp(number(".at"));
            step(action);
            compare();
            ++lines;
        }
        vm.assertTrue(lines > 100, "the sequence is not empty");
    }

    // --- the scene ---

    function open() private {
        vm.warp(number(".at"));
        oracle = new PriceOracle();
        registry = new PolicyRegistry();
        hub = new RebalanceHub(oracle, registry);
        asset = new Token(6);
        holders = READER.parseJsonStringArray(line, ".accounts");
        claimable = new uint256[](holders.length);

        IPriceOracle.FeedSet memory set = setOf(SLOTS, SLOTS - 1);
        for (uint256 slot; slot < SLOTS - 1; ++slot) {
            set.feeds[slot].maxDeviationBps = type(uint16).max; // moves are not the subject
        }
        add(set);
        postAll();

        setMandate();
        bytes32 name = hub.addMandate(mandate);
        uint32 delay = uint32(number(".loosening_delay"));
        vault = new ShareToken(hub, asset, "Share", "SHR", CUSTODY, account("operator"), GUARDIAN, delay, name);
        vaultId = vault.vaultId();
        uint256 capital = number(".capital");
        for (uint256 i; i < holders.length; ++i) {
            asset.mint(account(i), capital);
            vm.prank(account(i));
            asset.approve(address(vault), type(uint256).max);
        }
    }

    function setMandate() private {
        IPolicyRegistry.Policy memory policy = policyOf(SLOTS);
        policy.navStepUsd = uint24(number(".mandate.nav_step_usd"));
        mandate.policyHash = register(policy);
        mandate.feedSet = feedSet;
        mandate.key = hub.addKey(address(new Credulous()), IBatchVerifier(address(new NoBatches())), SLOTS);
        mandate.grace = uint32(number(".mandate.grace_s"));
        mandate.minInterval = uint32(number(".mandate.least_interval_s"));
        mandate.maxProofAge = uint32(number(".mandate.max_proof_age_s"));
        mandate.writeDownPpm = uint32(number(".mandate.write_down_ppm"));
        (mandate.gain, mandate.loss, mandate.turnover) = (bucket("gain"), bucket("loss"), bucket("turnover"));
        mandate.share.orderDelay = uint32(number(".mandate.order_delay_s"));
        mandate.share.redemptionPeriod = uint32(number(".mandate.redemption_period_s"));
        mandate.share.leastOrderE6 = uint64(number(".mandate.least_order"));
        mandate.share.depositCapE6 = uint64(number(".mandate.cap"));
    }

    function bucket(string memory name) private view returns (IRebalanceHub.Bucket memory) {
        string memory key = string.concat(".mandate.", name);
        return IRebalanceHub.Bucket({
            ratePerDay: uint32(number(string.concat(key, ".rate_per_day"))),
            cap: uint32(number(string.concat(key, ".cap"))),
            step: uint32(number(string.concat(key, ".step")))
        });
    }

    /// The feeds of the model, and a dollar of now in the other slots.
    function postAll() private {
        for (uint256 slot; slot < feeds.length; ++slot) {
            if (slot < 3) {
                string memory key = string.concat(".feeds[", string(abi.encodePacked(uint8(48 + slot))), "]");
                feeds[slot].post(
                    int256(number(string.concat(key, ".answer"))), uint40(number(string.concat(key, ".updated_at")))
                );
            } else {
                post(slot, 1e8);
            }
        }
    }

    // --- actions ---

    function step(string memory action) private {
        address who = account(text(".who"));
        if (is_(action, "prove")) return prove(who);
        if (is_(action, "cancel_deposit")) return cancel(who, true);
        if (is_(action, "cancel_redeem")) return cancel(who, false);
        if (is_(action, "wind_down")) return windDown(who);
        if (is_(action, "take_round")) postAll();
        if (is_(action, "give_back")) {
            if (is_(text(".refused"), "token: custody's balance")) return;
            asset.mint(who, number(".args.assets"));
        }
        (address target, bytes memory data) = callOf(action, who);
        (bool ok, bytes memory answer) = call(who, target, data);
        expect(ok, answer);
        bool numbered = is_(action, "take_round") || is_(action, "request_deposit") || is_(action, "request_redeem")
            || is_(action, "claim_deposit");
        if (ok && numbered) same(abi.decode(answer, (uint256)), number(".result"), "result");
    }

    function callOf(string memory action, address who) private view returns (address, bytes memory) {
        if (is_(action, "take_round")) return (address(oracle), abi.encodeCall(IPriceOracle.takeSnapshot, (feedSet)));
        if (is_(action, "announce")) {
            uint32 steps = uint32(number(".args.steps"));
            return (address(hub), abi.encodeCall(IRebalanceHub.announceWriteDown, (vaultId, steps)));
        }
        if (is_(action, "approve")) {
            uint32 steps = hub.writeDownOf(vaultId).navSteps;
            return (address(hub), abi.encodeCall(IRebalanceHub.approveWriteDown, (vaultId, steps)));
        }
        if (is_(action, "withdraw_write_down")) {
            return (address(hub), abi.encodeCall(IRebalanceHub.withdrawWriteDown, (vaultId)));
        }
        if (is_(action, "pause")) return (address(hub), abi.encodeCall(IRebalanceHub.pause, (vaultId)));
        if (is_(action, "unpause")) return (address(hub), abi.encodeCall(IRebalanceHub.unpause, (vaultId)));
        return (address(vault), callOfShare(action, who));
    }

    function callOfShare(string memory action, address who) private view returns (bytes memory) {
        if (is_(action, "request_deposit")) {
            return abi.encodeCall(IERC7540Deposit.requestDeposit, (number(".args.assets"), who, who));
        }
        if (is_(action, "request_redeem")) {
            return abi.encodeCall(IERC7540Redeem.requestRedeem, (number(".args.shares"), who, who));
        }
        if (is_(action, "claim_deposit")) {
            return abi.encodeWithSignature(
                "deposit(uint256,uint256,address,address)", number(".args.order"), number(".args.assets"), who, who
            );
        }
        if (is_(action, "claim_redeem")) {
            return abi.encodeWithSignature(
                "withdraw(uint256,uint256,address,address)", number(".args.order"), number(".args.assets"), who, who
            );
        }
        if (is_(action, "claim_oldest")) {
            return abi.encodeCall(IERC7575.withdraw, (number(".args.assets"), who, who));
        }
        if (is_(action, "claim_returned")) {
            return abi.encodeCall(IERC7887Deposit.claimCancelDepositRequest, (number(".args.order"), who, who));
        }
        if (is_(action, "transfer_deposit")) {
            return abi.encodeCall(
                IERC7540DepositTransferable.transferDepositRequest,
                (number(".args.order"), who, account(number(".args.to")))
            );
        }
        if (is_(action, "transfer_redeem")) {
            return abi.encodeCall(
                IERC7540RedeemTransferable.transferRedeemRequest,
                (number(".args.order"), who, account(number(".args.to")))
            );
        }
        if (is_(action, "transfer")) {
            return
                abi.encodeWithSignature(
                    "transfer(address,uint256)", account(number(".args.to")), number(".args.shares")
                );
        }
        if (is_(action, "contribute")) return abi.encodeCall(IShareToken.contribute, (number(".args.assets")));
        if (is_(action, "draw")) return abi.encodeCall(IShareToken.draw, (uint56(number(".args.assets"))));
        require(is_(action, "give_back"), place);
        return abi.encodeCall(IShareToken.giveBack, (uint56(number(".args.assets"))));
    }

    function prove(address who) private {
        if (is_(start(text(".refused"), 10), "statement:")) return;
        Allowances allowances = AllowancesWord.pack(
            number(".args.gain") * mandate.gain.step,
            number(".args.loss") * mandate.loss.step,
            number(".args.turnover") * mandate.turnover.step,
            hub.writeDownOf(vaultId).navSteps
        );
        if (number(".args.twice") == 0) return prove(who, allowances);
        // As in one batch: the share hears of the last proof only.
        bytes memory code = address(vault).code;
        vm.etch(address(vault), hex"fe");
        prove(who, allowances);
        vm.etch(address(vault), code);
        if (bytes(text(".refused")).length == 0) prove(who, Allowances.wrap(0));
    }

    function prove(address who, Allowances allowances) private {
        IRebalanceHub.Rebalance memory rebalance;
        (rebalance.round, rebalance.deadline) = (uint32(number(".args.round")), uint40(vm.getBlockTimestamp()));
        uint256 commitment = 1 + number(".n");
        try hub.expectedSignals(
            vaultId, commitment, number(".state.nav_floor"), allowances, rebalance.round, rebalance.deadline
        ) returns (
            uint256[] memory signals
        ) {
            rebalance.signals = signals;
        } catch (bytes memory reason) {
            return expect(false, reason);
        }
        (bool ok, bytes memory answer) =
            call(who, address(hub), abi.encodeCall(IRebalanceHub.submit, (vaultId, rebalance)));
        expect(ok, answer);
    }

    function cancel(address who, bool deposit) private {
        uint256 id = number(".args.order");
        bytes memory asked = deposit
            ? abi.encodeCall(IERC7887Deposit.cancelDepositRequest, (id, who))
            : abi.encodeCall(IERC7887Redeem.cancelRedeemRequest, (id, who));
        (bool ok, bytes memory answer) = call(who, address(vault), asked);
        expect(ok, answer);
        if (!ok) return;
        bytes memory claimed = deposit
            ? abi.encodeCall(IERC7887Deposit.claimCancelDepositRequest, (id, who, who))
            : abi.encodeCall(IERC7887Redeem.claimCancelRedeemRequest, (id, who, who));
        (ok,) = call(who, address(vault), claimed);
        vm.assertTrue(ok, place);
    }

    function windDown(address who) private {
        (bool ok, bytes memory answer) = call(who, address(hub), abi.encodeCall(IRebalanceHub.windDown, (vaultId)));
        if (!ok) (ok, answer) = call(who, address(vault), abi.encodeCall(IShareToken.windDown, ()));
        expect(ok, answer);
    }

    function call(address who, address target, bytes memory data) private returns (bool ok, bytes memory answer) {
        vm.prank(who);
        // slither-disable-next-line low-level-calls
        (ok, answer) = target.call(data);
    }

    /// The call must have succeeded if the model says so, and reverted if not.
    function expect(bool ok, bytes memory answer) private view {
        string memory refused = text(".refused");
        if (ok == (bytes(refused).length == 0)) return;
        string memory why = ok ? refused : READER.toString(answer);
        vm.assertTrue(false, string.concat(place, ok ? " succeeds, and the model refuses: " : " reverts: ", why));
    }

    // --- the state ---

    function compare() private {
        IRebalanceHub.VaultState memory v = hub.vaultState(vaultId);
        same(v.sequence, number(".state.sequence"), "sequence");
        same(v.navFloor, number(".state.nav_floor"), "nav floor");
        same(v.snapshotTimestamp, number(".state.snapshot_at"), "snapshot");
        vm.assertTrue(v.pendingFlow == READER.parseJsonInt(line, ".state.pending_flow"), string.concat(place, ": flow"));
        same(v.status == IRebalanceHub.Status.Active ? 1 : 0, number(".state.active"), "active");
        bool woundDown = v.status == IRebalanceHub.Status.WindDown;
        same(woundDown ? 1 : 0, number(".state.wound_down"), "wound down");
        same(oracle.latestRound(feedSet), number(".state.latest_round"), "latest round");
        // The first rebalance, of the empty book, may name neither gain nor loss.
        if (!woundDown && v.sequence != 0) {
            Allowances left = hub.allowancesAt(vaultId, v.snapshotTimestamp);
            uint256[] memory levels = numbers(".state.levels");
            same(left.gain(), levels[0], "bucket of gain");
            same(left.loss(), levels[1], "bucket of loss");
            same(left.turnover(), levels[2], "bucket of turnover");
        }
        compareShare(woundDown);
        compareAccounts();
        compareOrders();
    }

    function compareShare(bool woundDown) private view {
        same(vault.totalSupply(), number(".state.supply"), "supply");
        same(vault.idle(), number(".state.idle"), "idle");
        same(vault.pendingDeposits(), number(".state.pending_deposits"), "pending deposits");
        same(vault.setAside(), number(".state.set_aside"), "set aside");
        if (!woundDown) same(vault.nextRequestId(), number(".state.next_id"), "next id");
        (uint256 deposits, uint256 redemptions) = vault.cutoffs();
        uint256[] memory expected = numbers(".state.cutoffs");
        same(deposits, expected[0], "cutoff of deposits");
        same(redemptions, expected[1], "cutoff of redemptions");
        (uint256 bottom, uint256 top) = vault.worth();
        expected = numbers(".state.worth");
        same(bottom, expected[0], "worth at the bottom");
        same(top, expected[1], "worth at the top");
        (uint256 assets, uint256 supply,,) = vault.settledPrice();
        expected = numbers(".state.quote");
        same(assets, expected[0], "settled assets");
        same(supply, expected[1], "settled supply");
    }

    function compareAccounts() private view {
        uint256[] memory wallets = numbers(".state.wallets");
        uint256[] memory shares = numbers(".state.shares");
        for (uint256 i; i < holders.length; ++i) {
            same(asset.balanceOf(account(i)), wallets[i], string.concat("wallet of ", holders[i]));
            same(vault.balanceOf(account(i)), shares[i], string.concat("shares of ", holders[i]));
        }
    }

    function compareOrders() private {
        uint256[] memory direction = numbers(".state.orders.direction");
        uint256[] memory holder = numbers(".state.orders.account");
        uint256[] memory id = numbers(".state.orders.id");
        uint256[] memory pending = numbers(".state.orders.pending");
        uint256[] memory ready = numbers(".state.orders.claimable");
        uint256[] memory returned = numbers(".state.orders.returned");
        for (uint256 i; i < holders.length; ++i) {
            claimable[i] = 0;
        }
        for (uint256 k; k < id.length; ++k) {
            address who = account(holder[k]);
            if (direction[k] == 0) {
                same(vault.pendingDepositRequest(id[k], who), pending[k], "deposit that waits");
                same(vault.claimableDepositRequest(id[k], who), ready[k], "deposit to claim");
                same(vault.claimableCancelDepositRequest(id[k], who), returned[k], "deposit returned");
            } else {
                same(vault.pendingRedeemRequest(id[k], who), pending[k], "redemption that waits");
                claimable[holder[k]] += ready[k];
            }
        }
        for (uint256 i; i < holders.length; ++i) {
            address who = account(i);
            if (vault.openRedemptions(who, 0, MOST_IDS + 1).length > MOST_IDS) continue;
            same(vault.maxWithdraw(who), claimable[i], string.concat("redemptions to claim of ", holders[i]));
        }
    }

    // --- reading ---

    function same(uint256 value, uint256 expected, string memory what) private view {
        if (value != expected) vm.assertEq(value, expected, string.concat(place, ": ", what));
    }

    function number(string memory key) private view returns (uint256) {
        return READER.parseJsonUint(line, key);
    }

    function numbers(string memory key) private view returns (uint256[] memory) {
        return READER.parseJsonUintArray(line, key);
    }

    function text(string memory key) private view returns (string memory) {
        return READER.parseJsonString(line, key);
    }

    function is_(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }

    function start(string memory whole, uint256 length) private pure returns (string memory) {
        bytes memory part = new bytes(length);
        for (uint256 i; i < length && i < bytes(whole).length; ++i) {
            part[i] = bytes(whole)[i];
        }
        return string(part);
    }

    function account(uint256 index) private pure returns (address) {
        return address(uint160(0xACC000 + index));
    }

    function account(string memory name) private view returns (address) {
        for (uint256 i; i < holders.length; ++i) {
            if (is_(holders[i], name)) return account(i);
        }
        require(is_(name, "guardian"), name);
        return GUARDIAN;
    }
}
