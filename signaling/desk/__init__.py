"""The language desk: finding out which language a person speaks, without ever asking where they come from."""
