"""Who is logged in: passwords, second factors, what comes before the site is open, time-out."""
