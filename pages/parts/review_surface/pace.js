// One's own goal, pace and yield. Nobody else sees them; they are kept in this browser only.

const GOAL = 200;
const PACE_OF = 20;
const PACE_FROM = 5;
const PAUSE_MS = 60000;
const YIELD_OF = 50;
const YIELD_FROM = 10;
const LOW_YIELD = 0.1;

class Pace {
  // actions: goal() changes it, low() is told when few rows change
  constructor(data, actions) {
    const scope = `${data.workspace}:${data.annotator}`;
    this.goalKey = `labelmend-goal:${scope}`;
    this.sessionKey = `labelmend-session:${scope}`;
    this.actions = actions;
    this.times = [];
    const kept = this.read();
    this.goal = kept.goal;
    this.done = kept.done; // verdicts of this browser session
    this.changed = kept.changed; // whether each of the last YIELD_OF changed its row
    this.quietUntil = 0; // decisions before the yield is spoken of again
    this.button = el("button", { type: "button", class: "plain goal", title: "Change your goal" });
    this.button.addEventListener("click", () => this.actions.goal());
    this.words = el("span");
    this.node = el("span", { class: "pace" }, this.button, this.words);
    this.left = null;
    this.show();
  }

  read() {
    let session = null;
    let goal = GOAL;
    try {
      goal = Number(localStorage.getItem(this.goalKey)) || GOAL;
      session = JSON.parse(sessionStorage.getItem(this.sessionKey));
    } catch (error) {
      session = null; // forbidden, or not ours: it starts anew
    }
    return { goal, done: Number(session?.done) || 0, changed: Array.isArray(session?.changed) ? session.changed : [] };
  }

  keep() {
    try {
      sessionStorage.setItem(this.sessionKey, JSON.stringify({ done: this.done, changed: this.changed }));
    } catch (error) {
      // Without storage it lasts until the page is closed.
    }
  }

  setGoal(goal) {
    this.goal = goal;
    try {
      localStorage.setItem(this.goalKey, String(goal));
    } catch (error) {
      // Without storage it lasts until the page is closed.
    }
    this.show();
  }

  // left: rows of the queue after this one, null outside it.
  decided(op, left) {
    this.left = left;
    this.done += 1;
    this.times = [...this.times, performance.now()].slice(-PACE_OF - 1);
    this.changed = [...this.changed, changes(op)].slice(-YIELD_OF);
    this.settle();
    if (this.changed.length < YIELD_OF || this.done < this.quietUntil) return;
    if (this.share() >= LOW_YIELD) return;
    this.quietUntil = this.done + YIELD_OF;
    this.actions.low();
  }

  // An undo or a redo of what this page decided.
  reverted(way, step) {
    if (!step.op || !VERDICTS.has(step.action)) return;
    this.done = Math.max(0, this.done + (way === "undo" ? -1 : 1));
    if (way === "undo") {
      this.times.pop();
      this.changed.pop();
    } else {
      this.changed = [...this.changed, changes(step)].slice(-YIELD_OF);
    }
    this.settle();
  }

  settle() {
    this.keep();
    this.show();
  }

  share() {
    return this.changed.filter(Boolean).length / this.changed.length;
  }

  // Decisions a minute: from the median time between the last 20, pauses left out.
  rate() {
    const gaps = this.times.slice(1).map((time, i) => time - this.times[i]);
    const worked = gaps.filter((gap) => gap < PAUSE_MS).sort((a, b) => a - b);
    return worked.length < PACE_FROM - 1 ? null : 60000 / worked[Math.floor(worked.length / 2)];
  }

  show() {
    const rate = this.rate();
    const parts = [];
    if (rate !== null) {
      parts.push(`${Math.round(rate)}/min`);
      const toGoal = Math.max(0, this.goal - this.done);
      const minutes = Math.min(toGoal || Infinity, this.left ?? Infinity) / rate;
      if (Number.isFinite(minutes) && minutes >= 1) parts.push(`${count(Math.round(minutes))} min left`);
    }
    if (this.changed.length >= YIELD_FROM) parts.push(`${percent(this.share())} changed`);
    this.words.title = `Your median pace over the last ${PACE_OF}; changed: of your last ${this.changed.length} decisions`;
    text(this.button, `${count(this.done)}/${count(this.goal)}`);
    text(this.words, parts.map((part) => ` · ${part}`).join(""));
    this.button.setAttribute("aria-label", `${count(this.done)} of your goal of ${count(this.goal)} decided. Change the goal`);
  }
}

function changes({ action }) {
  return action === "relabel" || action === "exclude";
}

// Asks for another goal.
function askGoal(dialog, pace) {
  const field = el("input", { type: "number", class: "search", min: "1", max: "100000", "aria-label": "Decisions in this session" });
  const set = el("button", { type: "submit", class: "pill" }, "Set goal");
  const form = el("form", { class: "choices" }, field, set);
  field.value = String(pace.goal);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const goal = Math.round(Number(field.value));
    if (!(goal >= 1)) return;
    pace.setGoal(goal);
    dialog.close();
  });
  dialog.open("Goal: decisions in this session", form);
  field.select();
}
