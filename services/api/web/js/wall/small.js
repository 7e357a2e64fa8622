// Whether this screen is so small that the wall is scrolled: as in css/wall-stacked.css.
export const SMALL = matchMedia("(max-width: 1000px)");
