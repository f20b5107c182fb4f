"""The laws of the data types, written once for all of them."""
