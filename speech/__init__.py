"""Sound in: loading, features on the video's frame clock, words, voice activity."""
