// The queue as far as it has been fetched: items by rank (0 is first), pictures decoded ahead of need. Ranks that
// were looked at and gave no item are passed by: others hold these rows, have finished them or were given them.

const FETCH = 24; // items a request
const AHEAD = 20; // refill when fewer than these lie ahead
const PICTURES_AHEAD = 8;
const KEEP = [60, 100]; // items kept before and after the one that is shown
const RETRY_FETCH_MS = 2000;

class Feed {
  constructor(data, onArrival, onItem) {
    this.data = data;
    this.onArrival = onArrival;
    this.onItem = onItem; // told of each item that comes: what it says is newer than what was known
    this.items = new Map();
    this.passed = []; // [from, until) in ranks
    this.total = null;
    this.asOf = null;
    this.tag = "";
    this.heldUntil = null; // milliseconds of this device's clock
    this.busy = new Set();
    this.retry = 0;
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
  }

  params(more) {
    return { ...this.data.filters, ds: this.data.dataset, as_of: this.asOf, tag: this.tag, n: FETCH, ...more };
  }

  async ask(more) {
    const answer = await call("labelmend/items", { token: this.data.token, params: this.params(more) });
    const { total, as_of: asOf, tag } = answer;
    Object.assign(this, { total, asOf, tag });
    if (answer.items.some((item) => item.waits && !item.held)) this.renewed();
    let from = answer.at;
    for (const item of answer.items) {
      this.pass(from, item.rank);
      this.put(item.rank, item);
      from = item.rank + 1;
    }
    this.pass(from, answer.until);
    if (answer.alone) this.onItem(answer.alone);
    return answer;
  }

  // The server has lent the rows here, or prolonged the loan.
  renewed() {
    this.heldUntil = Date.now() + this.data.hold_s * 1000;
  }

  // The loan has lapsed: ask for the rows again, some of which may be others' now.
  relend(rank) {
    this.heldUntil = null;
    const shown = this.get(rank);
    this.items.clear();
    if (shown) this.items.set(rank, shown);
    this.fill(rank ?? this.around);
  }

  pass(from, until) {
    if (from >= until) return;
    for (const rank of this.items.keys()) if (from <= rank && rank < until) this.items.delete(rank);
    if (!this.passed.some(([a, b]) => a <= from && until <= b)) this.passed.push([from, until]);
  }

  put(rank, item) {
    const before = this.items.get(rank);
    if (before?.row_id === item.row_id) item.picture = before.picture; // decoded already
    this.items.set(rank, item);
    this.onItem(item);
  }

  // The rank to begin at, and the row that was asked for where it is not in the queue.
  async start(row) {
    const answer = await this.ask({ row });
    this.prefetch(answer.at);
    return { rank: answer.at, alone: answer.alone };
  }

  // A row as it is now, wherever it is: {item, rank}; the rank is null outside the queue.
  async find(row) {
    const { alone, at } = await this.ask({ row });
    const found = alone ? { item: alone, rank: null } : { item: this.get(at), rank: at };
    if (found.item?.row_id !== row) throw new HttpError(404, `Row ${row} is not in this project.`);
    return found;
  }

  get(rank) {
    return this.items.get(rank) ?? null;
  }

  // The first rank from `rank` on, forwards (1) or backwards (-1), that is not passed by; -1 or total at the ends.
  step(rank, way) {
    let at = rank;
    while (at >= 0 && at < this.total && !this.items.has(at)) {
      const gap = this.passed.find(([from, until]) => from <= at && at < until);
      if (!gap) break;
      at = way > 0 ? gap[1] : gap[0] - 1;
    }
    return at;
  }

  // Rank of the first row from `from` on that waits, or total. waits: whether an item still does.
  // What was passed by is asked for again: others may have given it back.
  async undecided(from, waits) {
    let at = from;
    while (at < this.total) {
      if (!this.items.has(at)) {
        const answer = await this.ask({ at, undecided: 1 });
        if (answer.items.length === 0) return this.total;
        at = answer.items[0].rank;
      }
      if (waits(this.get(at))) return at;
      at += 1;
    }
    return this.total;
  }

  // Fetch what is missing around a rank. Never called for what is there already.
  prefetch(rank) {
    this.around = rank;
    let at = this.step(rank, 1);
    for (let ahead = 0; ahead < AHEAD && at < this.total && this.items.has(at); ahead += 1) {
      if (ahead < PICTURES_AHEAD) this.picture(this.get(at));
      at = this.step(at + 1, 1);
    }
    if (at < this.total && !this.items.has(at)) this.fill(at);
    const before = this.step(rank - 1, -1);
    if (before >= 0 && !this.items.has(before)) this.fill(Math.max(0, before - FETCH + 1));
    this.prune(rank);
  }

  prune(rank) {
    const [behind, ahead] = KEEP;
    if (this.items.size <= behind + ahead) return;
    const known = [...this.items.keys()].sort((a, b) => a - b);
    const here = known.findIndex((one) => one >= rank);
    const middle = here < 0 ? known.length : here;
    for (const one of [...known.slice(0, Math.max(0, middle - behind)), ...known.slice(middle + ahead)]) this.items.delete(one);
  }

  // Fetch again the rows that others have changed, as far as they are here.
  refresh(rowIds) {
    const wanted = new Set(rowIds);
    let covered = -1;
    for (const [rank, item] of [...this.items].sort((a, b) => a[0] - b[0])) {
      if (rank < covered || !wanted.has(item.row_id)) continue;
      this.fill(rank);
      covered = rank + FETCH;
    }
  }

  // Forget every row, where it is not known which of them changed.
  clear() {
    this.items.clear();
    this.passed = [];
    this.heldUntil = null;
  }

  async fill(at) {
    if (this.busy.has(at)) return;
    this.busy.add(at);
    try {
      await this.ask({ at });
      if (!this.closed) this.onArrival(null);
    } catch (error) {
      if (this.closed) return;
      this.onArrival(error);
      clearTimeout(this.retry);
      if (!(error instanceof HttpError)) this.retry = setTimeout(() => this.prefetch(this.around), RETRY_FETCH_MS);
    } finally {
      this.busy.delete(at);
    }
  }

  // The <img> of an item, loading or loaded. It is kept with the item and shown as it is.
  picture(item) {
    if (item?.content.kind !== "image") return null;
    if (!item.picture) {
      item.picture = el("img", { alt: `Picture, row ${item.number}`, draggable: "false" });
      item.picture.decoding = "sync";
      item.picture.src = address(item.content.full);
      item.picture.decode?.().catch(() => {}); // the stage shows what is wrong with it
    }
    return item.picture;
  }
}
