// One checkbox for all documents of the page; choosing one means "the chosen documents".
"use strict";

(() => {
  const form = document.getElementById("list");
  const all = document.getElementById("choose-page");
  if (!all) return; // nothing is listed, or the user may do nothing with it
  const each = [...form.querySelectorAll("input[name=chosen]")];
  const scope = form.querySelector("input[name=scope][value=chosen]");

  function show() {
    const count = each.filter((box) => box.checked).length;
    all.checked = count === each.length;
    all.indeterminate = count > 0 && count < each.length;
  }

  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of each) box.checked = all.checked;
    scope.checked = true;
  });
  for (const box of each) {
    box.addEventListener("change", () => {
      scope.checked = true;
      show();
    });
  }
  show(); // browsers keep what was chosen when they go back
})();
