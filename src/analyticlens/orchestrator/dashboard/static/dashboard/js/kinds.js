// Whoever chooses another kind of source or trigger sees its fields at once; without this the button beside it shows them.

export function followKinds() {
  document.addEventListener("change", (event) => {
    const chosen = event.target;
    if (!chosen.matches?.("select[name^='station-'][name$='.type']")) return;
    chosen.form.requestSubmit(chosen.form.querySelector("button[value=kind]"));
  });
}
