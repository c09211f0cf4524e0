pragma circom 2.2.2;

include "../reconciliation.circom";

component main { public [commitment, attestations, venues, tolerance, prices] } = Reconciliation(8, 4);
