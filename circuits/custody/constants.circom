pragma circom 2.2.2;

// The numbers of a reconciliation that a rebalance has not; the others are those of lib/constants.circom.
// dls_zk/statement/constants.py holds the same; a test compares the two.

function MAX_TOLERANCE() { return 20000; }       // ppm of NAV
function TOLERANCE_BITS() { return 15; }         // MAX_TOLERANCE < 2^15

// The ASCII bytes of a tag, then the slot count in one byte.
function DOMAIN_ATTESTATION(N) { return 0x646c732d7a6b2f6174746573746174696f6e2f7631 * 256 + N; } // "dls-zk/attestation/v1"
