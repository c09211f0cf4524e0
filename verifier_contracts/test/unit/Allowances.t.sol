// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.sol";

import {Allowances, AllowancesWord} from "../../src/libraries/Allowances.sol";

contract AllowancesTest is Base {
    function testFuzz_packsAndReads(uint256 gain, uint256 loss, uint256 turnover, uint256 writeDown) external pure {
        gain %= AllowancesWord.FIELD_BOUND;
        loss %= AllowancesWord.FIELD_BOUND;
        turnover %= AllowancesWord.FIELD_BOUND;
        writeDown %= AllowancesWord.FIELD_BOUND;
        Allowances word = AllowancesWord.pack(gain, loss, turnover, writeDown);
        vm.assertTrue(word.fits());
        vm.assertEq(Allowances.unwrap(word), gain + 2 ** 30 * loss + 2 ** 60 * turnover + 2 ** 90 * writeDown);
        vm.assertEq(word.gain(), gain);
        vm.assertEq(word.loss(), loss);
        vm.assertEq(word.turnover(), turnover);
        vm.assertEq(word.writeDown(), writeDown);
    }

    function test_aWordWithAnythingAboveDoesNotFit() external pure {
        vm.assertTrue(Allowances.wrap(2 ** 120 - 1).fits());
        vm.assertFalse(Allowances.wrap(2 ** 120).fits());
        vm.assertEq(Allowances.wrap(2 ** 120).writeDown(), AllowancesWord.FIELD_BOUND);
    }
}
