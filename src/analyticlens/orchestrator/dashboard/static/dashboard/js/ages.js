// How old the news is, counted on this page's own clock from the age the server gave: "3 s ago", and stale after ten seconds.

const STALE_SECONDS = 10;

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

export function span(words, seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return fill(words.seconds, { n: whole });
  if (whole < 7200) return fill(words.minutes, { n: Math.floor(whole / 60) });
  if (whole < 172800) return fill(words.hours, { n: Math.floor(whole / 3600) });
  return fill(words.days, { n: Math.floor(whole / 86400) });
}

export const ago = (words, seconds) => fill(words.ago, { age: span(words, seconds) });
export const late = (words, seconds) => fill(words.late, { age: span(words, seconds) });

/** Note when these ages were true. Called once for a page and again for every part that is replaced. */
export function stamp(root) {
  const now = performance.now();
  for (const element of root.querySelectorAll("[data-age]")) element.bornAt = now - Number(element.dataset.age) * 1000;
}

export function tick(words) {
  const now = performance.now();
  for (const element of document.querySelectorAll("[data-age]")) {
    const seconds = (now - (element.bornAt ?? now)) / 1000;
    const text = ago(words, seconds);
    if (element.textContent !== text) element.textContent = text;
    element.closest("[data-heard]")?.classList.toggle("late", seconds > STALE_SECONDS);
  }
}
