-- With what each row of a ledger was compared: a device that is another by now is not written over. Null version: of before;
-- null area: there was no such device.
alter table device_import_row add column version integer, add column area text;
