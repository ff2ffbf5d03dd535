"use strict";
// Django's sidebar is open until somebody closes it, and takes a quarter of a list's width: here it
// is closed until somebody opens it. Runs before Django's own script, which is deferred.
{
  const name = "django.admin.navSidebarIsOpen";
  if (localStorage.getItem(name) === null) localStorage.setItem(name, "false");
}
