// Judges receipts with another implementation's checks of signed notes and inclusion proofs.
//
// Reads lines of JSON on standard input: {vkey, proof, entry}, the verifier key and the proof as text,
// the record in base64. Writes a line for each: ok, or what was wrong. The internals of the package are
// not its interface, so its version is pinned.
"use strict";
const crypto = require("crypto");
const path = require("path");
const readline = require("readline");

const tlog = path.join(__dirname, "node_modules/@sigstore/verify/dist/tlog");
const { verifyCheckpoint } = require(path.join(tlog, "checkpoint.js"));
const { verifyMerkleInclusion } = require(path.join(tlog, "merkle.js"));
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

function logOf(vkey) {
  const [name, , ...encoded] = vkey.split("+");
  const key = Buffer.from(encoded.join("+"), "base64");
  const id = crypto.createHash("sha256").update(`${name}\n`).update(key).digest();
  const der = Buffer.concat([SPKI_ED25519, key.subarray(1)]);
  const publicKey = crypto.createPublicKey({ key: der, format: "der", type: "spki" });
  return { logID: id, baseURL: name, publicKey };
}

function judge({ vkey, proof, entry }) {
  const end = proof.indexOf("\n\n");
  const [, index, ...hashes] = proof.slice(0, end).split("\n");
  const inclusionProof = {
    logIndex: index.replace("index ", ""),
    hashes: hashes.map((each) => Buffer.from(each, "base64")),
    checkpoint: { envelope: proof.slice(end + 2) },
  };
  const told = { inclusionProof, canonicalizedBody: Buffer.from(entry, "base64") };
  verifyMerkleInclusion(told, verifyCheckpoint(told, [logOf(vkey)]));
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  try {
    judge(JSON.parse(line));
    console.log("ok");
  } catch (error) {
    console.log(error.message.replace(/\n/g, " "));
  }
});
