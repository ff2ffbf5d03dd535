"""Log records on their way from a call of logging to a row of ApplicationLogs."""
