"""`aurelius db`: looking after the database, with the rights of its owner, whether or not the platform runs."""
