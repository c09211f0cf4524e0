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

    /// The name by its definition.
    function nameOf(uint8 size) private view returns (bytes32) {
        return keccak256(
            abi.encode(verifier, verifier.codehash, batchVerifier, address(batchVerifier).codehash, uint256(size))
        );
    }

    function test_anyoneAddsAKeyUnderTheHashOfItsContent() public {
        bytes32 name = nameOf(16);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.KeyAdded(name, verifier, batchVerifier, 16);
        vm.prank(STRANGER);
        vm.assertEq(hub.addKey(verifier, batchVerifier, 16), name);
        IRebalanceHub.Key memory key = hub.keyOf(name);
        vm.assertEq(abi.encode(key), abi.encode(IRebalanceHub.Key(verifier, batchVerifier, 16)));
    }

    function test_addingItAgainChangesNothing() public {
        bytes32 name = hub.addKey(verifier, batchVerifier, 16);
        vm.assertEq(hub.addKey(verifier, batchVerifier, 16), name);
        IRebalanceHub.Key memory key = hub.keyOf(name);
        vm.assertEq(abi.encode(key), abi.encode(IRebalanceHub.Key(verifier, batchVerifier, 16)));
    }

    /// An account that delegates (EIP-7702) can point its code elsewhere; its own code, by which a key is known, does not tell.
    function test_refusesCodeThatBeginsWithEf() public {
        bytes memory delegation = abi.encodePacked(hex"ef0100", verifier);
        bytes[3] memory codes = [delegation, hex"ef", hex"ef0001"];
        address account = address(0xDE1E);
        for (uint256 i; i < 3; ++i) {
            vm.etch(account, codes[i]);
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.DelegatedCode.selector, account));
            hub.addKey(account, batchVerifier, 16);
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.DelegatedCode.selector, account));
            hub.addKey(verifier, IBatchVerifier(account), 16);
        }
        vm.etch(account, hex"60ef"); // anywhere else it is a byte like others
        hub.addKey(account, batchVerifier, 16);
    }

    /// Whatever is added first: no reorganisation can put another key behind a name.
    function test_theNameDoesNotDependOnTheOrder() public {
        address other = Trapdoor.verifier(11);
        uint256 start = vm.snapshotState();
        bytes32 first = hub.addKey(verifier, batchVerifier, 16);
        bytes32 second = hub.addKey(other, batchVerifier, 16);
        vm.revertToState(start);
        vm.assertEq(hub.addKey(other, batchVerifier, 16), second);
        vm.assertEq(hub.addKey(verifier, batchVerifier, 16), first);
        vm.assertTrue(first != second);
    }

    /// The same addresses with other code are another key.
    function test_theNameBindsTheCode() public {
        bytes32 first = hub.addKey(verifier, batchVerifier, 16);
        vm.etch(verifier, hex"00");
        bytes32 second = hub.addKey(verifier, batchVerifier, 16);
        vm.assertEq(second, nameOf(16));
        vm.assertTrue(first != second);
    }

    function test_everySizeHasItsKey() public {
        bytes32 small = hub.addKey(Trapdoor.verifier(9), Trapdoor.batchVerifier(9), 8);
        bytes32 large = hub.addKey(Trapdoor.verifier(14), Trapdoor.batchVerifier(14), 32);
        vm.assertEq(uint256(hub.keyOf(small).slots), 8);
        vm.assertEq(uint256(hub.keyOf(large).slots), 32);
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
        bytes32 key = hub.addKey(verifier, batchVerifier, 16);
        bytes32[2] memory others = [bytes32(0), bytes32(uint256(key) ^ 1)];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownKey.selector, others[i]));
            hub.keyOf(others[i]);
        }
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
