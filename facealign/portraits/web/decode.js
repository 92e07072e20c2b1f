// Image files as pixels.

const MOST = 24e6; // px of a photo; larger ones are shrunk

/** The pixels of an image file, upright, on white; it raises an error that says why it cannot. */
export async function decode(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error("this file is no photo that this browser can read");
  }
  const zoom = Math.min(1, Math.sqrt(MOST / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * zoom)));
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = pen.getImageData(0, 0, width, height);
  const colours = new Uint8ClampedArray(3 * width * height);
  for (let i = 0, to = 0; i < data.length; i += 4) {
    colours[to++] = data[i];
    colours[to++] = data[i + 1];
    colours[to++] = data[i + 2];
  }
  return { width, height, channels: 3, data: colours };
}
