// Single-party Groth16 setup for development: dev_setup.mjs R1CS OUT_ZKEY
//
// INSECURE BY DEFINITION. The toxic values come from a public label and the r1cs file, so that everybody gets the same
// key for the same circuit, and anybody can forge proofs against it. The key says so in the name of its contribution.
//
// A ceremony knows powers of tau only as points. Here tau is known, so the QAP is evaluated in the scalar field and each
// point of the key is one multiple of a generator, made from a table of its multiples (fixed-base windows).
//
// The file is an ordinary snarkjs 0.7 zkey (groth16 on bn128, sections 1 to 10); the formats are those of snarkjs's
// zkey_new.js and zkey_utils.js. Stdout: one JSON line {"stage", "done", "of"} per step. Errors: one line on stderr, exit 1.

import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

// Read in dls_zk/groth16/zkey.py too (MARKER and development_alpha): the two files must agree on these two strings.
const CONTRIBUTION_NAME = "INSECURE development setup (single party, known toxic waste): never use with value";
const LABEL = "dls-zk/dev-setup/v1";

const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const TWO_ADICITY = 28; // 2^28 divides R − 1
const R_BITS = 254;
const N8 = 32; // bytes of a field element
const CHUNK = 1024; // points that a worker makes at a time
const POINT_SIZE = { G1: 2 * N8, G2: 4 * N8 }; // affine

// --- the scalar field, as BigInt ------------------------------------------------------------------------------------

const mod = (a) => ((a % R) + R) % R;

function power(base, exponent) {
    let result = 1n;
    for (let b = base; exponent > 0n; exponent >>= 1n, b = (b * b) % R) {
        if (exponent & 1n) result = (result * b) % R;
    }
    return result;
}

const inverse = (a) => power(a, R - 2n);

/** Inverses of all the (non-zero) values, by one inversion. */
function inverses(values) {
    const prefix = [1n];
    for (const value of values) prefix.push((prefix[prefix.length - 1] * value) % R);
    let tail = inverse(prefix[values.length]);
    const out = new Array(values.length);
    for (let i = values.length - 1; i >= 0; i--) {
        out[i] = (tail * prefix[i]) % R;
        tail = (tail * values[i]) % R;
    }
    return out;
}

/** L_first(tau), L_first+step(tau), … of the Lagrange basis over the powers of `root`, which has order `size`. */
function lagrangeAt(tau, root, size, first, step) {
    const scale = (mod(power(tau, BigInt(size)) - 1n) * inverse(BigInt(size))) % R;
    const jump = power(root, BigInt(step));
    const nodes = [power(root, BigInt(first))];
    while (nodes.length < size / step) nodes.push((nodes[nodes.length - 1] * jump) % R);
    const denominators = inverses(nodes.map((node) => mod(tau - node)));
    return nodes.map((node, i) => (((scale * node) % R) * denominators[i]) % R);
}

function readElement(view, offset) {
    let value = 0n;
    for (let i = 3; i >= 0; i--) value = (value << 64n) | view.getBigUint64(offset + 8 * i, true);
    return value;
}

function writeElement(view, offset, value) {
    for (let i = 0; i < 4; i++, value >>= 64n) view.setBigUint64(offset + 8 * i, value & 0xffffffffffffffffn, true);
}

const elementBytes = (value) => {
    const bytes = new Uint8Array(N8);
    writeElement(new DataView(bytes.buffer), 0, value);
    return bytes;
};

const u32Bytes = (...values) => {
    const bytes = new Uint8Array(4 * values.length);
    values.forEach((value, i) => new DataView(bytes.buffer).setUint32(4 * i, value, true));
    return bytes;
};

// --- the circuit ----------------------------------------------------------------------------------------------------

/** Header and constraint section of an r1cs file (the format of iden3/r1csfile, version 1). */
function readR1cs(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < 12 || bytes.toString("latin1", 0, 4) !== "r1cs" || view.getUint32(4, true) !== 1) {
        throw new Error("not an r1cs file of version 1");
    }
    const sections = new Map();
    let position = 12;
    for (let i = 0; i < view.getUint32(8, true); i++) {
        const size = Number(view.getBigUint64(position + 4, true));
        const start = position + 12;
        position = start + size;
        if (position > bytes.length) throw new Error("the r1cs file is cut short");
        sections.set(view.getUint32(start - 12, true), new DataView(bytes.buffer, bytes.byteOffset + start, size));
    }
    const header = sections.get(1);
    const constraints = sections.get(2);
    if (!header || !constraints) throw new Error("the r1cs file has no header or no constraints");
    if (sections.has(4) || sections.has(5)) throw new Error("custom gates have no Groth16 setup");
    if (header.getUint32(0, true) !== N8 || readElement(header, 4) !== R) throw new Error("the r1cs is not over bn128");
    return {
        wires: header.getUint32(36, true),
        public: header.getUint32(40, true) + header.getUint32(44, true),
        constraintCount: header.getUint32(60, true),
        constraints,
    };
}

/**
 * The QAP at tau: for each wire s the values a[s], b[s], c[s] of its three polynomials, and section 4 of the key, the
 * coefficients of A and B. `lagrange` is the basis over the domain at tau.
 */
function evaluateQap(r1cs, lagrange) {
    const sums = [0, 1, 2].map(() => new Array(r1cs.wires).fill(0n));
    const view = r1cs.constraints;
    const termSize = 4 + N8;
    const coefficientSize = 12 + N8;
    const terms = Math.floor(view.byteLength / termSize) + r1cs.public + 1; // an upper bound: C's terms are not stored
    const section = new Uint8Array(4 + terms * coefficientSize);
    const out = new DataView(section.buffer);
    const r2 = power(2n, BigInt(2 * 8 * N8)); // coefficients are stored times R² (R = 2^256), as snarkjs does
    let count = 0;

    function addCoefficient(matrix, constraint, wire, value) {
        const offset = 4 + count++ * coefficientSize;
        out.setUint32(offset, matrix, true);
        out.setUint32(offset + 4, constraint, true);
        out.setUint32(offset + 8, wire, true);
        writeElement(out, offset + 12, (value * r2) % R);
    }

    let position = 0;
    for (let constraint = 0; constraint < r1cs.constraintCount; constraint++) {
        for (let matrix = 0; matrix < 3; matrix++) {
            const n = view.getUint32(position, true);
            position += 4;
            for (let i = 0; i < n; i++, position += termSize) {
                const wire = view.getUint32(position, true);
                if (wire >= r1cs.wires) throw new Error(`constraint ${constraint} names wire ${wire}, which does not exist`);
                const value = readElement(view, position + 4);
                sums[matrix][wire] += value * lagrange[constraint]; // reduced once, below
                if (matrix < 2) addCoefficient(matrix, constraint, wire, value);
            }
        }
    }
    // One more row for the constant 1 and each public signal keeps their polynomials in A independent: a proof then fits
    // one value of each, even of a signal that no constraint uses.
    for (let wire = 0; wire <= r1cs.public; wire++) {
        sums[0][wire] += lagrange[r1cs.constraintCount + wire];
        addCoefficient(0, r1cs.constraintCount + wire, wire, 1n);
    }
    out.setUint32(0, count, true);
    const [a, b, c] = sums.map((values) => values.map((value) => value % R));
    return { a, b, c, coefficients: section.subarray(0, 4 + count * coefficientSize) };
}

// --- points ---------------------------------------------------------------------------------------------------------

/** Bits of a window: the least additions for the table and n points. */
function windowBits(n) {
    let best = 1;
    const additions = (bits) => Math.ceil(R_BITS / bits) * (2 ** bits + n);
    for (let bits = 2; bits <= 14; bits++) if (additions(bits) < additions(best)) best = bits;
    return best;
}

/**
 * A function from scalars (32 bytes each, little-endian, below R) to their multiples of the group's generator, affine in
 * Montgomery form. It drives the curve's WASM directly: a call costs far less than the addition that it makes.
 */
async function fixedBase(module, { prefix, affine, generator, bits }) {
    const memory = new WebAssembly.Memory({ initial: 32 });
    const { exports: wasm } = await WebAssembly.instantiate(module, { env: { memory } });
    const [zero, addMixed, toAffine, batchToAffine] = ["zero", "addMixed", "toAffine", "batchToAffine"].map(
        (name) => wasm[`${prefix}_${name}`],
    );
    const jacobian = (affine * 3) / 2;
    const windows = Math.ceil(R_BITS / bits);
    const rows = 2 ** bits; // table[window][k] = k·2^(bits·window)·generator, 0 ≤ k < rows

    // The module keeps the address of its free memory in its first word; batchToAffine takes scratch space from there.
    const table = (new Uint32Array(memory.buffer)[0] + 7) & ~7;
    const work = table + windows * rows * affine; // one row of the table and the next one's base, or one chunk
    const base = work + Math.max(rows + 1, CHUNK) * jacobian;
    const free = base + jacobian;
    const end = free + (Math.max(rows, CHUNK) + 1) * jacobian;
    memory.grow(Math.max(0, Math.ceil((end - memory.buffer.byteLength) / 65536)));
    new Uint32Array(memory.buffer)[0] = free;
    const bytes = new Uint8Array(memory.buffer);

    bytes.set(generator, base);
    for (let window = 0; window < windows; window++) {
        zero(work);
        for (let k = 1; k <= rows; k++) addMixed(work + (k - 1) * jacobian, base, work + k * jacobian);
        toAffine(work + rows * jacobian, base);
        batchToAffine(work, rows, work);
        bytes.copyWithin(table + window * rows * affine, work, work + rows * affine);
    }

    return (scalars) => {
        const n = scalars.length / N8;
        const padded = new Uint8Array(scalars.length + 4);
        padded.set(scalars);
        const view = new DataView(padded.buffer);
        for (let i = 0; i < n; i++) {
            const sum = work + i * jacobian;
            zero(sum);
            for (let window = 0; window < windows; window++) {
                const bit = window * bits;
                // The last window may reach into the next scalar: its digit is cut to the bits that are left.
                const mask = 2 ** Math.min(bits, 256 - bit) - 1;
                const digit = (view.getUint32(i * N8 + (bit >> 3), true) >>> (bit & 7)) & mask;
                if (digit) addMixed(sum, table + (window * rows + digit) * affine, sum);
            }
        }
        batchToAffine(work, n, work);
        return bytes.slice(work, work + n * affine);
    };
}

async function worker({ module, groups }) {
    const multiply = {}; // a group's table is made when its first job comes
    parentPort.on("message", async ({ id, group, scalars }) => {
        multiply[group] ??= await fixedBase(module, groups[group]);
        const points = multiply[group](scalars);
        parentPort.postMessage({ id, points }, [points.buffer]);
    });
}

/**
 * Points for several lists of scalars: [{group, scalars: BigInt[]}] to [Uint8Array], in the same order. `report` is told
 * how many points are made. Multiples by zero stay all zeros, which is how a zkey writes the point at infinity.
 */
async function makePoints(curve, lists, report) {
    const outputs = lists.map(({ group, scalars }) => new Uint8Array(scalars.length * POINT_SIZE[group]));
    const jobs = [];
    lists.forEach(({ group, scalars }, list) => {
        const indices = [...scalars.keys()].filter((i) => scalars[i] !== 0n);
        for (let i = 0; i < indices.length; i += CHUNK) {
            jobs.push({ list, group, indices: indices.slice(i, i + CHUNK) });
        }
    });
    const count = (group) => jobs.filter((job) => job.group === group).reduce((n, job) => n + job.indices.length, 0);
    const total = count("G1") + count("G2");
    const threads = Math.max(1, Math.min(os.availableParallelism(), 8, Math.ceil(total / CHUNK)));
    const describe = (group, prefix) => ({
        prefix,
        affine: POINT_SIZE[group],
        generator: curve[group].gAffine,
        bits: windowBits(count(group) / threads),
    });
    const data = {
        module: await WebAssembly.compile(curve.tm.code),
        groups: { G1: describe("G1", "g1m"), G2: describe("G2", "g2m") },
    };
    let next = 0;
    let done = 0;

    const run = () =>
        new Promise((resolve, reject) => {
            const thread = new Worker(fileURLToPath(import.meta.url), { workerData: data });
            thread.on("error", reject);
            thread.on("exit", resolve);
            const give = () => {
                if (next === jobs.length) return thread.terminate();
                const id = next++;
                const { list, group, indices } = jobs[id];
                const scalars = new Uint8Array(indices.length * N8);
                const view = new DataView(scalars.buffer);
                indices.forEach((index, k) => writeElement(view, k * N8, lists[list].scalars[index]));
                thread.postMessage({ id, group, scalars }, [scalars.buffer]);
            };
            thread.on("message", ({ id, points }) => {
                const { list, indices } = jobs[id];
                const size = points.length / indices.length;
                indices.forEach((index, k) => outputs[list].set(points.subarray(k * size, (k + 1) * size), index * size));
                done += indices.length;
                report(done, total);
                give();
            });
            give();
        });
    await Promise.all(Array.from({ length: threads }, run));
    if (done !== total) throw new Error("a worker thread ended early; is there enough memory?");
    return outputs;
}

// --- the key --------------------------------------------------------------------------------------------------------

/** A toxic value, from the label and the circuit alone: 512 bits of sha256 reduced to the scalar field. */
function toxicValue(r1csDigest, name) {
    const half = (i) =>
        crypto.createHash("sha256").update(LABEL).update(r1csDigest).update(name).update(new Uint8Array([i])).digest("hex");
    return BigInt(`0x${half(0)}${half(1)}`) % R;
}

/**
 * Section 10: one contribution by delta, which snarkjs can read and check. The circuit hash is not the one of
 * snarkjs's transcript (that hashes a key that was never made): it binds the r1cs file instead.
 */
function contributionSection(curve, ChaCha, r1csDigest, delta, delta1) {
    const { G1, G2, Fr } = curve;
    const blake2b = (...parts) => {
        const hash = crypto.createHash("blake2b512");
        for (const part of parts) hash.update(part);
        return hash.digest();
    };
    const key = Fr.e(delta);
    const circuitHash = blake2b(LABEL, r1csDigest);
    const s = G1.toAffine(G1.timesFr(G1.g, Fr.e(toxicValue(r1csDigest, "g1_s"))));
    const sx = G1.toAffine(G1.timesFr(s, key));
    const transcript = blake2b(circuitHash, G1.toUncompressed(s), G1.toUncompressed(sx));
    const seed = Array.from({ length: 8 }, (_, i) => transcript.readUInt32BE(4 * i));
    const spx = G2.toAffine(G2.timesFr(G2.fromRng(new ChaCha(seed)), key));
    const name = Buffer.from(CONTRIBUTION_NAME, "utf8");
    return [
        circuitHash,
        u32Bytes(1), // contributions
        delta1,
        s,
        sx,
        spx,
        transcript,
        u32Bytes(0, 2 + name.length), // type: no beacon; length of the parameters
        new Uint8Array([1, name.length]),
        name,
    ];
}

function writeZkey(file, sections) {
    const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
    try {
        const fd = fs.openSync(temporary, "wx", 0o644);
        try {
            const write = (bytes) => {
                for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
            };
            write(Buffer.concat([Buffer.from("zkey"), u32Bytes(1, sections.length)]));
            for (const [id, parts] of sections) {
                const size = parts.reduce((sum, part) => sum + part.length, 0);
                write(u32Bytes(id, size, 0)); // the size has 64 bits; none of ours reaches 2^32
                parts.forEach(write);
            }
            fs.fsyncSync(fd);
        } finally {
            fs.closeSync(fd);
        }
        fs.renameSync(temporary, file);
    } catch (error) {
        fs.rmSync(temporary, { force: true });
        throw error;
    }
}

async function main(r1csFile, zkeyFile) {
    // Not at the top: one of its dependencies takes any worker thread for its own.
    const { buildBn128, ChaCha } = await import("ffjavascript");
    const report = (stage, done, of) => process.stdout.write(`${JSON.stringify({ stage, done, of })}\n`);

    report("read circuit", 0, 1);
    const bytes = fs.readFileSync(r1csFile);
    const r1csDigest = crypto.createHash("sha256").update(bytes).digest();
    const r1cs = readR1cs(bytes);
    const rows = r1cs.constraintCount + r1cs.public + 1;
    const domainBits = Math.max(1, 32 - Math.clz32(rows - 1));
    if (domainBits >= TWO_ADICITY) throw new Error(`${r1cs.constraintCount} constraints are too many for bn128`);
    const domain = 2 ** domainBits;
    report("read circuit", 1, 1);

    report("evaluate QAP", 0, 1);
    const curve = await buildBn128(true);
    const root = (k) => BigInt(curve.Fr.toString(curve.Fr.w[k])); // the roots of unity that the prover's FFT uses
    const [tau, alpha, beta, delta] = ["tau", "alpha", "beta", "delta"].map((name) => toxicValue(r1csDigest, name));
    const { a, b, c, coefficients } = evaluateQap(r1cs, lagrangeAt(tau, root(domainBits), domain, 0, 1));
    const overDelta = inverse(delta);
    const combined = a.map((_, s) => (beta * a[s] + alpha * b[s] + c[s]) % R); // gamma = 1
    const ic = combined.slice(0, r1cs.public + 1);
    const privateTerms = combined.slice(r1cs.public + 1).map((value) => (value * overDelta) % R);
    // The prover knows A·B − C at the odd points of the double domain (it is zero at the even ones, the domain itself).
    const h = lagrangeAt(tau, root(domainBits + 1), 2 * domain, 1, 2).map((value) => (value * overDelta) % R);
    report("evaluate QAP", 1, 1);

    const [alpha1, beta1, delta1, beta2, delta2, pointsIc, pointsA, pointsB1, pointsB2, pointsC, pointsH] = await makePoints(
        curve,
        [
            { group: "G1", scalars: [alpha] },
            { group: "G1", scalars: [beta] },
            { group: "G1", scalars: [delta] },
            { group: "G2", scalars: [beta] },
            { group: "G2", scalars: [delta] },
            { group: "G1", scalars: ic },
            { group: "G1", scalars: a },
            { group: "G1", scalars: b },
            { group: "G2", scalars: b },
            { group: "G1", scalars: privateTerms },
            { group: "G1", scalars: h },
        ],
        (done, of) => report("make points", done, of),
    );

    report("write key", 0, 1);
    const header = [
        u32Bytes(N8),
        elementBytes(Q),
        u32Bytes(N8),
        elementBytes(R),
        u32Bytes(r1cs.wires, r1cs.public, domain),
        alpha1,
        beta1,
        beta2,
        curve.G2.gAffine, // gamma
        delta1,
        delta2,
    ];
    writeZkey(zkeyFile, [
        [1, [u32Bytes(1)]], // groth16
        [2, header],
        [4, [coefficients]],
        [3, [pointsIc]],
        [9, [pointsH]],
        [8, [pointsC]],
        [5, [pointsA]],
        [6, [pointsB1]],
        [7, [pointsB2]],
        [10, contributionSection(curve, ChaCha, r1csDigest, delta, delta1)],
    ]);
    report("write key", 1, 1);
}

if (!isMainThread) {
    await worker(workerData);
} else if (process.argv.length !== 4) {
    process.stderr.write("usage: dev_setup.mjs R1CS OUT_ZKEY\n");
    process.exitCode = 2;
} else {
    try {
        await main(process.argv[2], process.argv[3]);
    } catch (error) {
        const reason = error instanceof RangeError ? "the r1cs file is damaged" : String(error.message).split("\n")[0];
        process.stderr.write(`${process.argv[2]}: ${reason}\n`);
        process.exit(1); // not only exitCode: a worker may still be waiting for work
    }
}
