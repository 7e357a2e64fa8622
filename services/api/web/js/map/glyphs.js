// One shape per kind of device and one per mark, made on a canvas as a signed distance field,
// so that the map can colour it by state.
const SIZE = 36;
const SPREAD = 6;

const SHAPES = {
  hydrant(c) {
    c.arc(18, 18, 10, 0, 2 * Math.PI);
  },
  electrical(c) {
    c.moveTo(18, 5);
    c.lineTo(31, 18);
    c.lineTo(18, 31);
    c.lineTo(5, 18);
    c.closePath();
  },
  water(c) {
    c.moveTo(18, 4);
    c.bezierCurveTo(24, 12, 29, 17, 29, 22);
    c.arc(18, 22, 10.8, 0, Math.PI);
    c.bezierCurveTo(7, 17, 12, 12, 18, 4);
  },
  panel(c) {
    c.rect(8, 8, 20, 20);
  },
  // out of service
  pause(c) {
    c.rect(9, 8, 7, 20);
    c.rect(20, 8, 7, 20);
  },
  // under test
  flag(c) {
    c.rect(7, 5, 4, 27);
    c.moveTo(11, 5);
    c.lineTo(30, 12);
    c.lineTo(11, 19);
    c.closePath();
  },
};

function draw(name) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.beginPath();
  SHAPES[name](pen);
  pen.fill();
  return pen.getImageData(0, 0, SIZE, SIZE).data;
}

// Distance to the nearest pixel of the other side, by search in a small window: 36 x 36 pixels cost nothing.
export function distanceField(name) {
  const inside = draw(name);
  const is = (x, y) => x >= 0 && y >= 0 && x < SIZE && y < SIZE && inside[(y * SIZE + x) * 4 + 3] > 127;
  const data = new Uint8ClampedArray(SIZE * SIZE * 4);
  for (let y = 0; y < SIZE; y += 1) {
    for (let x = 0; x < SIZE; x += 1) {
      const here = is(x, y);
      let nearest = SPREAD;
      for (let dy = -SPREAD; dy <= SPREAD; dy += 1) {
        for (let dx = -SPREAD; dx <= SPREAD; dx += 1) {
          if (is(x + dx, y + dy) !== here) nearest = Math.min(nearest, Math.hypot(dx, dy));
        }
      }
      data[(y * SIZE + x) * 4 + 3] =
        255 * (0.75 + (here ? nearest - 0.5 : 0.5 - nearest) / (2 * SPREAD) / 1.333);
    }
  }
  return { width: SIZE, height: SIZE, data };
}

export const GLYPHS = Object.keys(SHAPES);
