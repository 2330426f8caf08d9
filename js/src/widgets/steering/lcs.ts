// Which tokens of a text stand outside its longest common subsequence with another: what truly differs.

/** For each token of `own`: true where it is no part of what both have in common. */
export function different(own: readonly number[], other: readonly number[]): boolean[] {
  const [n, m] = [own.length, other.length];
  const width = m + 1;
  const length = new Uint16Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      length[i * width + j] =
        own[i] === other[j]
          ? length[(i + 1) * width + j + 1]! + 1
          : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
  const out = new Array<boolean>(n).fill(true);
  for (let i = 0, j = 0; i < n && j < m; ) {
    if (own[i] === other[j]) {
      out[i++] = false;
      j++;
    } else if (length[(i + 1) * width + j]! >= length[i * width + j + 1]!) i++;
    else j++;
  }
  return out;
}
