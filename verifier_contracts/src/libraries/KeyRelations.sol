// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "./Groth16.sol";

/// @title Small linear relations between points of a verifying key
/// @notice In an honest setup no points X and Y are known with j·X = ±k·Y for small j and k. This library looks for those with j
/// and k up to MOST, which is all that a constructor has the gas for; `dls_zk/groth16/relations.py` looks much further. A point
/// and its negative share x, so that x stands for both. No point may be infinity, and all must have the prime order.
library KeyRelations {
    uint256 private constant Q = Groth16.BASE_FIELD;
    uint256 internal constant MOST = 4;

    /// @notice Whether two points of G1 are related.
    function inG1(uint256[2][] memory points) internal view returns (bool) {
        uint256[] memory names = new uint256[](MOST * points.length);
        for (uint256 i; i < points.length; ++i) {
            uint256[2] memory multiple = points[i];
            names[MOST * i] = multiple[0];
            for (uint256 k = 1; k < MOST; ++k) {
                multiple = _sumG1(multiple, points[i]);
                names[MOST * i + k] = multiple[0];
            }
        }
        return _meet(names);
    }

    /// @notice Whether two points of G2 (imaginary parts first) are related.
    function inG2(uint256[4][] memory points) internal view returns (bool) {
        uint256[] memory names = new uint256[](MOST * points.length);
        for (uint256 i; i < points.length; ++i) {
            uint256[4] memory multiple = points[i];
            names[MOST * i] = _nameG2(multiple);
            for (uint256 k = 1; k < MOST; ++k) {
                multiple = _sumG2(multiple, points[i]);
                names[MOST * i + k] = _nameG2(multiple);
            }
        }
        return _meet(names);
    }

    /// @dev Whether the multiples of one point, MOST names in a row, and those of another have a name in common.
    function _meet(uint256[] memory names) private pure returns (bool) {
        for (uint256 i = MOST; i < names.length; ++i) {
            uint256 others = i - i % MOST;
            for (uint256 k; k < others; ++k) {
                if (names[i] == names[k]) return true;
            }
        }
        return false;
    }

    function _sumG1(uint256[2] memory one, uint256[2] memory other) private view returns (uint256[2] memory) {
        (bool ok, bytes memory sum) = address(6).staticcall(abi.encode(one, other));
        assert(ok); // both are on the curve
        return abi.decode(sum, (uint256[2]));
    }

    // --- G2, for which there is no precompile: affine, over the extension i² = −1, the imaginary part first ---

    function _nameG2(uint256[4] memory point) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(point[0], point[1])));
    }

    /// @dev The sum of two points that are equal or have different x.
    function _sumG2(uint256[4] memory one, uint256[4] memory other) private view returns (uint256[4] memory sum) {
        uint256[2] memory x = [one[0], one[1]];
        uint256[2] memory y = [one[2], one[3]];
        uint256[2] memory otherX = [other[0], other[1]];
        uint256[2] memory slope;
        if (one[0] == other[0] && one[1] == other[1]) {
            uint256[2] memory square = _times(x, x);
            slope = _times(
                [mulmod(3, square[0], Q), mulmod(3, square[1], Q)], _inverse([mulmod(2, y[0], Q), mulmod(2, y[1], Q)])
            );
        } else {
            slope = _times(_minus([other[2], other[3]], y), _inverse(_minus(otherX, x)));
        }
        uint256[2] memory sumX = _minus(_minus(_times(slope, slope), x), otherX);
        uint256[2] memory sumY = _minus(_times(slope, _minus(x, sumX)), y);
        return [sumX[0], sumX[1], sumY[0], sumY[1]];
    }

    function _minus(uint256[2] memory a, uint256[2] memory b) private pure returns (uint256[2] memory) {
        return [addmod(a[0], Q - b[0], Q), addmod(a[1], Q - b[1], Q)];
    }

    function _times(uint256[2] memory a, uint256[2] memory b) private pure returns (uint256[2] memory) {
        return [
            addmod(mulmod(a[0], b[1], Q), mulmod(a[1], b[0], Q), Q),
            addmod(mulmod(a[1], b[1], Q), Q - mulmod(a[0], b[0], Q), Q)
        ];
    }

    /// @dev The conjugate over the norm; not of zero.
    function _inverse(uint256[2] memory a) private view returns (uint256[2] memory) {
        uint256 norm = addmod(mulmod(a[0], a[0], Q), mulmod(a[1], a[1], Q), Q);
        (bool ok, bytes memory power) = address(5).staticcall(abi.encode(32, 32, 32, norm, Q - 2, Q));
        assert(ok); // Fermat: the power is 1 / norm
        uint256 inverse = abi.decode(power, (uint256));
        return [mulmod(Q - a[0], inverse, Q), mulmod(a[1], inverse, Q)];
    }
}
