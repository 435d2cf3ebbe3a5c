// Brightness, contrast and colour constancy, as tables of 256 values for each channel.

const NORM = 6; // the Minkowski norm for which Finlayson and Trezzi (2004) found the least error

// sRGB (IEC 61966-2-1) to light, from 0 to 1 both, and back.
const toLight = (value) =>
  (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const fromLight = (light) =>
  (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);

// Shades of grey (Finlayson and Trezzi 2004): the light's colour is the Minkowski mean of the
// picture's. Returns the factor by which the light of each channel is multiplied, so that this
// colour becomes grey of the same length.
function greyFactors(pixels) {
  const powers = Float64Array.from({ length: 256 }, (_, value) => toLight(value / 255) ** NORM);
  const sums = [0, 0, 0];
  for (let at = 0; at < pixels.length; at += 4) {
    for (let channel = 0; channel < 3; channel += 1) sums[channel] += powers[pixels[at + channel]];
  }
  const means = sums.map((sum) => (sum / (pixels.length / 4)) ** (1 / NORM));
  const length = Math.hypot(...means) / Math.sqrt(3);
  return means.map((mean) => (mean > 0 ? length / mean : 1));
}

// `brightness` and `contrast` are between -100 and 100; 0 changes nothing.
function toneTable(brightness, contrast, factor = 1) {
  const slope = 2 ** (contrast / 50);
  return Uint8ClampedArray.from({ length: 256 }, (_, value) => {
    const balanced =
      factor === 1 ? value : 255 * fromLight(Math.min(toLight(value / 255) * factor, 1));
    return (balanced - 127.5) * slope + 127.5 + 1.275 * brightness;
  });
}

function applyTables(pixels, [red, green, blue]) {
  for (let at = 0; at < pixels.length; at += 4) {
    pixels[at] = red[pixels[at]];
    pixels[at + 1] = green[pixels[at + 1]];
    pixels[at + 2] = blue[pixels[at + 2]];
  }
}

// What is altered, in words; '' where nothing is.
function alterations({ brightness, contrast, balanced }) {
  const names = [
    brightness !== 0 && "brightness", contrast !== 0 && "contrast", balanced && "white balance",
  ];
  const altered = names.filter(Boolean);
  return altered.length ? `Altered: ${altered.join(", ")}` : "";
}
