"""Aids in a call: numbers shown to everybody. The agreed terms are in ``records.aids_terms``, the calendars in the browser."""
