// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";
import {Credulous} from "../mocks/Credulous.sol";

/// Whatever share holders, the operator and strangers do, in whatever order: ST-2, ST-6, ST-7, ST-9.
/// forge-config: default.isolate = false
contract ShareTokenSequenceTest is ShareTokenScene {
    uint256 private constant STEPS = 24;
    address[3] private holders = [ADA, BEN, EVE];

    /// Shares that went into the queue, and that came out of it, paid for or not.
    uint256 private asked;
    uint256 private paid;
    uint256 private cancelled;
    /// Assets that were set aside, and that were claimed.
    uint256 private set;
    uint256 private claimed;
    uint256 private random;

    function setUp() public override {
        super.setUp();
        open(6, 1);
    }

    function verifierFor(uint256) internal override returns (address) {
        return address(new Credulous());
    }

    function testFuzz_anySequence(uint256 seed) public {
        random = seed;
        deposit(ADA, upTo(1_000_000 * usd) + 1);
        for (uint256 i; i < STEPS; ++i) {
            (uint256 worth, uint256 supply) = (vault.totalAssets() + 1, vault.totalSupply() + 1e6);
            bool proven = step(upTo(9));
            // ST-2: what others do never makes a share worth less; only a proof does.
            if (!proven) vm.assertTrue((vault.totalAssets() + 1) * supply >= worth * (vault.totalSupply() + 1e6));
            check();
        }
        // ST-6: with enough that is idle, everybody in the queue is paid.
        giveBack(2 ** 50);
        prove(0);
        process(type(uint256).max);
        check();
        vm.assertEq(vault.balanceOf(address(vault)), 0);
    }

    function upTo(uint256 most) private returns (uint256) {
        random = uint256(keccak256(abi.encode(random)));
        return within(random, 0, most);
    }

    function step(uint256 kind) private returns (bool proven) {
        address who = holders[upTo(2)];
        (, uint64 end,) = vault.queue();
        if (kind == 0) {
            uint256 assets = upTo(1_000_000 * usd);
            if (vault.maxDeposit(who) != 0 && vault.previewDeposit(assets) != 0) deposit(who, assets);
        } else if (kind == 1) {
            redeem(who, upTo(vault.maxRedeem(who)));
        } else if (kind == 2 || kind == 3) {
            if (vault.balanceOf(who) != 0) ask(who, upTo(vault.balanceOf(who) - 1) + 1);
        } else if (kind == 4) {
            uint256 id = upTo(end);
            if (vault.requestOf(id).shares != 0) cancelled += cancel(vault.requestOf(id).owner, id);
        } else if (kind == 5) {
            process(upTo(3));
        } else if (kind == 6) {
            if (vault.claimable(who) != 0) claimed += vault.claim(who);
        } else if (kind == 7) {
            draw(uint56(upTo(vault.available())));
        } else if (kind == 8) {
            giveBack(uint56(upTo(100_000 * usd)));
        } else {
            proveNear();
            return true;
        }
    }

    function ask(address who, uint256 shares) private {
        vm.prank(who);
        vault.requestRedeem(shares, holders[upTo(2)], who);
        asked += shares;
    }

    /// The book gained or lost up to a tenth, as far as it was worth anything.
    function proveNear() private {
        (uint256 worth, uint256 here) = (vault.totalAssets(), vault.idle());
        uint256 book = worth > here ? (worth - here) / usd : 0;
        prove(uint48(book * (90 + upTo(20)) / 100));
    }

    /// ST-6: as many as told to are looked at, from the head on, and who is behind one who waits is untouched.
    function process(uint256 most) private {
        if (vault.maxDeposit(ADA) == 0) {
            vm.expectRevert(IShareToken.NavStepTooCoarse.selector);
            vault.processQueue(most);
            return;
        }
        (uint64 head, uint64 end,) = vault.queue();
        uint256[] memory before = new uint256[](end);
        for (uint256 id = head; id < end; ++id) {
            before[id] = vault.requestOf(id).shares;
        }
        uint256 here = vault.idle();

        (uint256 shares, uint256 assets) = vault.processQueue(most);
        paid += shares;
        set += assets;
        vm.assertEq(vault.idle(), here - assets);

        (uint64 now_,,) = vault.queue();
        vm.assertLe(now_ - head, most);
        uint256 burnt;
        for (uint256 id = head; id < end; ++id) {
            uint256 waiting = vault.requestOf(id).shares;
            burnt += before[id] - waiting;
            if (id < now_) vm.assertEq(waiting, 0);
            if (id > now_) vm.assertEq(waiting, before[id]);
        }
        vm.assertEq(burnt, shares);
        // It stops for one of three reasons.
        vm.assertTrue(now_ == end || now_ - head == most || vault.idle() == 0);
    }

    /// ST-7: the books of the queue, and of the claims, agree with the tokens.
    function check() private view {
        (uint64 head, uint64 end, uint256 queued) = vault.queue();
        uint256 waiting;
        for (uint256 id; id < end; ++id) {
            if (id < head) vm.assertEq(vault.requestOf(id).shares, 0);
            waiting += vault.requestOf(id).shares;
        }
        vm.assertEq(waiting, queued);
        vm.assertEq(queued, vault.balanceOf(address(vault)));
        vm.assertEq(asked, paid + cancelled + queued);

        uint256 claims = vault.claimable(ADA) + vault.claimable(BEN) + vault.claimable(EVE);
        vm.assertEq(claims, vault.setAside());
        vm.assertEq(set, claimed + claims);
        vm.assertLe(claims, asset.balanceOf(address(vault)));

        // Shares are never worth more than there is for them.
        vm.assertLe(vault.convertToAssets(vault.totalSupply()), vault.totalAssets());
        vm.assertLe(vault.available(), vault.idle());
        for (uint256 i; i < holders.length; ++i) {
            vm.assertLe(vault.maxWithdraw(holders[i]), vault.available());
        }
    }
}
