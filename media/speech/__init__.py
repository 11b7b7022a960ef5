"""Speech to text for draft transcripts and the language helper: engines, their worker processes, models. Knows no session and no database."""
