/* The texts of a page, found by a selector, whose contrast with what is behind them is below a ratio. */
([selector, least]) => {
  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = (colour) =>
    channels(colour)
      .slice(0, 3)
      .map((each) => each / 255)
      .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
      .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0.5) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const ratio = (element) => {
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  };
  const hasText = (element) => [...element.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
  return [...document.querySelectorAll(selector)]
    .flatMap((each) => [each, ...each.querySelectorAll("*")])
    .filter((each) => hasText(each) && each.getClientRects().length)
    .filter((each) => ratio(each) < least)
    .map((each) => `${ratio(each).toFixed(1)} ${each.outerHTML.slice(0, 150)}`);
}
