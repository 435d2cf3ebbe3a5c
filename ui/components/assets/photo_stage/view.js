// Which part of a picture is shown: a scale and the place of its middle, all in picture pixels.

class View {
  constructor() {
    Object.assign(this, { across: 1, down: 1, wide: 1, tall: 1, scale: 1, x: 0.5, y: 0.5 });
    this.fitted = true;
  }

  // Sizes of the picture in its own pixels and of the stage in CSS pixels.
  size(across, down, wide, tall) {
    Object.assign(this, { across, down, wide: Math.max(wide, 1), tall: Math.max(tall, 1) });
    if (this.fitted) this.fit();
    else this.settle();
  }

  get fitting() {
    return Math.min(this.wide / this.across, this.tall / this.down);
  }

  // Fitted, or native pixels where the picture is smaller than the stage.
  get least() {
    return Math.min(this.fitting, 1 / devicePixelRatio);
  }

  get most() {
    return Math.max(16 / devicePixelRatio, 4 * this.fitting);
  }

  fit() {
    this.fitted = true;
    Object.assign(this, { scale: this.fitting, x: this.across / 2, y: this.down / 2 });
  }

  // Change the scale so that what is at a place of the stage (CSS pixels) stays there.
  zoom(scale, left = this.wide / 2, top = this.tall / 2) {
    const [x, y] = this.at(left, top);
    this.scale = Math.min(Math.max(scale, this.least), this.most);
    this.fitted = Math.abs(this.scale / this.fitting - 1) < 0.0001;
    this.x = x - (left - this.wide / 2) / this.scale;
    this.y = y - (top - this.tall / 2) / this.scale;
    this.settle();
  }

  // Move the picture by CSS pixels.
  move(right, down) {
    this.x -= right / this.scale;
    this.y -= down / this.scale;
    this.settle();
  }

  // The pixel of the picture at a place of the stage.
  at(left, top) {
    return [
      this.x + (left - this.wide / 2) / this.scale, this.y + (top - this.tall / 2) / this.scale,
    ];
  }

  // Where the picture lies on the stage: left, top, width and height in CSS pixels.
  get box() {
    return [
      this.wide / 2 - this.x * this.scale,
      this.tall / 2 - this.y * this.scale,
      this.across * this.scale,
      this.down * this.scale,
    ];
  }

  // Keep the picture in the stage: in the middle where it is smaller, else without a gap.
  settle() {
    this.scale = Math.min(Math.max(this.scale, this.least), this.most);
    const within = (middle, long, stage) => {
      const half = stage / this.scale / 2;
      return long <= 2 * half ? long / 2 : Math.min(Math.max(middle, half), long - half);
    };
    this.x = within(this.x, this.across, this.wide);
    this.y = within(this.y, this.down, this.tall);
  }
}

// A length of 1, 2 or 5 times a power of ten that is at most `most` CSS pixels long.
function scaleBar(mmPerPixel, scale, most) {
  const whole = (most / scale) * mmPerPixel; // mm
  const power = 10 ** Math.floor(Math.log10(whole));
  const mm = [5, 2, 1].map((step) => step * power).find((length) => length <= whole * 1.0001);
  const text = mm < 1 ? `${Number((mm * 1000).toPrecision(1))} µm` : `${mm} mm`;
  return { text, wide: (mm / mmPerPixel) * scale };
}
