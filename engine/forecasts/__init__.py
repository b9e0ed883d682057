"""Forecasts from elsewhere: sources as data, fetched and read into one table of values, or refused whole."""
