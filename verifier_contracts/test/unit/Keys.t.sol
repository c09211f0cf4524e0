// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {IBatchVerifier} from "../../src/interfaces/IBatchVerifier.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";

contract KeysTest is Scene {
    address private verifier;
    IBatchVerifier private batchVerifier;

    function setUp() public override {
        super.setUp();
        (verifier, batchVerifier) = (Trapdoor.verifier(11), Trapdoor.batchVerifier(11));
    }

    function refuse(bytes memory reason, uint8 size) private {
        vm.expectRevert(reason);
        hub.addKey(verifier, batchVerifier, size);
    }

    function test_anyoneAddsAKeyAndItIsKept() public {
        for (uint32 number; number < 2; ++number) {
            vm.expectEmit(address(hub));
            emit IRebalanceHub.KeyAdded(number, verifier, batchVerifier, 16);
            vm.prank(STRANGER);
            vm.assertEq(uint256(hub.addKey(verifier, batchVerifier, 16)), number);
            IRebalanceHub.Key memory key = hub.keyOf(number);
            vm.assertEq(abi.encode(key), abi.encode(IRebalanceHub.Key(verifier, batchVerifier, 16)));
        }
    }

    function test_everySizeHasItsKey() public {
        hub.addKey(Trapdoor.verifier(9), Trapdoor.batchVerifier(9), 8);
        hub.addKey(Trapdoor.verifier(14), Trapdoor.batchVerifier(14), 32);
        vm.assertEq(uint256(hub.keyOf(0).slots), 8);
        vm.assertEq(uint256(hub.keyOf(1).slots), 32);
    }

    function test_refusesUnknownSizes() public {
        uint8[6] memory others = [0, 7, 9, 12, 33, 255];
        for (uint256 i; i < others.length; ++i) {
            refuse(abi.encodeWithSelector(IRebalanceHub.UnsupportedSlots.selector, others[i]), others[i]);
        }
    }

    function test_refusesAVerifierWithoutCode() public {
        verifier = STRANGER;
        refuse(abi.encodeWithSelector(IRebalanceHub.NoCode.selector, STRANGER), 16);
    }

    function test_refusesABatchVerifierWithoutCode() public {
        batchVerifier = IBatchVerifier(STRANGER);
        refuse(abi.encodeWithSelector(IRebalanceHub.NoCode.selector, STRANGER), 16);
    }

    function test_refusesABatchVerifierOfAnotherSize() public {
        refuse(abi.encodeWithSelector(IRebalanceHub.KeySizeMismatch.selector, 11, 9), 8);
        refuse(abi.encodeWithSelector(IRebalanceHub.KeySizeMismatch.selector, 11, 14), 32);
    }

    function test_unknownKeysAreRefused() public {
        hub.addKey(verifier, batchVerifier, 16);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownKey.selector, 1));
        hub.keyOf(1);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownKey.selector, type(uint32).max));
        hub.keyOf(type(uint32).max);
    }

    // --- what the hub itself is made of ---

    function test_hubNeedsAnOracleAndARegistry() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoCode.selector, STRANGER));
        new RebalanceHub(IPriceOracle(STRANGER), registry);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoCode.selector, STRANGER));
        new RebalanceHub(oracle, IPolicyRegistry(STRANGER));
        vm.assertEq(address(hub.oracle()), address(oracle));
        vm.assertEq(address(hub.policyRegistry()), address(registry));
    }
}
