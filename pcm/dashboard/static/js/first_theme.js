// Before anything is painted: the theme that this browser chose last time. Not a module, since
// modules wait for the page.
try {
  const chosen = localStorage.getItem("pcm.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // No storage here: the system's theme is taken.
}
