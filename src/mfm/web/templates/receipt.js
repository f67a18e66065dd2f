"use strict";
(async () => {
  const $ = (id) => document.getElementById(id).textContent;
  const hold = (fine) => { if (!fine) throw new Error("not so"); };
  const utf8 = (text) => new TextEncoder().encode(text);
  const text64 = (bytes) => btoa(String.fromCharCode(...bytes));
  const b64 = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    hold(text64(bytes) === text);
    return bytes;
  };
  const sha = async (...parts) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
  const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const node = (left, right) => sha(new Uint8Array([1]), left, right);
  const unpacked = async (id) => {
    const kept = document.getElementById(id);
    if (!kept.dataset.packed) return utf8(kept.textContent);
    const packed = new Blob([b64(kept.textContent)]).stream();
    const plain = packed.pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  };
  const rootOf = async (leaf, index, size, steps) => {
    let at = index, last = size - 1, root = leaf;
    hold(index >= 0 && index < size);
    for (const step of steps) {
      hold(last && step.length === 32);
      if (at % 2 || at === last) {
        root = await node(step, root);
        while (at % 2 === 0 && at) { at /= 2; last = Math.floor(last / 2); }
      } else root = await node(root, step);
      at = Math.floor(at / 2);
      last = Math.floor(last / 2);
    }
    hold(!last);
    return root;
  };
  const commitment = async (field, salt, value) => {
    const parts = [];
    for (const part of [utf8("mfm/commit/v1"), utf8(field), b64(salt), utf8(value)]) {
      const length = new DataView(new ArrayBuffer(4));
      length.setUint32(0, part.length);
      parts.push(length, part);
    }
    return text64(await sha(...parts)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  };
  const signed = async (note) => {
    const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec($("key"));
    const raw = b64(encoded), cut = note.lastIndexOf("\n\n") + 1;
    hold(raw[0] === 1 && hex((await sha(utf8(name + "\n"), raw)).slice(0, 4)) === id);
    for (const line of note.slice(cut + 1).split("\n")) {
      const [, who, blob] = line.split(" ");
      const bytes = who === name ? b64(blob) : [];
      if (hex(bytes.slice(0, 4)) !== id) continue;
      let key;
      try {
        key = await crypto.subtle.importKey("raw", raw.slice(1), "Ed25519", false, ["verify"]);
      } catch { return "unsigned"; }
      hold(await crypto.subtle.verify("Ed25519", key, bytes.slice(4), utf8(note.slice(0, cut))));
      return "verified";
    }
    throw new Error("no signature");
  };
  const check = async () => {
    const shown = document.querySelector("main").textContent;
    hold(hex(await sha(utf8(shown))) === document.body.dataset.sum);
    const entry = await unpacked("entry"), proof = $("proof"), cut = proof.indexOf("\n\n");
    const [heading, place, ...steps] = proof.slice(0, cut).split("\n");
    const note = proof.slice(cut + 2), [origin, size, root, end] = note.split("\n");
    hold(heading === "c2sp.org/tlog-proof@v1" && /^index (0|[1-9]\d{0,15})$/.test(place));
    hold(/^[1-9]\d{0,15}$/.test(size) && end === "");
    const index = Number(place.slice(6)), record = JSON.parse(new TextDecoder().decode(entry));
    hold(record.log === origin && record.seq === String(index + 1));
    const leaf = await sha(new Uint8Array([0]), entry);
    hold(text64(await rootOf(leaf, index, Number(size), steps.map(b64))) === root);
    for (const [field, opening] of Object.entries(JSON.parse($("openings"))))
      hold(await commitment(field, opening.salt, opening.value) === record.body.commit[field]);
    return $("key") ? signed(note) : "unsigned";
  };
  let state = "failed";
  try { state = await check(); } catch { /* whatever it was, it is not verified */ }
  document.documentElement.dataset.state = state;
})();
