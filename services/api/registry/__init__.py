"""What stands in the field: devices, sites and areas, how a ledger of them is imported, what is done with a device."""
