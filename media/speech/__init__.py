"""Speech to text for draft transcripts and the language helper: engines, worker processes, models. Knows no session, no database."""
