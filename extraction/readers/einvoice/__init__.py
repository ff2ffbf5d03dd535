"""Reading the XML of electronic invoices: CII and UBL."""
