"use strict";
// Django's sidebar is open until somebody closes it, and takes a quarter of a list's width: here it
// is closed until somebody opens it. Runs before Django's own script, which is deferred.
{
  const name = "django.admin.navSidebarIsOpen";
  if (localStorage.getItem(name) === null) localStorage.setItem(name, "false");
}
// On a phone a row of a list is a card (admin.css): its cells then carry their headings.
document.addEventListener("DOMContentLoaded", () => {
  const list = document.getElementById("result_list");
  if (list === null) return;
  const headings = [...list.querySelectorAll("thead th")].map((heading) => {
    const text = heading.querySelector(".text");
    return text === null ? "" : text.textContent.trim();
  });
  for (const row of list.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, place) => {
      cell.dataset.heading = headings[place] ?? "";
    });
  }
  list.classList.add("has-headings");
});
// The help beside Django's pair of lists has a name, which only an image may have. Django adds it
// when the page is loaded; who listens for that later is called later.
document.addEventListener("DOMContentLoaded", () => {
  window.addEventListener("load", () => {
    for (const help of document.querySelectorAll("span.help-tooltip[aria-label]")) {
      help.setAttribute("role", "img");
    }
  });
});
