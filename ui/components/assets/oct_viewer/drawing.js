// Drawing at device resolution: B-scans with their tissue map, maps of the fundus, the signal.

const LINE = "#ffd54a";
const CALIPER = "#7fe3ff";

function hatching(context) {
  const tile = new OffscreenCanvas(8, 8);
  const brush = tile.getContext("2d");
  for (const [colour, shift] of [["#000", 1.5], ["#fff", 0]]) {
    brush.strokeStyle = colour;
    brush.lineWidth = 1.5;
    brush.beginPath();
    for (const start of [-8, 0, 8]) {
      brush.moveTo(start + shift, 8);
      brush.lineTo(start + shift + 8, 0);
    }
    brush.stroke();
  }
  return context.createPattern(tile, "repeat");
}

// One B-scan; `map` is {picture, instances, which, opacity}, `mask` the disagreement.
// `part` is the visible part: left, top, width and height as shares.
// `tables` alter the picture below the map; see `toneTable`.
function drawScan(canvas, picture, map, mask, share, part = [0, 0, 1, 1], tables = null) {
  const { context, width, height } = prepare(canvas);
  const cut = (across, down, above = 0) => [
    part[0] * across, above + part[1] * down, part[2] * across, part[3] * down,
  ];
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, ...cut(picture.width, picture.height), 0, 0, width, height);
  if (tables) {
    const drawn = context.getImageData(0, 0, canvas.width, canvas.height);
    applyTables(drawn.data, tables);
    context.putImageData(drawn, 0, 0);
  }
  context.imageSmoothingEnabled = false;
  if (map) {
    const rows = map.picture.height / (map.instances + 1);
    context.globalAlpha = map.opacity;
    const from = cut(map.picture.width, rows, map.which * rows);
    context.drawImage(map.picture, ...from, 0, 0, width, height);
    context.globalAlpha = 1;
  }
  if (mask) {
    const sheet = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
    const brush = sheet.getContext("2d");
    brush.imageSmoothingEnabled = false;
    brush.drawImage(mask, ...cut(mask.width, mask.height), 0, 0, width, height);
    brush.globalCompositeOperation = "source-in";
    brush.fillStyle = hatching(brush);
    brush.fillRect(0, 0, width, height);
    context.drawImage(sheet, 0, 0, width, height);
  }
  if (share !== null) {
    context.strokeStyle = LINE;
    context.lineWidth = 1;
    context.setLineDash([5, 5]);
    context.beginPath();
    context.moveTo(share * width, 0);
    context.lineTo(share * width, height);
    context.stroke();
    context.setLineDash([]);
  }
}

function cross(context, width, height, x, y) {
  for (const [colour, thick] of [["rgba(0, 0, 0, 0.6)", 3], [LINE, 1.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(width, y);
    context.stroke();
    context.setLineDash([3, 4]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
    context.setLineDash([]);
  }
}

function label(context, text, x, y, align = "center", size = 11) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = "rgba(0, 0, 0, 0.75)";
  context.strokeText(text, x, y);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
}

// A map of the fundus with one row a B-scan; `place` is {x, y} as shares of the map.
function drawPlane(canvas, picture, { place, upwards, sides, smooth, grid }) {
  const { context, width, height } = prepare(canvas);
  context.fillStyle = "#0b0f13";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = smooth;
  context.save();
  if (upwards) {
    context.translate(0, height);
    context.scale(1, -1);
  }
  context.drawImage(picture, 0, 0, width, height);
  context.restore();
  cross(context, width, height, place.x * width, place.y * height);
  if (grid) drawGrid(context, width, height, grid, upwards);
  if (sides.length && width > 140) {
    label(context, sides[0], 6, height - 10, "left");
    label(context, sides[1], width - 6, height - 10, "right");
  }
}

// The ETDRS fields: circles as shares of the map, a number in each field that was measured.
function drawGrid(context, width, height, grid, upwards) {
  const turn = (y) => (upwards ? 1 - y : y);
  const [x, y] = [grid.centre[0] * width, turn(grid.centre[1]) * height];
  context.strokeStyle = "rgba(255, 255, 255, 0.85)";
  context.lineWidth = 1;
  for (const [across, down] of grid.radii) {
    context.beginPath();
    context.ellipse(x, y, across * width, down * height, 0, 0, 2 * Math.PI);
    context.stroke();
  }
  const [[innerX, innerY], , [outerX, outerY]] = grid.radii;
  context.beginPath();
  for (const [sx, sy] of [[1, 1], [1, -1], [-1, 1], [-1, -1]]) {
    context.moveTo(x + sx * innerX * width * Math.SQRT1_2, y + sy * innerY * height * Math.SQRT1_2);
    context.lineTo(x + sx * outerX * width * Math.SQRT1_2, y + sy * outerY * height * Math.SQRT1_2);
  }
  context.stroke();
  const size = Math.max(8, Math.min(12, width / 20));
  for (const { at, text } of grid.fields) {
    label(context, text, at[0] * width, turn(at[1]) * height, "center", size);
  }
}

function drawLocalizer(canvas, picture, lines, index, column) {
  const { context, width, height } = prepare(canvas);
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, 0, 0, width, height);
  if (!lines) return;
  const trace = ([x0, y0, x1, y1], colour, thick) => {
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.beginPath();
    context.moveTo(x0 * width, y0 * height);
    context.lineTo(x1 * width, y1 * height);
    context.stroke();
  };
  const faint = `rgba(255, 213, 74, ${Math.min(0.4, 9 / lines.length)})`;
  for (const line of lines) trace(line, faint, 1);
  trace(lines[index], "rgba(0, 0, 0, 0.6)", 4);
  trace(lines[index], LINE, 2);
  const [x0, y0, x1, y1] = lines[index];
  context.beginPath();
  context.arc((x0 + column * (x1 - x0)) * width, (y0 + column * (y1 - y0)) * height, 4, 0, 7);
  context.fillStyle = LINE;
  context.fill();
}

// Signal of every B-scan as a bar; hollow bars are weak, the mark is at the current B-scan.
function drawSignal(canvas, signal, weak, index, marks) {
  const { context, width, height } = prepare(canvas);
  context.clearRect(0, 0, width, height);
  const step = width / signal.length;
  const most = Math.max(...signal, 1e-6);
  signal.forEach((value, at) => {
    const tall = Math.max(2, (value / most) * (height - 10));
    const box = [at * step + 0.5, height - tall, Math.max(1, step - 1.5), tall];
    context.fillStyle = at === index ? "#8cc4ef" : "#5f7484";
    context.strokeStyle = "#f5c469";
    if (weak[at]) context.strokeRect(box[0] + 0.5, box[1] + 0.5, box[2] - 1, box[3] - 1);
    else context.fillRect(...box);
    if (marks && marks[at] > 0) {
      context.fillStyle = "#ff8a80";
      const share = marks[at] / Math.max(...marks);
      context.fillRect(box[0], 0, box[2], 1 + 3 * share);
    }
  });
  context.fillStyle = "#8cc4ef";
  const middle = (index + 0.5) * step;
  context.beginPath();
  context.moveTo(middle - 5, 4);
  context.lineTo(middle + 5, 4);
  context.lineTo(middle, 11);
  context.fill();
}
