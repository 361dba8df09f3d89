// Keeps the page true without reloading it: one stream while it is in sight, asking every few seconds where there is none.
"use strict";
(() => {
  const body = document.body;
  const strip = document.getElementById("strip");
  if (!strip) return;
  const SILENCE_MS = 7000, ASK_MS = 3000, AGAIN_MS = 30000, OLD_MS = 600000;

  // ---- time that goes by ----
  // A device asleep may count nothing, and a clock may be set back: whichever says that more time has gone by is believed.
  const mark = () => [performance.now(), Date.now()];
  const past = (then) => Math.max(performance.now() - then[0], Date.now() - then[1]);
  const never = [-Infinity, -Infinity];
  const duration = (seconds) => {
    const s = Math.max(0, Math.round(seconds)), m = Math.round(s / 60), d = body.dataset;
    if (s < 90) return d.s.replace("{s}", s);
    if (m < 60) return d.m.replace("{m}", m);
    const h = Math.floor(m / 60);
    return m % 60 ? d.hm.replace("{h}", h).replace("{m}", m % 60) : d.h.replace("{h}", h);
  };
  const since = new WeakMap();
  const count = () => {
    for (const each of document.querySelectorAll("time[data-elapsed]")) {
      if (!since.has(each)) since.set(each, [mark(), Number(each.dataset.elapsed)]);
      const [then, before] = since.get(each), seconds = before + past(then) / 1000;
      if (seconds < 172800) each.textContent = duration(seconds);
    }
  };

  // ---- what the device says ----
  let heard = mark(), woken = never, spoken = null;
  const show = (kind, title) => {
    strip.className = "strip " + kind;
    const text = document.getElementById("strip-text");
    if (text.textContent !== title) text.textContent = title;
  };
  const still = (element) => {
    const copy = element.cloneNode(true);
    for (const each of copy.querySelectorAll("time[data-elapsed]")) each.replaceWith("");
    return copy.innerHTML;
  };
  const stale = () => past(heard) > SILENCE_MS;
  const tellStale = () => {
    const silent = stale(), waking = past(woken) < SILENCE_MS;
    body.classList.toggle("is-stale", silent);
    const note = document.getElementById("stale");
    if (note) note.hidden = !silent || waking;
    if (!silent) return;
    bell.tell("gone");
    const words = waking ? strip.dataset.asking : strip.dataset.stale, title = document.querySelector("#now h1");
    show("unreachable", words);
    if (title && title.textContent !== words) title.textContent = words;  // the old state is not shown at all
  };
  const news = (data) => {
    heard = mark();
    bell.tell(data.ring);
    show(data.kind, data.title);
    const card = document.getElementById("now");
    if (data.html === undefined && body.classList.contains("is-stale")) ask();  // a beat alone does not bring the state back
    if (card && data.html !== undefined) {
      const fresh = document.createElement("div");
      fresh.innerHTML = data.html;
      if (still(fresh) !== still(card)) {
        const focus = document.activeElement && card.contains(document.activeElement) ? document.activeElement.id : "";
        card.replaceChildren(...fresh.childNodes);
        if (focus && document.getElementById(focus)) document.getElementById(focus).focus();
        document.title = data.title + document.title.slice(document.title.indexOf(" · "));
      }
      if (spoken !== data.title) {
        if (spoken !== null) document.getElementById("spoken").textContent = data.title;
        spoken = data.title;
      }
    }
    const level = document.getElementById("level");
    if (level && data.level_dbfs !== null) {
      level.value = Math.max(level.min, data.level_dbfs);
      document.getElementById("level-text").textContent = Math.round(data.level_dbfs) + " dB";
    }
    if (shown !== data.changes || past(refreshed) > OLD_MS) refresh(data.changes);
    count();
    tellStale();
  };

  // ---- the rest of the page ----
  // What is shown holds the history as of `shown`; only a refresh that has really come through moves that on.
  let shown = strip.dataset.changes, refreshed = mark(), refreshing = false;
  const exchange = (place, found) => {
    const open = [...place.querySelectorAll("details")].map((each) => each.open);
    const focus = place.contains(document.activeElement) ? document.activeElement : null;
    const links = focus ? [...place.querySelectorAll("a, summary, button, [tabindex]")].indexOf(focus) : -1;
    place.replaceChildren(...found.childNodes);
    const details = [...place.querySelectorAll("details")];
    if (details.length === open.length) details.forEach((each, number) => { each.open = open[number]; });
    if (!focus) return;
    const same = focus.href ? [...place.querySelectorAll("a")].find((each) => each.href === focus.href) : null;
    (same || place.querySelectorAll("a, summary, button, [tabindex]")[links] || place).focus({preventScroll: true});
  };
  const refresh = async (changes) => {
    const places = document.querySelectorAll("[data-live-part]");
    if (!places.length) { shown = changes; return; }
    if (refreshing) return;  // the next word from the device tries again
    refreshing = true;
    try {
      await new Promise((done) => setTimeout(done, 400));  // a cry makes several events at once
      const answer = await fetch(location.href, {headers: {Accept: "text/html"}, signal: AbortSignal.timeout(10000)});
      if (answer.redirected && new URL(answer.url).pathname === strip.dataset.login) { leave(); return; }
      if (!answer.ok && answer.status !== 404) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const place of places) {
        const found = fresh.querySelector(`[data-live-part="${place.dataset.livePart}"]`);
        if (found && found.innerHTML !== place.innerHTML) exchange(place, found);
      }
      shown = changes;
      refreshed = mark();
    } catch { /* the next word from the device tries again */ } finally { refreshing = false; }
  };

  // ---- hearing it ----
  // A second at a time: whatever has become of stream and device, the next second begins from how things are.
  let stream = null, opened = never, wait = 0, asked = never;
  const leave = () => location.assign(strip.dataset.login + "?next=" + encodeURIComponent(location.pathname + location.search));
  const quiet = () => {
    if (stream) stream.close();
    stream = null;
    opened = never;
  };
  const listen = () => {
    quiet();
    stream = new EventSource(strip.dataset.live);
    opened = mark();
    wait = SILENCE_MS;
    stream.addEventListener("now", (event) => news(JSON.parse(event.data)));
    stream.addEventListener("beat", (event) => news(JSON.parse(event.data)));
    stream.addEventListener("error", ({target}) => {
      if (target !== stream || target.readyState !== EventSource.CLOSED) return;
      stream = null;  // refused: no place free, or no such session; ask meanwhile
      wait = AGAIN_MS;
    });
  };
  const ask = async () => {
    asked = mark();
    try {
      const answer = await fetch(strip.dataset.once, {headers: {Accept: "application/json"}, signal: AbortSignal.timeout(5000)});
      if (answer.status === 401) { leave(); return; }
      if (!answer.ok) return;
      const data = await answer.json();
      if (stale()) wait = 0;  // it is back: listen anew at once
      news(data);
    } catch { /* said as stale */ }
  };
  const tick = () => {
    count();
    bell.tick();
    if (document.hidden && !bell.on) return;
    if ((!stream || stale()) && past(opened) > wait) listen();
    if ((!stream || stale()) && past(asked) > ASK_MS) ask();
    tellStale();
  };
  const wake = () => {
    if (document.hidden) { if (!bell.on) quiet(); return; }
    woken = mark();
    wait = 0;
    tick();
  };
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("pagehide", quiet);
  window.addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
  window.addEventListener("online", wake);
  setInterval(tick, 1000);
  tick();

  // ---- saying something ----
  const say = (text, link) => {
    const place = document.getElementById("messages"), box = document.createElement("div"), line = document.createElement("p");
    box.className = "message";
    line.textContent = text;
    if (link) {
      const way = document.createElement("a");
      [way.href, way.textContent, way.className] = [...link, "button quiet"];
      line.append(" ", way);
    }
    box.append(line);
    place.replaceChildren(box);
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target, button = event.submitter;
    if (!form.matches("form[data-quick]") || !button) return;
    event.preventDefault();
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, {method: "POST", body: new FormData(form, button), headers: {Accept: "application/json"}});
      const data = await answer.json();
      if (data.said || data.error) say(data.said || data.error, data.link);
      if (answer.status === 401) leave();
      if (answer.ok && (form.classList.contains("who") || form.classList.contains("ask"))) await again(form, button.id);
    } catch {
      say(strip.dataset.stale);
    } finally { button.removeAttribute("aria-busy"); }
  });
  const again = async () => {
    const answer = await fetch(location.href, {headers: {Accept: "text/html"}, signal: AbortSignal.timeout(10000)});
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focus = document.activeElement ? document.activeElement.id || document.activeElement.value : "";
    document.getElementById("main").replaceChildren(...fresh.getElementById("main").childNodes);
    const found = focus && (document.getElementById(focus) || document.querySelector(`button[value="${CSS.escape(focus)}"]`));
    if (found) found.focus();
    bell.show();
  };

  // ---- moving about ----
  document.addEventListener("click", (event) => {
    const place = event.target.closest("[data-href]");
    if (place) location.assign(place.dataset.href);
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
  let start = null;
  document.addEventListener("touchstart", (event) => { start = event.target.closest("[data-swipe]") && event.touches.length === 1 ? event.touches[0] : null; }, {passive: true});
  document.addEventListener("touchend", (event) => {
    if (!start) return;
    const x = event.changedTouches[0].clientX - start.clientX, y = event.changedTouches[0].clientY - start.clientY;
    start = null;
    if (Math.abs(x) < 60 || Math.abs(x) < 2 * Math.abs(y)) return;
    const link = document.querySelector(x > 0 ? 'a[rel="prev"]' : 'a[rel="next"]');
    if (link) link.click();
  }, {passive: true});
})();
