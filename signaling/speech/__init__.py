"""Draft transcripts of sessions: consent of each person, lines by speaker, correction, and what becomes of them at the end."""
