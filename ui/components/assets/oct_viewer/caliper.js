// The caliper: the distance of two points of a B-scan in tissue. One for each B-scan.

const NUDGE = 1; // pixels of the B-scan by one press of an arrow key; ten with Shift

class Caliper {
  // `bscans` holds width, height and the spacing in mm: between rows and between columns, or null.
  constructor({ width, height, spacing }) {
    Object.assign(this, { width, height, spacing });
    this.lines = new Map(); // by B-scan: {ends: [[x, y], [x, y]]} as shares, `open` until it is set
    this.on = false;
  }

  // Where an end is put, in whole pixels of the B-scan.
  spot({ x, y }) {
    const within = (share, long) => (Math.min(Math.floor(share * long), long - 1) + 0.5) / long;
    return [within(x, this.width), within(y, this.height)];
  }

  line(index) {
    return this.lines.get(index);
  }

  // A press: the first sets one end, the second the other; another one begins anew.
  press(index, place) {
    const line = this.lines.get(index);
    if (line?.open && !line.first) {
      Object.assign(line, { ends: [line.ends[0], this.spot(place)], open: false });
    } else {
      const end = this.spot(place);
      this.lines.set(index, { ends: [end, end], open: true });
    }
  }

  // The open end follows the pointer.
  follow(index, place) {
    const line = this.lines.get(index);
    if (!line?.open || line.first) return false;
    line.ends[1] = this.spot(place);
    return true;
  }

  // The arrow keys move the end that was set last.
  nudge(index, right, down) {
    const line = this.lines.get(index);
    const within = (value, long) => Math.min(Math.max(value, 0.5 / long), 1 - 0.5 / long);
    const [x, y] = line.ends[1];
    line.ends[1] = [
      within(x + (NUDGE * right) / this.width, this.width),
      within(y + (NUDGE * down) / this.height, this.height),
    ];
    // Before the second end is begun, the first one moves.
    if (line.first) line.ends[0] = line.ends[1];
  }

  // Enter: sets the first end, then the second.
  enter(index) {
    const line = this.lines.get(index);
    if (!line || !line.open) this.lines.set(index, { ends: this.middle(), open: true, first: true });
    else if (line.first) line.first = false;
    else line.open = false;
  }

  middle() {
    const spot = this.spot({ x: 0.5, y: 0.5 });
    return [spot, spot];
  }

  remove(index) {
    return this.lines.delete(index);
  }

  // Length in um.
  micrometres(index) {
    const [[x0, y0], [x1, y1]] = this.lines.get(index).ends;
    const [row, column] = this.spacing;
    return 1000 * Math.hypot((x1 - x0) * this.width * column, (y1 - y0) * this.height * row);
  }

  text(index) {
    return `${Math.round(this.micrometres(index))} µm`;
  }

  draw(canvas, index) {
    const line = this.lines.get(index);
    if (!line) return;
    const { context, width, height } = prepare(canvas);
    const [a, b] = line.ends.map(([x, y]) => [x * width, y * height]);
    const long = Math.hypot(b[0] - a[0], b[1] - a[1]);
    // Ticks across the line; upright before there is a line.
    const [right, down] = long ? [(b[1] - a[1]) / long, (a[0] - b[0]) / long] : [0, 1];
    for (const [colour, thick] of [["rgba(0, 0, 0, 0.75)", 4], [CALIPER, 1.75]]) {
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.beginPath();
      context.moveTo(...a);
      context.lineTo(...b);
      for (const [x, y] of [a, b]) {
        context.moveTo(x - 7 * right, y - 7 * down);
        context.lineTo(x + 7 * right, y + 7 * down);
      }
      context.stroke();
    }
    if (line.first) return;
    const beside = b[0] > width - 80 ? -12 : 12;
    const above = Math.min(Math.max(b[1] - 12, 10), height - 10);
    label(context, this.text(index), b[0] + beside, above, beside < 0 ? "right" : "left", 13);
  }
}
