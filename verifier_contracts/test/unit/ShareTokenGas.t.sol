// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Figures for the snapshot file: a vault in use, with a proven book and other holders, and a plain ERC-20 as its asset.
contract ShareTokenGasTest is ShareTokenScene {
    function setUp() public override {
        super.setUp();
        open(6, 1);
        vm.snapshotValue("ShareToken", "runtime code, bytes", address(vault).code.length);
        deposit(ADA, 10_000 * usd);
        deposit(BEN, 10_000 * usd);
        draw(5_000 * USD_E6);
        prove(5_000);
        draw(USD_E6);
    }

    function measured(string memory name) private returns (uint256) {
        return vm.snapshotGasLastCall("ShareToken", name);
    }

    function test_open() public {
        uint32 same = mandateNow();
        uint256 before = gasleft();
        newVault(same, CUSTODY);
        vm.snapshotValue("ShareToken", "deploy and open", before - gasleft());
    }

    function test_deposit() public {
        give(EVE, 400 * usd);
        vm.prank(EVE);
        vault.deposit(100 * usd, EVE);
        measured("deposit, first of a holder");
        vm.prank(EVE);
        vault.deposit(100 * usd, EVE);
        measured("deposit");
        vm.prank(EVE);
        vault.mint(100e12, EVE);
        measured("mint");
    }

    function test_withdraw() public {
        vm.prank(ADA);
        vault.withdraw(100 * usd, ADA, ADA);
        vm.prank(ADA);
        vault.withdraw(100 * usd, ADA, ADA);
        measured("withdraw");
        redeem(ADA, 100e12);
        measured("redeem");
    }

    function test_withdrawBesideTheQueue() public {
        request(BEN, 100e12);
        redeem(ADA, 1e12);
        redeem(ADA, 1e12);
        measured("redeem, others in the queue");
    }

    function test_queue() public {
        request(ADA, 1e12);
        measured("requestRedeem, first of all");
        request(ADA, 1e12);
        request(ADA, 1e12);
        measured("requestRedeem");
        cancel(ADA, 2);
        measured("cancelRequest");
        for (uint256 i; i < 12; ++i) {
            vm.prank(BEN);
            vault.requestRedeem(1e12, address(uint160(i + 1)), BEN);
        }
        vault.processQueue(3);
        vault.processQueue(1);
        uint256 one = measured("processQueue, 1 request to a new receiver");
        vault.processQueue(11);
        uint256 eleven = measured("processQueue, 11 requests to new receivers");
        vm.snapshotValue("ShareToken", "processQueue, each further request", (eleven - one) / 10);
        vault.claim(address(1));
        vault.claim(address(2));
        measured("claim");
    }

    function test_flows() public {
        draw(USD_E6);
        measured("draw");
        giveBack(USD_E6);
        giveBack(USD_E6);
        measured("giveBack");
    }
}
