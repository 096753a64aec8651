/** The page `/docs`: what the server answers, to read and to try. */

import { showHeader } from "./header.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Swagger UI has a dark look of its own, which a class of the page turns on. */
const followScheme = () => document.documentElement.classList.toggle("dark-mode", DARK.matches);

showHeader();
followScheme();
DARK.addEventListener("change", followScheme);
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  layout: "BaseLayout",
  presets: [window.SwaggerUIBundle.presets.apis],
  validatorUrl: null,
});
