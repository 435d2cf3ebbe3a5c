// Steps and drafts are sent to the server's own addresses. A step may be sent again: the server
// takes the same one once.

const REQUEST_MS = 30000;
const DRAFT_DELAY_MS = 800;
const DRAFT_RETRY_MS = 5000;
const UNREACHABLE = {
  code: "unreachable",
  message: "The server cannot be reached. Nothing is lost: your answers stay here.",
  hint: "Try again in a moment.",
  field: null,
};

// Returns {done} or {refused}; never throws. The server refuses what is sent for the person of
// `account` where somebody else is signed in by now.
async function postStep({ case: caseId, account }, step, body) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), REQUEST_MS);
  try {
    const answer = await fetch(`/api/cases/${caseId}/${step}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-triage-account": account },
      body: JSON.stringify(body),
      cache: "no-store",
      signal: stop.signal,
    });
    if (answer.status === 401) {
      window.dispatchEvent(new Event("triage:session-ended"));
    }
    const content = await answer.json();
    if (content.done || content.refused) return content;
    return { refused: UNREACHABLE };
  } catch {
    return { refused: UNREACHABLE };
  } finally {
    clearTimeout(timer);
  }
}

function shownTime(text) {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? ""
    : moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

// Keeps what was answered on the server, a moment after the last change.
class DraftSaver {
  constructor(content, say) {
    this.content = content;
    this.say = say;
    this.wanted = null;
    this.running = null;
    this.refused = false;
  }

  get isUnsaved() {
    return this.refused || this.wanted !== null || this.running !== null;
  }

  keep(form, answers) {
    this.refused = false;
    this.wanted = JSON.stringify({ form, answers });
    this.say("");
    this.schedule(DRAFT_DELAY_MS);
  }

  schedule(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), delay);
  }

  save() {
    clearTimeout(this.timer);
    this.running ??= this.send().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  async send() {
    while (this.wanted !== null) {
      const text = this.wanted;
      const answer = await postStep(this.content, "draft", JSON.parse(text));
      if (answer.done) {
        if (this.wanted === text) this.wanted = null;
        this.say(`Draft saved ${shownTime(answer.done.saved_at)}`);
      } else if (["unreachable", "session_ended", "store"].includes(answer.refused.code)) {
        this.say("Draft not saved yet: kept on this page");
        if (this.wanted !== null) this.schedule(DRAFT_RETRY_MS);
        return;
      } else {
        if (this.wanted === text) this.wanted = null;
        this.refused = true;
        this.say("Draft not saved: kept on this page only");
        return;
      }
    }
  }

  // What is sent now as a step is no draft any more.
  async drop() {
    this.discard();
    await this.running;
  }

  discard() {
    clearTimeout(this.timer);
    this.wanted = null;
    this.refused = false;
  }

  close() {
    if (this.wanted !== null) this.save();
  }
}
