import type { IPacked } from './state';

/** More than this is no evaluation of ours, whoever wrote it: 16 million counts are 64 MB. */
const MOST = 16_000_000;

/** The counts as they were before they were packed, in C order of `shape`. */
export async function unpack(packed: IPacked): Promise<Uint32Array> {
  const size = packed.shape.reduce((product, n) => product * n, 1);
  if (packed.codec !== 'deflate' || packed.dtype !== 'u4' || !(size <= MOST)) {
    throw new Error(`Counts of an unknown form: ${packed.dtype}, ${packed.codec}, ${size}.`);
  }
  const bytes = await inflate(decodeBase64(packed.data), 4 * size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counts = new Uint32Array(size);
  for (let i = 0; i < size; i += 1) {
    counts[i] = view.getUint32(4 * i, true);
  }
  return counts;
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) {
    bytes[i] = binary.charCodeAt(i);
  }
  return bytes;
}

/** Inflate to exactly `size` bytes: a few kB must not become a gigabyte. */
async function inflate(bytes: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array> {
  const stream = new DecompressionStream('deflate');
  const writer = stream.writable.getWriter();
  // What is wrong with the bytes is said by the reader as well.
  void writer.write(bytes).catch(() => {});
  void writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  const all = new Uint8Array(size);
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    if (filled + value.length > size) {
      await reader.cancel();
      throw new Error('There are more counts than were announced.');
    }
    all.set(value, filled);
    filled += value.length;
  }
  if (filled !== size) {
    throw new Error('There are fewer counts than were announced.');
  }
  return all;
}

/** Counts per chunk that can be added up over any range of chunks at once. */
export class Cube {
  /** `counts` in C order: a row of `width` numbers per chunk. */
  constructor(
    counts: Uint32Array,
    readonly width: number
  ) {
    this.chunks = width === 0 ? 0 : Math.floor(counts.length / width);
    // Sums from the first chunk on; doubles are exact up to 2^53 rows.
    this._sums = new Float64Array((this.chunks + 1) * width);
    for (let i = 0; i < this.chunks * width; i += 1) {
      this._sums[i + width] = this._sums[i] + counts[i];
    }
  }

  readonly chunks: number;

  /** The counts of the chunks from `from` to `until`, both inside. */
  window(from: number, until: number): Float64Array {
    const counts = new Float64Array(this.width);
    const [low, high] = [this.width * from, this.width * (until + 1)];
    for (let i = 0; i < this.width; i += 1) {
      counts[i] = this._sums[high + i] - this._sums[low + i];
    }
    return counts;
  }

  private _sums: Float64Array;
}

/** Read a packed array of chunks × `…rest`. */
export async function readCube(packed: IPacked): Promise<Cube> {
  const counts = await unpack(packed);
  return new Cube(
    counts,
    packed.shape.slice(1).reduce((product, n) => product * n, 1)
  );
}
