"""Music for the model to listen to: windows of synthesised notes and chords, equal on every run.

`python synth.py 7 window.wav` writes window 7 as a sound file.
"""

import sys
import wave

import numpy as np

RATE = 22050
"""Samples a second; what the model was trained with."""
LENGTH = 43844
"""Samples of one window, just under two seconds; the model's input."""

TIMBRES = {
    # Strength of each harmonic; seconds until a note has lost two thirds; seconds of its onset; depth of the vibrato.
    "plucked": ([1, 0.6, 0.45, 0.3, 0.2, 0.12, 0.08], 0.4, 0.002, 0.0),
    "struck": ([1, 0.35, 0.2, 0.1, 0.05], 0.9, 0.004, 0.0),
    "organ": ([1, 0.8, 0.1, 0.5, 0.05, 0.25], 1e9, 0.02, 0.0),
    "bowed": ([1, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1], 1e9, 0.08, 0.004),
    "sung": ([1, 0.9, 0.5, 0.15, 0.3, 0.1], 1e9, 0.05, 0.006),
}


def note(pitch, seconds, timbre, draw):
    """One note.

    Args:
        pitch: MIDI number; 69 is 440 Hz.
        seconds: how long it sounds.
        timbre: a key of `TIMBRES`.
        draw: random numbers, for the phases.

    Returns:
        Samples in about -1..1.
    """
    harmonics, decay, onset, vibrato = TIMBRES[timbre]
    time = np.arange(int(seconds * RATE)) / RATE
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    phase = 2 * np.pi * frequency * (time + vibrato / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * time))
    sound = np.zeros_like(time)
    for number, strength in enumerate(harmonics, 1):
        # What lies above half the sampling rate would come back as a false tone.
        if number * frequency < RATE / 2:
            sound += strength * np.sin(number * phase + draw.uniform(0, 2 * np.pi))
    envelope = np.minimum(1, time / onset) * np.exp(-time / decay) * np.minimum(1, (seconds - time) / 0.01)
    return sound * envelope / np.sum(harmonics)


def window(index):
    """One window of one instrument: single notes or chords, with a little noise.

    Returns:
        float32 samples of shape (LENGTH,), and the name of the timbre.
    """
    draw = np.random.default_rng([2022, index])
    timbre = list(TIMBRES)[index % len(TIMBRES)]
    sound = np.zeros(LENGTH)
    start = draw.uniform(0, 0.3)
    while start < LENGTH / RATE - 0.2:
        seconds = min(draw.uniform(0.15, 0.9), LENGTH / RATE - start - 0.01)
        root = int(draw.integers(40, 80))
        chord = [(0,), (0, 4, 7), (0, 3, 7), (0, 7), (0, 4, 7, 10)][draw.integers(5)]
        for interval in chord:
            first = int(start * RATE)
            tone = note(root + interval, seconds, timbre, draw) * draw.uniform(0.4, 1)
            sound[first : first + len(tone)] += tone
        start += seconds * draw.uniform(0.6, 1.2)
    noise = draw.normal(0, 10 ** draw.uniform(-4, -2), LENGTH)
    loudness = draw.uniform(0.1, 0.9)
    return (loudness * sound / np.abs(sound).max() + noise).astype(np.float32), timbre


def write(index, path):
    """A window as a mono sound file of 16 bits."""
    sound, timbre = window(index)
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    print(f"{path}: window {index}, {timbre}")


if __name__ == "__main__":
    write(int(sys.argv[1]), sys.argv[2])
