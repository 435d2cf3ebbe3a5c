// Pictures of the server, fetched when they are looked at; few are kept at native size.

const NATIVE_KEPT = 2; // a photograph of 24 megapixels takes 100 MB once it is decoded

class LoadedPictures {
  constructor() {
    this.fitted = new Map();
    this.native = new Map();
    this.coming = new Map();
  }

  fetch(address) {
    if (!this.coming.has(address)) {
      const image = new Image();
      image.src = address;
      const loaded = image.decode().then(() => image).finally(() => this.coming.delete(address));
      this.coming.set(address, loaded);
    }
    return this.coming.get(address);
  }

  async load(picture, size) {
    const image = await this.fetch(picture[size]);
    const kept = this[size];
    kept.delete(picture.fitted);
    kept.set(picture.fitted, image);
    if (size === "native" && kept.size > NATIVE_KEPT) kept.delete(kept.keys().next().value);
    return image;
  }

  // What is known of a file: sizes, notes, further frames, or why it cannot be shown.
  async facts(picture) {
    const answer = await fetch(picture.facts);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
  }

  best(picture) {
    return this.native.get(picture.fitted) ?? this.fitted.get(picture.fitted);
  }
}
