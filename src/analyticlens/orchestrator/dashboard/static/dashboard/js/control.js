// A page that stays open keeps the control it took: control that nobody keeps ends by itself.

const EVERY_MS = 10_000;

async function keep() {
  const mine = document.querySelector("[data-control]");
  if (!mine) return;
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  await fetch(mine.dataset.control, {
    method: "POST",
    headers: { "X-CSRFToken": token },
    credentials: "same-origin",
    redirect: "manual",
  }).catch(() => undefined); // the next time may reach it
}

export function keepControl() {
  setInterval(keep, EVERY_MS);
}
