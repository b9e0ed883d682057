"""A day's rounds as drivers and other programs take them: map, track, printed sheet, calendar. Begin with `files`."""
