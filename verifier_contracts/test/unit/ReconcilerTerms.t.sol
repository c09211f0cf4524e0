// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IReconciler} from "../../src/interfaces/IReconciler.sol";
import {CustodyScene} from "../CustodyScene.sol";
import {Trapdoor} from "../Trapdoor.sol";

/// Which custody terms there can be, and how they compare.
contract ReconcilerTermsTest is CustodyScene {
    function setUp() public override {
        super.setUp();
        slots = 8;
        custody = reconciler.addTerms(termsOfCustody(8));
    }

    function refuseTerms(bytes memory reason) private {
        vm.expectRevert(reason);
        reconciler.addTerms(custodyTerms);
    }

    function outOfRange(string memory term, uint256 value, uint256 least, uint256 most)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(IReconciler.TermOutOfRange.selector, term, value, least, most);
    }

    function change() private returns (IReconciler.Change) {
        return reconciler.compare(custody, reconciler.addTerms(custodyTerms));
    }

    function test_namesTermsByTheirContent() public {
        vm.assertEq(custody, keccak256(abi.encode(custodyTerms)));
        vm.assertEq(reconciler.addTerms(custodyTerms), custody);
        vm.assertEq(abi.encode(reconciler.termsOf(custody)), abi.encode(custodyTerms));
        (uint8 size, uint32 maxAge) = reconciler.outline(custody);
        vm.assertEq(uint256(size), 8);
        vm.assertEq(uint256(maxAge), MAX_AGE);
        slots = 32;
        bytes32 large = reconciler.addTerms(termsOfCustody(32));
        vm.assertEq(abi.encode(reconciler.termsOf(large)), abi.encode(custodyTerms));
    }

    function test_boundsTerms() public {
        custodyTerms.tolerancePpm = 20_000;
        reconciler.addTerms(custodyTerms);
        custodyTerms.tolerancePpm = 20_001;
        refuseTerms(outOfRange("tolerancePpm", 20_001, 0, 20_000));
        custodyTerms.tolerancePpm = 0;
        custodyTerms.maxSequences = 0;
        refuseTerms(outOfRange("maxSequences", 0, 1, 255));
        custodyTerms.maxSequences = 1;
        custodyTerms.maxAge = 1 hours - 1;
        refuseTerms(outOfRange("maxAge", 1 hours - 1, 1 hours, 90 days));
        custodyTerms.maxAge = 90 days + 1;
        refuseTerms(outOfRange("maxAge", 90 days + 1, 1 hours, 90 days));
        custodyTerms.maxAge = 1 hours;
        custodyTerms.steadyFor = 15 minutes + 1;
        refuseTerms(outOfRange("steadyFor", 15 minutes + 1, 0, 15 minutes));
        custodyTerms.steadyFor = 15 minutes;
        reconciler.addTerms(custodyTerms);
    }

    function test_refusesKeysThatDoNotFit() public {
        custodyTerms.slots = 9;
        refuseTerms(abi.encodeWithSelector(IReconciler.UnsupportedSlots.selector, 9));
        custodyTerms.slots = 16;
        refuseTerms(abi.encodeWithSelector(IReconciler.KeySizeMismatch.selector, 9, 11));
        custodyTerms.slots = 8;
        bytes32 code = custodyTerms.verifierCode;
        custodyTerms.verifierCode = bytes32(uint256(1));
        refuseTerms(
            abi.encodeWithSelector(
                IReconciler.VerifierChanged.selector, custodyTerms.verifier, code, custodyTerms.verifierCode
            )
        );
        custodyTerms.verifier = STRANGER;
        refuseTerms(abi.encodeWithSelector(IReconciler.NoCode.selector, STRANGER));
    }

    function test_refusesVenuesThatDoNotFit() public {
        custodyTerms.venues.pop();
        refuseTerms(abi.encodeWithSelector(IReconciler.WrongVenueCount.selector, 3, 4));
        custodyTerms.venues.push(IReconciler.Venue(STRANGER, IReconciler.Class.None));
        refuseTerms(abi.encodeWithSelector(IReconciler.AttestorAndClassDisagree.selector, 3));
        custodyTerms.venues[3] = IReconciler.Venue(address(0), IReconciler.Class.Operator);
        refuseTerms(abi.encodeWithSelector(IReconciler.AttestorAndClassDisagree.selector, 3));
        for (uint256 k; k < 4; ++k) {
            custodyTerms.venues[k] = IReconciler.Venue(address(0), IReconciler.Class.None);
        }
        refuseTerms(abi.encodeWithSelector(IReconciler.NoAttestor.selector));
    }

    // --- comparing ---

    function test_comparesWithNoTerms() public {
        vm.assertTrue(reconciler.compare(0, custody) == IReconciler.Change.Tightens);
        vm.assertTrue(reconciler.compare(0, 0) == IReconciler.Change.Tightens);
        vm.assertTrue(reconciler.compare(custody, custody) == IReconciler.Change.Tightens);
        vm.assertTrue(reconciler.compare(custody, 0) == IReconciler.Change.Loosens);
        vm.expectRevert(abi.encodeWithSelector(IReconciler.UnknownTerms.selector, bytes32(uint256(1))));
        reconciler.compare(0, bytes32(uint256(1)));
    }

    function test_comparesNumbers() public {
        for (uint256 field; field < 4; ++field) {
            step(field, true);
            vm.assertTrue(change() == (field == 3 ? IReconciler.Change.Tightens : IReconciler.Change.Loosens));
            step(field, false);
            step(field, false);
            vm.assertTrue(change() == (field == 3 ? IReconciler.Change.Loosens : IReconciler.Change.Tightens));
            step(field, true);
        }
    }

    function step(uint256 field, bool up) private {
        if (field == 0) custodyTerms.tolerancePpm = up ? custodyTerms.tolerancePpm + 1 : custodyTerms.tolerancePpm - 1;
        if (field == 1) custodyTerms.maxSequences = up ? custodyTerms.maxSequences + 1 : custodyTerms.maxSequences - 1;
        if (field == 2) custodyTerms.maxAge = up ? custodyTerms.maxAge + 1 : custodyTerms.maxAge - 1;
        if (field == 3) custodyTerms.steadyFor = up ? custodyTerms.steadyFor + 1 : custodyTerms.steadyFor - 1;
    }

    function test_anotherKeyLoosens() public {
        custodyTerms.batchVerifier = Trapdoor.batchVerifier(9);
        vm.assertTrue(change() == IReconciler.Change.Loosens);
    }

    function test_anotherSizeLoosens() public {
        custodyTerms.slots = 16;
        custodyTerms.batchVerifier = Trapdoor.batchVerifier(11);
        vm.assertTrue(change() == IReconciler.Change.Loosens);
    }

    /// What the book has at a venue without an attestor counts against the tolerance. The operator's own key would do away with
    /// that, without a delay if it were to tighten.
    function test_oneMoreVenueLoosens() public {
        for (uint8 class = uint8(IReconciler.Class.Operator); class <= uint8(IReconciler.Class.ChainState); ++class) {
            custodyTerms.venues[3] = IReconciler.Venue(STRANGER, IReconciler.Class(class));
            vm.assertTrue(change() == IReconciler.Change.Loosens);
        }
    }

    function test_oneVenueLessLoosens() public {
        custodyTerms.venues[2] = IReconciler.Venue(address(0), IReconciler.Class.None);
        vm.assertTrue(change() == IReconciler.Change.Loosens);
    }

    /// Of no lower class. With any other change it is none.
    function test_anotherAttestorRepairs() public {
        IReconciler.Class class = custodyTerms.venues[1].class;
        custodyTerms.venues[1] = IReconciler.Venue(STRANGER, class);
        vm.assertTrue(change() == IReconciler.Change.Repairs);
        custodyTerms.venues[1].class = IReconciler.Class(uint8(class) + 1);
        vm.assertTrue(change() == IReconciler.Change.Repairs);
        custodyTerms.venues[1].class = IReconciler.Class(uint8(class) - 1);
        vm.assertTrue(change() == IReconciler.Change.Loosens);
        custodyTerms.venues[1].class = class;
        custodyTerms.tolerancePpm -= 1;
        vm.assertTrue(change() == IReconciler.Change.Loosens);
    }

    /// A word is no custody.
    function test_anotherClassOfTheSameAttestorLoosens() public {
        custodyTerms.venues[0].class = IReconciler.Class.ChainState;
        vm.assertTrue(change() == IReconciler.Change.Loosens);
    }
}
