import { useEffect, useState } from 'react';

/**
 * The time, again every `interval` ms: ages and elapsed times tick with it.
 *
 * All components of one interval share one timer, which rests while the page is hidden.
 */
export function useNow(interval: number): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => clockOf(interval).listen(setNow), [interval]);
  return now;
}

class Clock {
  constructor(private _interval: number) {}

  listen(tick: (now: Date) => void): () => void {
    this._listeners.add(tick);
    if (this._timer === 0) {
      this._timer = window.setInterval(() => this._tick(), this._interval);
      document.addEventListener('visibilitychange', this._tick);
    }
    return () => {
      this._listeners.delete(tick);
      if (this._listeners.size === 0) {
        window.clearInterval(this._timer);
        document.removeEventListener('visibilitychange', this._tick);
        this._timer = 0;
      }
    };
  }

  private _tick = (): void => {
    if (document.visibilityState !== 'hidden') {
      const now = new Date();
      this._listeners.forEach(listener => listener(now));
    }
  };

  private _timer = 0;
  private _listeners = new Set<(now: Date) => void>();
}

const clocks = new Map<number, Clock>();

function clockOf(interval: number): Clock {
  let clock = clocks.get(interval);
  if (clock === undefined) {
    clock = new Clock(interval);
    clocks.set(interval, clock);
  }
  return clock;
}
