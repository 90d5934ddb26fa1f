// The live page: one socket, the newest rows, a true rate. Names come from strangers: everything is set as text.
"use strict";
(() => {
  const ROWS_MOST = 100;
  const RATE_WINDOW_MS = 5000;
  // The server says something at least every 10 s; longer silence is a dead line.
  const SILENCE_MS = 30000;
  const RETRY_FIRST_MS = 500;
  const RETRY_MOST_MS = 8000;
  const RELOAD_PAUSE_MS = 10000;
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
  let stopped = 0;
  let isStale = false;
  let reloadedAt = -RELOAD_PAUSE_MS;
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

  function pill(made, row) {
    made.querySelector(".c-why").textContent = row.why;
    const shown = made.querySelector(".c-pill");
    shown.classList.toggle("c-good", row.state === "stored");
    shown.dataset.state = row.state;
    shown.textContent = words(row.state === "dropped" ? row.reason : row.state);
  }

  function showTime(node, at) {
    node.dateTime = at;
    node.title = at;
    node.textContent = clock.format(new Date(at));
  }

  function rowOf(row) {
    const made = find("row").content.firstElementChild.cloneNode(true);
    const [, name, type, input, person] = made.cells;
    showTime(made.querySelector("time"), row.t);
    name.textContent = row.name || "–";
    type.textContent = row.type ? words(row.type) : "–";
    input.textContent = row.input || "–";
    person.textContent = row.mpid || "–";
    pill(made, row);
    if (row.event_id) made.dataset.event = row.event_id;
    made.className = "c-new";
    return made;
  }

  // Of these rows those that the table does not have yet: a frame and the page itself may tell of the same event.
  function unknown(rows) {
    const shown = new Set([...find("rows").rows].map((row) => row.dataset.event));
    return rows.filter((row) => !row.dataset.event || !shown.has(row.dataset.event));
  }

  function showTable() {
    find("empty").hidden = true;
    find("arrived").hidden = false;
  }

  function paint(rows) {
    const body = find("rows");
    // Oldest first in the frame, newest on top in the table.
    body.prepend(...unknown(rows.map(rowOf)).reverse());
    while (body.rows.length > ROWS_MOST) body.deleteRow(-1);
    showTable();
  }

  function onFrame(frame) {
    const { stored = 0, stopped: ended = 0 } = frame.counts;
    total += stored;
    stopped += ended;
    arrivals.push([performance.now(), stored + ended, frame.rows.length]);
    if (frame.has_missed) {
      find("missed").hidden = false;
      isStale = true;
    }
    const newest = frame.rows.at(-1);
    if (newest) find("last").textContent = clock.format(new Date(newest.t));
    waiting = waiting.concat(frame.rows).slice(-ROWS_MOST);
    paintWaiting();
  }

  function isStill() {
    return isPaused || document.hidden;
  }

  // A paused or hidden page is not painted; counting goes on, and the newest rows wait.
  function paintWaiting() {
    if (isStill() || !waiting.length) return;
    paint(waiting);
    waiting = [];
  }

  // After a gap the page's own table is asked for again: what was stored meanwhile is put where it belongs.
  async function reload() {
    isStale = false;
    reloadedAt = performance.now();
    try {
      const answer = await fetch(location.href);
      if (!answer.ok || answer.redirected) return;
      const stored = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("#rows tr");
      if (stored.length) insert([...stored]);
    } catch {
      // The line tells already that the server is away.
    }
  }

  function insert(rows) {
    const timeOf = (row) => Date.parse(row.querySelector("time").dateTime);
    const all = [...find("rows").rows, ...unknown(rows)];
    all.sort((one, other) => timeOf(other) - timeOf(one));
    find("rows").replaceChildren(...all.slice(0, ROWS_MOST));
    localise();
    showTable();
  }

  // The server knows no time zones of people.
  function localise() {
    for (const time of page.querySelectorAll("time")) showTime(time, time.dateTime);
  }

  function showFigures() {
    const now = performance.now();
    arrivals = arrivals.filter(([at]) => now - at < RATE_WINDOW_MS);
    const sum = (place) => arrivals.reduce((all, each) => all + each[place], 0);
    const [events, rows] = [sum(1), sum(2)];
    const rate = events / (RATE_WINDOW_MS / 1000);
    const shown = rate > 0 && rate < 10 ? rate.toFixed(1) : number.format(Math.round(rate));
    find("rate").textContent = shown;
    find("total").textContent = number.format(total);
    find("stopped").textContent = number.format(stopped);
    find("sampled").hidden = events <= rows;
    find("sampled").textContent = `Sampled: ${shown} events arrive a second and some of them are shown; the counts are of all.`;
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
      if (message.kind === "hello") {
        isStale = isStale || failures > 0;
        failures = 0;
        say("live");
      }
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
    if (isStale && !isStill() && performance.now() - reloadedAt >= RELOAD_PAUSE_MS) reload();
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

  localise();
  say("connecting");
  connect();
  setInterval(watch, 500);
})();
