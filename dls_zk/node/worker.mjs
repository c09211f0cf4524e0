// A long-lived process that keeps proving keys in memory: worker.mjs (no arguments).
//
// Requests come as JSON lines on stdin, answers as JSON lines on stdout: {"id", "op", …} → {"id", "result"} or
// {"id", "error"}. It ends when stdin closes.
//
//   version                            {snarkjs, node}
//   load            key, path          reads a zkey once; later requests name it by `key`
//   prove           key, wtns          wtns: base64 of a .wtns file → {proof, public} as snarkjs gives them
//   verify          vk, public, proof  → true or false
//   verifier_source vk, contract       → Solidity source from snarkjs's own template, the contract renamed
//
// The witness is secret: it arrives on stdin, stays in memory and is in no message. Nothing here opens a file for
// writing. Whoever calls must verify each proof: snarkjs makes one from a damaged key without complaint.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

console.log = console.error = () => {}; // stdout is for answers only

const require = createRequire(import.meta.url);
const snarkjs = await import("snarkjs");
const snarkjsFolder = path.resolve(path.dirname(require.resolve("snarkjs")), "..");
const ejs = createRequire(require.resolve("snarkjs"))("ejs"); // what snarkjs itself fills its template with

const keys = new Map();

function key(name) {
    if (!keys.has(name)) throw new Error("no such key is loaded");
    return { type: "mem", data: keys.get(name) };
}

const operations = {
    version: () => ({
        snarkjs: JSON.parse(readFileSync(path.join(snarkjsFolder, "package.json"), "utf8")).version,
        node: process.versions.node,
    }),

    load: (request) => {
        keys.set(request.key, new Uint8Array(readFileSync(request.path)));
        return true;
    },

    prove: async (request) => {
        const wtns = { type: "mem", data: new Uint8Array(Buffer.from(request.wtns, "base64")) };
        const { proof, publicSignals } = await snarkjs.groth16.prove(key(request.key), wtns);
        return { proof, public: publicSignals };
    },

    verify: (request) => snarkjs.groth16.verify(request.vk, request.public, request.proof),

    verifier_source: (request) => {
        const template = readFileSync(path.join(snarkjsFolder, "templates", "verifier_groth16.sol.ejs"), "utf8");
        const renamed = ejs.render(template, request.vk).split("contract Groth16Verifier {");
        if (renamed.length !== 2) throw new Error("snarkjs's template has changed");
        return renamed.join(`contract ${request.contract} {`);
    },
};

// One line, no path of this machine's code, and no long number: that could be a part of a witness.
function explain(error) {
    const line = String(error?.message ?? error).split("\n")[0];
    return line.replace(/[0-9a-f]{7,}/gi, "…").slice(0, 200);
}

const answer = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
    let id = null;
    try {
        const request = JSON.parse(line);
        id = request.id;
        if (!Object.hasOwn(operations, request.op)) throw new Error("no such operation");
        answer({ id, result: await operations[request.op](request) });
    } catch (error) {
        // What JSON.parse complains of it quotes, and the line holds a witness.
        answer({ id, error: error instanceof SyntaxError ? "a request that is not JSON" : explain(error) });
    }
}
process.exit(0); // snarkjs keeps its threads alive
