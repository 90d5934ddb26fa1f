// The live page: one socket, the newest rows, a true rate. Names come from strangers: everything is set as text.
"use strict";
(() => {
  const ROWS_MOST = 100;
  const RATE_WINDOW_MS = 5000;
  // The server says something at least every 10 s; longer silence is a dead line.
  const SILENCE_MS = 30000;
  const RETRY_FIRST_MS = 500;
  const RETRY_MOST_MS = 8000;
  const REFUSED = 4403;

  const find = (id) => document.getElementById(id);
  const page = find("live");
  const number = new Intl.NumberFormat("en");
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

  let socket = null;
  let failures = 0;
  let heardAt = 0;
  let isPaused = false;
  let state = "connecting";
  let total = 0;
  let arrivals = [];
  let waiting = [];

  function say(next) {
    state = next;
    const shown = next === "live" && isPaused ? "paused" : next;
    const sentences = { connecting: failures ? "Reconnecting" : "Connecting", live: "Live", paused: "Paused", closed: "Closed: sign in again, or ask an admin to let you in" };
    find("line").dataset.state = shown;
    if (find("line").textContent !== sentences[shown]) find("line").textContent = sentences[shown];
  }

  function words(code) {
    const spaced = code.replaceAll("_", " ");
    return spaced.charAt(0).toUpperCase() + spaced.slice(1);
  }

  function cell(text, label) {
    const made = document.createElement("td");
    made.textContent = text;
    made.dataset.label = label;
    return made;
  }

  function stateCell(row) {
    const made = cell("", "State");
    const pill = document.createElement("span");
    pill.className = row.state === "stored" ? "c-pill c-good" : "c-pill";
    pill.textContent = words(row.state);
    made.append(pill);
    return made;
  }

  function rowOf(row) {
    const made = document.createElement("tr");
    const time = cell(clock.format(new Date(row.t)), "Time");
    time.title = row.t;
    made.className = "c-new";
    made.append(time, cell(row.name || "–", "Event"), cell(words(row.type), "Type"), cell(row.input, "Input"), cell(row.mpid, "Person"), stateCell(row));
    return made;
  }

  function paint(rows) {
    const body = find("rows");
    // Oldest first in the frame, newest on top in the table.
    body.prepend(...rows.map(rowOf).reverse());
    while (body.rows.length > ROWS_MOST) body.deleteRow(-1);
    find("empty").hidden = true;
    find("arrived").hidden = false;
  }

  function onFrame(frame) {
    total += frame.count;
    arrivals.push([performance.now(), frame.count]);
    if (frame.has_missed) find("missed").hidden = false;
    const newest = frame.rows.at(-1);
    if (newest) find("last").textContent = clock.format(new Date(newest.t));
    waiting = waiting.concat(frame.rows).slice(-ROWS_MOST);
    paintWaiting();
  }

  // A paused or hidden page is not painted; counting goes on, and the newest rows wait.
  function paintWaiting() {
    if (isPaused || document.hidden || !waiting.length) return;
    paint(waiting);
    waiting = [];
  }

  function showFigures() {
    const now = performance.now();
    arrivals = arrivals.filter(([at]) => now - at < RATE_WINDOW_MS);
    const rate = arrivals.reduce((sum, [, count]) => sum + count, 0) / (RATE_WINDOW_MS / 1000);
    find("rate").textContent = rate > 0 && rate < 10 ? rate.toFixed(1) : number.format(Math.round(rate));
    find("total").textContent = number.format(total);
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const opened = new WebSocket(`${scheme}//${location.host}${page.dataset.socket}`);
    socket = opened;
    heardAt = performance.now();
    opened.addEventListener("message", (event) => {
      if (socket !== opened) return;
      heardAt = performance.now();
      const message = JSON.parse(event.data);
      if (message.kind === "hello") { failures = 0; say("live"); }
      if (message.kind === "frame") onFrame(message);
    });
    opened.addEventListener("close", (event) => { if (socket === opened) lost(event.code); });
  }

  function lost(code) {
    socket = null;
    if (code === REFUSED) { say("closed"); return; }
    const pause = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_MOST_MS);
    failures += 1;
    say("connecting");
    // Spread, so that all pages do not come back in the same moment after a restart.
    setTimeout(connect, pause * (0.5 + Math.random() / 2));
  }

  function watch() {
    showFigures();
    if (socket && performance.now() - heardAt > SILENCE_MS) {
      const silent = socket;
      lost(0);
      silent.close();
    }
  }

  find("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    find("pause").setAttribute("aria-pressed", String(isPaused));
    find("pause").textContent = isPaused ? "Resume" : "Pause";
    say(state);
    paintWaiting();
  });
  document.addEventListener("visibilitychange", paintWaiting);

  say("connecting");
  connect();
  setInterval(watch, 500);
})();
