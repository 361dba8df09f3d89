// Lets this phone ring for what page.js hears of, once its owner has asked for that. A browser makes sound only after a tap.
"use strict";
const bell = (() => {
  const RING_S = 20, GRACE_MS = 10000, AGAIN_MS = 60000, WANTED = "bell";
  let sound = null, lock = null, out = null;  // the browser's sound; its promise to keep the screen on; what rings now
  let name = "", since = 0, rung = -Infinity, ends = 0;
  // What has rung, and what a tap has silenced, stays so on the next page.
  const kept = (key) => sessionStorage.getItem(key) || "";
  const keep = (key, value) => sessionStorage.setItem(key, value);
  const wanted = () => kept(WANTED) === "on";
  const on = () => wanted() && sound !== null && sound.state === "running";

  // ---- the sound: two tones, like a doorbell that does not give up, louder after some seconds ----
  const strike = (to, hz, at) => {
    for (const [overtone, loudness] of [[1, 0.5], [2, 0.3], [3, 0.2]]) {
      const tone = sound.createOscillator(), fade = sound.createGain();
      tone.frequency.value = hz * overtone;
      fade.gain.setValueAtTime(0, at);
      fade.gain.linearRampToValueAtTime(loudness, at + 0.01);
      fade.gain.exponentialRampToValueAtTime(0.001, at + 0.55);
      tone.connect(fade).connect(to);
      tone.start(at);
      tone.stop(at + 0.6);
    }
  };
  const play = (seconds) => {
    still();
    const now = sound.currentTime;
    ends = now + seconds;  // by the sound's own clock, which stands still until the loudspeaker is ready
    out = sound.createGain();
    out.gain.setValueAtTime(0.3, now);
    out.gain.linearRampToValueAtTime(1, now + 6);
    out.connect(sound.destination);
    for (let at = 0.05; at < seconds; at += 1.6) { strike(out, 988, now + at); strike(out, 784, now + at + 0.45); }
    if (navigator.vibrate) navigator.vibrate(Array(Math.ceil(seconds / 1.6)).fill([500, 1100]).flat());
  };
  const still = () => {
    if (out) out.disconnect();
    out = null;
    if (navigator.vibrate) navigator.vibrate(0);
    document.body.classList.remove("ringing");
  };

  // ---- when ----
  const tell = (next) => {
    if (next === name) return;
    name = next;
    since = performance.now();
    rung = -Infinity;
    if (next !== kept("hushed")) keep("hushed", "");
    still();
    tick();
  };
  const tick = () => {
    const now = performance.now(), cry = name.startsWith("cry ");
    if (out && sound.currentTime > ends) still();
    if (!name || name === kept("hushed") || name === kept("told") || !on()) return;
    if (!cry && (now - since < GRACE_MS || now - rung < AGAIN_MS)) return;
    if (cry) keep("told", name);  // the next alert has another name; nobody repeats what is wrong with the monitor
    rung = now;
    play(RING_S);
    document.body.classList.add("ringing");
  };

  // ---- on and off ----
  const awake = async () => {
    if (!wanted() || lock || !navigator.wakeLock || document.hidden) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      lock.addEventListener("release", () => { lock = null; });
    } catch { /* its battery is low: the note says that the screen must be kept on */ }
    show();
  };
  const begin = async () => {
    if (!sound) {
      sound = new AudioContext();
      sound.addEventListener("statechange", show);
    }
    show();
    try { await sound.resume(); } catch { /* only after a tap */ }
    await awake();
    show();
  };
  const show = () => {
    document.body.classList.toggle("rings", on());
    const button = document.getElementById("bell"), note = document.getElementById("bell-note");
    if (!button) return;
    button.closest(".bell").hidden = false;  // without scripts there is no bell
    button.setAttribute("aria-pressed", String(on()));
    const words = on() ? note.dataset.on + " " + (lock ? note.dataset.lit : note.dataset.dark) : wanted() ? note.dataset.tap : note.dataset.off;
    if (note.textContent !== words) note.textContent = words;
  };
  document.addEventListener("click", async (event) => {
    if (out) { keep("hushed", name); still(); }
    const button = event.target.closest("#bell");
    if (!button) {
      if (wanted() && !on()) await begin();
      return;
    }
    if (on()) {
      keep(WANTED, "");
      if (lock) lock.release();
      await sound.suspend();
    } else {
      keep(WANTED, "on");
      keep("hushed", "");
      keep("told", "");
      await begin();
      if (on()) play(1);  // heard at once, so that nobody has to wonder how loud it is
    }
    show();
  });
  document.addEventListener("visibilitychange", () => { if (wanted() && !document.hidden) begin(); });
  if (wanted()) begin();
  else show();

  return {tell, tick, show, get on() { return on(); }};
})();
