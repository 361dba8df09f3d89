// Keeps the page true without reloading it: one stream while it is in sight, asking every few seconds where there is none.
"use strict";
(() => {
  const body = document.body;
  const strip = document.getElementById("strip");
  if (!strip) return;
  const SILENCE_MS = 7000, ASK_MS = 3000, AGAIN_MS = 30000;
  let source = null, asking = null, untilAnswered = false, heard = performance.now(), changes = null, spoken = null;

  // ---- time that goes by ----
  const duration = (seconds) => {
    const s = Math.max(0, Math.round(seconds)), m = Math.round(s / 60), d = body.dataset;
    if (s < 90) return d.s.replace("{s}", s);
    if (m < 60) return d.m.replace("{m}", m);
    const h = Math.floor(m / 60);
    return m % 60 ? d.hm.replace("{h}", h).replace("{m}", m % 60) : d.h.replace("{h}", h);
  };
  const since = new WeakMap();
  const tick = () => {
    for (const each of document.querySelectorAll("time[data-elapsed]")) {
      if (!since.has(each)) since.set(each, performance.now() - 1000 * Number(each.dataset.elapsed));
      const seconds = (performance.now() - since.get(each)) / 1000;
      if (seconds < 172800) each.textContent = duration(seconds);
    }
    const stale = performance.now() - heard > SILENCE_MS;
    const note = document.getElementById("stale");
    if (note && note.hidden === stale) { note.hidden = !stale; body.classList.toggle("is-stale", stale); }
    if (stale) {
      show("unreachable", strip.dataset.stale);
      // Whatever has become of the stream: ask until there is an answer, then listen anew.
      if (!asking && !document.hidden) { quiet(); askOften(true); }
    }
  };
  setInterval(tick, 1000);

  // ---- what the device says ----
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
  const news = (data) => {
    heard = performance.now();
    show(data.kind, data.title);
    const card = document.getElementById("now");
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
    if (changes !== null && changes !== data.changes) refresh();
    changes = data.changes;
    tick();
  };
  let refreshing = false;
  const refresh = async () => {
    const places = document.querySelectorAll("[data-live-part]");
    if (!places.length || refreshing) return;
    refreshing = true;
    try {
      await new Promise((done) => setTimeout(done, 400));  // a cry makes several events at once
      const answer = await fetch(location.href, {headers: {Accept: "text/html"}});
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const place of places) {
        const found = fresh.querySelector(`[data-live-part="${place.dataset.livePart}"]`);
        if (found && !place.contains(document.activeElement)) place.replaceChildren(...found.childNodes);
      }
    } catch { /* the next change tries again */ } finally { refreshing = false; }
  };

  // ---- hearing it ----
  const ask = async () => {
    try {
      const answer = await fetch(strip.dataset.once, {headers: {Accept: "application/json"}, signal: AbortSignal.timeout(5000)});
      if (answer.status === 401) { location.assign(strip.dataset.login); return; }
      if (!answer.ok) return;
      news(await answer.json());
      if (asking && untilAnswered) { quiet(); listen(); }
    } catch { /* said as stale */ }
  };
  const askOften = (untilAnswer) => {
    if (asking) return;
    untilAnswered = untilAnswer;
    ask();
    asking = setInterval(ask, ASK_MS);
    setTimeout(() => { if (!document.hidden) { quiet(); listen(); } }, AGAIN_MS);
  };
  const quiet = () => {
    if (source) source.close();
    if (asking) clearInterval(asking);
    source = asking = null;
  };
  const listen = () => {
    if (source || document.hidden) return;
    source = new EventSource(strip.dataset.live);
    source.addEventListener("now", (event) => news(JSON.parse(event.data)));
    source.addEventListener("beat", (event) => news(JSON.parse(event.data)));
    source.addEventListener("error", () => { if (source && source.readyState === EventSource.CLOSED) { source = null; askOften(false); } });
  };
  document.addEventListener("visibilitychange", () => { if (document.hidden) quiet(); else { heard = performance.now(); listen(); } });
  window.addEventListener("pagehide", quiet);
  window.addEventListener("pageshow", listen);
  listen();

  // ---- saying something ----
  const say = (text) => {
    const place = document.getElementById("messages"), box = document.createElement("div"), line = document.createElement("p");
    box.className = "message";
    line.textContent = text;
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
      if (data.said || data.error) say(data.said || data.error);
      if (answer.status === 401) location.assign(strip.dataset.login);
      if (answer.ok && (form.classList.contains("who") || form.classList.contains("ask"))) await again(form, button.id);
    } catch {
      say(strip.dataset.stale);
    } finally { button.removeAttribute("aria-busy"); }
  });
  const again = async () => {
    const answer = await fetch(location.href, {headers: {Accept: "text/html"}});
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focus = document.activeElement ? document.activeElement.id || document.activeElement.value : "";
    document.getElementById("main").replaceChildren(...fresh.getElementById("main").childNodes);
    const found = focus && (document.getElementById(focus) || document.querySelector(`button[value="${CSS.escape(focus)}"]`));
    if (found) found.focus();
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
