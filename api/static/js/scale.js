/** Which scale a line has: the same as in its picture (LOG_FROM and is_logarithmic of api/pictures.py). */

const LOG_FROM = 1000;

/** Whether lines of these values, all above 0, have a logarithmic axis: the highest is so many times the lowest. */
export function isLogarithmic(values) {
  const known = values.filter((value) => value !== null && Number.isFinite(value));
  const low = known.reduce((least, each) => Math.min(least, each), Infinity);
  const high = known.reduce((most, each) => Math.max(most, each), 0);
  return low > 0 && high / low >= LOG_FROM;
}
