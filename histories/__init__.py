"""What happened: rows, specification, vocabulary and files of lock histories. Imports nothing else of Lockquake."""
