// Decisions that the server has not acknowledged yet. Each is written to localStorage before the next
// row is painted, one key a decision, so that two tabs, a reload or a crash lose nothing. The server
// stores an op_id once, so that sending again is harmless.

const OUTBOXES = Symbol.for("labelmend.outboxes");
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const BATCH = 100;
const MALFORMED = [400, 413, 422];

class Outbox {
  constructor(scope) {
    this.prefix = `labelmend:${scope}:`;
    this.ops = new Map(); // op_id -> {op, at}; in the order of deciding
    this.token = "";
    this.state = "idle"; // idle | offline | busy (asked to wait) | failed
    this.reason = "";
    this.kept = true; // whether this device really keeps them
    this.sending = null; // the promise of the request under way
    this.releasing = Promise.resolve(); // of giving back the rows that are held here
    this.batch = BATCH;
    this.tries = 0;
    this.timer = 0;
    this.onChange = null;
    this.onReceipt = null;
    this.load();
    window.addEventListener("online", () => this.flush());
    window.addEventListener("beforeunload", (event) => {
      if (this.ops.size) event.preventDefault();
    });
  }

  load() {
    const found = [];
    try {
      for (let i = 0; i < localStorage.length; i += 1) {
        const key = localStorage.key(i);
        if (key.startsWith(this.prefix)) found.push(JSON.parse(localStorage.getItem(key)));
      }
    } catch (error) {
      this.kept = false;
    }
    found.sort((a, b) => a.at - b.at);
    for (const entry of found) this.ops.set(entry.op.op_id, entry);
  }

  add(op) {
    // Two decisions of one millisecond keep their order: at is strictly increasing.
    this.last = Math.max(Date.now(), (this.last ?? 0) + 0.001);
    const entry = { op, at: this.last };
    this.ops.set(op.op_id, entry);
    try {
      localStorage.setItem(this.prefix + op.op_id, JSON.stringify(entry));
    } catch (error) {
      this.kept = false; // storage is full or forbidden: the pill says that the tab must stay open
    }
    this.changed();
    setTimeout(() => this.flush(), 0);
  }

  remove(opId) {
    this.ops.delete(opId);
    try {
      localStorage.removeItem(this.prefix + opId);
    } catch (error) {
      this.kept = false;
    }
  }

  // Sends what is here. Resolves when one answer, or none, has come.
  flush() {
    clearTimeout(this.timer);
    if (this.ops.size && this.token) this.sending ??= this.send().finally(() => this.sent());
    return this.sending ?? Promise.resolve();
  }

  // Sends until nothing is left. Returns whether it is.
  async drained() {
    while (this.ops.size) {
      if (!this.token) return false;
      await this.flush();
      if (this.state !== "idle") return false;
    }
    return true;
  }

  // Gives the rows that are held here to others, also while the page goes away.
  release(dataset) {
    const headers = { "X-Labelmend-Token": this.token, "Content-Type": "application/json" };
    const body = JSON.stringify({ ds: dataset });
    const options = { method: "POST", headers, body, keepalive: true };
    this.releasing = fetch(address("labelmend/release"), options).catch(() => {}); // they lapse by themselves
  }

  async send() {
    const batch = [...this.ops.values()].slice(0, this.batch).map((entry) => entry.op);
    try {
      const answer = await call("labelmend/decisions", { token: this.token, body: { decisions: batch } });
      this.accept(answer.receipts);
      if (answer.over) this.onOver?.(answer.over);
    } catch (error) {
      this.failed(error, batch);
    }
  }

  sent() {
    this.sending = null;
    this.changed();
    if (this.state === "idle") this.flush();
    else if (this.state !== "failed") this.later();
  }

  accept(receipts) {
    this.state = "idle";
    this.reason = "";
    this.tries = 0;
    this.batch = BATCH;
    for (const receipt of receipts) {
      const op = this.ops.get(receipt.op_id)?.op;
      this.remove(receipt.op_id);
      if (op) this.onReceipt?.(op, receipt);
    }
  }

  failed(error, batch) {
    if (error instanceof HttpError && MALFORMED.includes(error.status)) {
      // One decision that cannot be read must not hold up the others: find it by sending fewer.
      this.state = "idle";
      if (batch.length > 1) this.batch = Math.ceil(batch.length / 4);
      else this.accept([{ op_id: batch[0].op_id, error: error.message }]);
      return;
    }
    // No answer, or a proxy that has lost the server: it comes back by itself.
    const away = !(error instanceof HttpError) || [502, 503, 504].includes(error.status);
    this.state = error.status === 429 ? "busy" : away ? "offline" : "failed";
    this.reason = error instanceof HttpError ? error.message : "";
  }

  later() {
    const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)];
    this.tries += 1;
    this.timer = setTimeout(() => this.flush(), wait);
  }

  changed() {
    this.onChange?.();
  }

  // [what the pill says, how it looks]
  words() {
    const n = count(this.ops.size);
    if (!this.ops.size) return ["✓ Saved", "saved"];
    if (this.state === "failed") return ["Not saved: Try again", "failed"];
    if (this.state !== "offline") return [`Saving ${n}`, "saving"];
    if (this.kept) return [`Offline: ${n} kept on this device`, "offline"];
    return [`Offline: ${n} not saved. Keep this tab open`, "offline"];
  }
}

// One outbox a page and scope: it goes on sending when another screen of the app is shown.
function outboxFor(scope) {
  const all = (globalThis[OUTBOXES] ??= new Map());
  if (!all.has(scope)) all.set(scope, new Outbox(scope));
  return all.get(scope);
}
