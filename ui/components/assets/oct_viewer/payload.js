// The message of the server: a JSON header and pictures, decoded before they are needed.

function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const rest = bytes.subarray(4 + length);
  return { header, part: ([start, size]) => rest.subarray(start, start + size) };
}

const decode = (bytes, type) => createImageBitmap(new Blob([bytes], { type }));

// Pictures of all B-scans, decoded around the current one; those far from it are closed.
class Pictures {
  constructor(places, part, type, reach = 16) {
    Object.assign(this, { places, part, type, reach });
    this.ready = new Map();
    this.coming = new Map();
  }

  at(index) {
    return this.ready.get(index);
  }

  load(index) {
    if (this.ready.has(index)) return Promise.resolve(this.ready.get(index));
    if (!this.coming.has(index)) {
      const promise = decode(this.part(this.places[index]), this.type).then((picture) => {
        this.coming.delete(index);
        this.ready.set(index, picture);
        return picture;
      });
      this.coming.set(index, promise);
    }
    return this.coming.get(index);
  }

  around(index) {
    for (let step = 1; step <= this.reach; step += 1) {
      for (const other of [index + step, index - step]) {
        if (other >= 0 && other < this.places.length) this.load(other);
      }
    }
    for (const [other, picture] of this.ready) {
      if (Math.abs(other - index) > 3 * this.reach) {
        picture.close();
        this.ready.delete(other);
      }
    }
  }
}
