// The audio thread's part of listening: plays what comes, a short while after it has come.
// Takes buffers of 16-bit stereo; tells the loudest of what it played as dBov, ten times a second.

const CUSHION = 0.12; // s that wait before the first is played
const MOST = 0.5; // s that may wait; more is skipped, so that the voices stay live
const TELL_EVERY = 0.1; // s
const SILENCE = -127; // dBov

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.waiting = []; // Int16Array, stereo
    this.at = 0; // where the first of them goes on
    this.frames = 0; // samples per side that wait
    this.plays = false;
    this.peak = 0;
    this.told = 0;
    this.port.onmessage = ({ data }) => this.take(new Int16Array(data));
  }

  take(samples) {
    this.waiting.push(samples);
    this.frames += samples.length / 2;
    if (this.frames > MOST * sampleRate) {
      while (this.frames > CUSHION * sampleRate) this.next();
    }
  }

  // The next sample of both sides; there must be one.
  next() {
    const first = this.waiting[0];
    const pair = [first[this.at] / 32768, first[this.at + 1] / 32768];
    this.at += 2;
    this.frames -= 1;
    if (this.at >= first.length) {
      this.waiting.shift();
      this.at = 0;
    }
    return pair;
  }

  process(_inputs, [[left, right]]) {
    this.plays ||= this.frames >= CUSHION * sampleRate;
    for (let at = 0; this.plays && at < left.length; at += 1) {
      [left[at], right[at]] = this.next();
      this.peak = Math.max(this.peak, Math.abs(left[at]), Math.abs(right[at]));
      this.plays = this.frames > 0;
    }
    if (currentTime - this.told >= TELL_EVERY) {
      this.told = currentTime;
      this.port.postMessage(this.peak > 0 ? 20 * Math.log10(this.peak) : SILENCE);
      this.peak = 0;
    }
    return true;
  }
}

registerProcessor("talkpath-player", Player);
