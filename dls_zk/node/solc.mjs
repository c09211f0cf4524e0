// The Solidity compiler of the npm package, behind the part of solc's command line that tools use:
//   solc --version
//   solc --standard-json [FILE]     input from FILE or stdin, output on stdout (the default)
// Every source must be inside the JSON: this reads no import from disk.
import { readFileSync, writeSync } from "node:fs";
import solc from "solc";

const args = process.argv.slice(2);

function input() {
  const next = args[args.indexOf("--standard-json") + 1];
  const file = args.includes("--standard-json") && next && !next.startsWith("-") ? next : 0;
  return readFileSync(file, "utf8");
}

// Written synchronously: process.exit would drop what an asynchronous pipe has not taken yet.
function print(text) {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(1, bytes, sent);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

if (args.includes("--version")) {
  // Tools know native builds only, so the WebAssembly build goes by the name of one.
  const version = solc.version().replace(".Emscripten.clang", ".Linux.g++");
  print(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else {
  print(solc.compile(input()) + "\n");
}
process.exit(0);
