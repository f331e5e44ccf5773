// The queue as far as it has been fetched: items by rank (0 is first), pictures decoded ahead of need.

const FETCH = 24; // items a request
const AHEAD = 16; // refill when fewer than these lie ahead
const PICTURES_AHEAD = 8;
const KEEP_BEHIND = 60;
const RETRY_FETCH_MS = 2000;

class Feed {
  constructor(data, onArrival) {
    this.data = data;
    this.onArrival = onArrival;
    this.items = new Map();
    this.total = null;
    this.asOf = null;
    this.tag = "";
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
    this.total = answer.total;
    this.asOf = answer.as_of;
    this.tag = answer.tag;
    answer.items.forEach((item, i) => {
      if (!this.items.has(answer.at + i)) this.items.set(answer.at + i, item);
    });
    return answer;
  }

  // The rank to begin at, and the row that was asked for where it is not in the queue.
  async start(row) {
    const answer = await this.ask({ row });
    this.prefetch(answer.at);
    return { rank: answer.at, alone: answer.alone };
  }

  get(rank) {
    return this.items.get(rank) ?? null;
  }

  // Rank of the first row from `from` on that `decided` does not know, or total.
  async undecided(from, decided) {
    let at = from;
    while (at < this.total) {
      const item = this.get(at);
      if (item === null) {
        const answer = await this.ask({ at, undecided: 1 });
        at = answer.at;
        if (answer.items.length === 0) return this.total;
      }
      if (this.get(at) && !decided(this.get(at))) return at;
      at += 1;
    }
    return this.total;
  }

  // Fetch what is missing around a rank. Never called for what is there already.
  prefetch(rank) {
    this.around = rank;
    let missing = rank;
    while (missing < this.total && this.items.has(missing)) missing += 1;
    if (missing < this.total && missing - rank < AHEAD) this.fill(missing);
    if (rank > 0 && !this.items.has(rank - 1)) this.fill(Math.max(0, rank - FETCH));
    for (let i = rank; i < rank + PICTURES_AHEAD; i += 1) this.picture(this.get(i));
    for (const known of this.items.keys()) {
      if (known < rank - KEEP_BEHIND || known > rank + 4 * FETCH) this.items.delete(known);
    }
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
