/** Let the browser save bytes as a file. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken the bytes by the next turn; the URL would keep them in memory.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
